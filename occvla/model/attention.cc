#include "occvla/model/attention.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <limits>

#include "occvla/model/device.h"
#include "occvla/model/layers.h"
#include "occvla/model/linear.h"

namespace occvla::model {

KeyRanges KeyRanges::All(int64_t T, int64_t to, int64_t from) {
  return {std::vector<int32_t>(T, static_cast<int32_t>(from)),
          std::vector<int32_t>(T, static_cast<int32_t>(to))};
}

KeyRanges KeyRanges::Causal(int64_t T, int64_t first) {
  KeyRanges ranges = All(T, 0);
  for (int64_t t = 0; t < T; ++t) ranges.end[t] = static_cast<int32_t>(first + t + 1);
  return ranges;
}

KeyRanges KeyRanges::Windowed(const std::vector<int64_t>& positions, int64_t window) const {
  TORCH_CHECK(positions.size() == begin.size(), positions.size(), " positions for ", begin.size(),
              " queries");
  KeyRanges narrow = *this;
  if (shared > 0 && shared_begin.empty()) narrow.shared_begin.assign(begin.size(), 0);
  for (size_t t = 0; t < positions.size(); ++t) {
    const int64_t lowest = positions[t] - window + 1;
    int64_t own = lowest;  // The lowest of the query's own keys.
    if (shared > 0) {
      auto& from = narrow.shared_begin[t];
      from = std::max(from, static_cast<int32_t>(std::clamp<int64_t>(lowest, 0, shared)));
      narrow.begin[t] = std::max(begin[t], shared);
      own += narrow.begin[t] - shared;
    }
    narrow.begin[t] =
        std::max(narrow.begin[t], static_cast<int32_t>(std::clamp<int64_t>(own, 0, end[t])));
  }
  return narrow;
}

KeyRanges KeyRanges::On(at::Device device) const {
  if (device.is_cpu()) return *this;
  auto all = begin;
  all.insert(all.end(), end.begin(), end.end());
  all.insert(all.end(), shared_begin.begin(), shared_begin.end());
  all.resize(3 * begin.size());
  KeyRanges there = *this;
  there.copies = at::tensor(all, at::TensorOptions().dtype(at::kInt))
                     .view({3, static_cast<int64_t>(begin.size())})
                     .to(device);
  return there;
}

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

at::ScalarType MathType(const at::Tensor& x) {
  return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

at::Tensor Indices(const std::vector<int32_t>& values, const at::Tensor& like) {
  return at::tensor(values, at::TensorOptions().dtype(at::kInt)).to(like.device());
}

// KeyRanges beside the tensors: [B, t] int32 each, B blocks of t queries.
struct RangeTensors {
  at::Tensor begin, end;    // Of the own keys: begin is at least `shared`.
  at::Tensor shared_begin;  // Undefined where nothing is shared.
  int64_t shared = 0;

  int64_t blocks() const { return begin.size(0); }
  RangeTensors Narrow(int64_t first, int64_t t) const {
    return {begin.narrow(1, first, t), end.narrow(1, first, t),
            shared > 0 ? shared_begin.narrow(1, first, t) : shared_begin, shared};
  }
  // [B, t, S]: what each query sees.
  at::Tensor Visible(int64_t S) const {
    const auto key = at::arange(S, begin.options()).view({1, 1, S});
    auto own = (key >= begin.unsqueeze(2)).logical_and_(key < end.unsqueeze(2));
    if (shared == 0) return own;
    return own.logical_or_((key >= shared_begin.unsqueeze(2)).logical_and_(key < shared));
  }
  // [B, t]: the queries that see nothing.
  at::Tensor Blind() const {
    const auto own = end <= begin;
    return shared == 0 ? own : own.logical_and(shared_begin >= shared);
  }
};

RangeTensors ToTensors(const KeyRanges& ranges, const at::Tensor& like) {
  RangeTensors tensors{{}, {}, {}, ranges.shared};
  if (ranges.copies.defined()) {
    tensors.begin = ranges.copies[0];
    tensors.end = ranges.copies[1];
    if (ranges.shared > 0) tensors.shared_begin = ranges.copies[2];
  } else {
    tensors.begin = Indices(ranges.begin, like);
    tensors.end = Indices(ranges.end, like);
    if (ranges.shared > 0) {
      tensors.shared_begin = ranges.shared_begin.empty() ? at::zeros_like(tensors.begin)
                                                         : Indices(ranges.shared_begin, like);
    }
  }
  if (ranges.shared > 0) tensors.begin = tensors.begin.clamp_min(ranges.shared);
  for (auto* each : {&tensors.begin, &tensors.end, &tensors.shared_begin})
    if (each->defined()) *each = each->view({ranges.blocks, -1});
  return tensors;
}

// Scores and what they came from for some queries of each block: everything the two passes share.
struct Chunk {
  at::Tensor q;        // [B * K, G * t, D], G = H / K
  at::Tensor tanh;     // [B * K, G * t, S], or undefined without a cap
  at::Tensor weights;  // [B * K, G * t, S]
};

// [B, t, H, D] -> [B * K, G * t, D]: the queries that share a key head stand together.
at::Tensor GroupHeads(const at::Tensor& x, int64_t K) {
  const int64_t B = x.size(0), t = x.size(1), G = x.size(2) / K, D = x.size(3);
  return x.view({B, t, K, G, D}).permute({0, 2, 3, 1, 4}).reshape({B * K, G * t, D});
}

// [B * K, G * t, D] -> [B, t, H, D]
at::Tensor UngroupHeads(const at::Tensor& x, int64_t B, int64_t t) {
  const int64_t K = x.size(0) / B, G = x.size(1) / t, D = x.size(2);
  return x.view({B, K, G, t, D}).permute({0, 3, 1, 2, 4}).reshape({B, t, K * G, D});
}

// [T, H, D] -> [B, T / B, H, D]
at::Tensor ByBlock(const at::Tensor& x, int64_t B) {
  return x.view({B, x.size(0) / B, x.size(1), x.size(2)});
}

// [K, B * S, D] -> [B * K, S, D]
at::Tensor KeysByBlock(const at::Tensor& k, int64_t B) {
  if (B == 1) return k;
  const int64_t K = k.size(0), S = k.size(1) / B, D = k.size(2);
  return k.reshape({K, B, S, D}).transpose(0, 1).reshape({B * K, S, D});
}

// [B * K, S, D] -> [K, B * S, D]
at::Tensor KeysInARow(const at::Tensor& k, int64_t B) {
  if (B == 1) return k;
  const int64_t K = k.size(0) / B, S = k.size(1), D = k.size(2);
  return k.view({B, K, S, D}).transpose(0, 1).reshape({K, B * S, D});
}

// q [B, t, H, D], k [B * K, S, D]
Chunk ScoreChunk(const at::Tensor& q, const at::Tensor& k, const RangeTensors& ranges,
                 const AttentionOptions& options) {
  const int64_t B = q.size(0), K = k.size(0) / B, S = k.size(1), t = q.size(1), G = q.size(2) / K;
  Chunk chunk;
  chunk.q = GroupHeads(q, K);
  auto scores = at::bmm(chunk.q, k.transpose(1, 2)).mul_(options.scale);  // [B * K, G * t, S]
  if (options.softcap > 0) {
    chunk.tanh = scores.div_(options.softcap).tanh_();
    scores = chunk.tanh * options.softcap;
  }
  const auto hidden = ranges.Visible(S).logical_not_().view({B, 1, 1, t, S});
  scores.view({B, K, G, t, S}).masked_fill_(hidden, -std::numeric_limits<double>::infinity());
  chunk.weights = at::softmax(scores, -1);
  // Zero only the rows that may see nothing. A NaN that came in must stay visible.
  const auto blind = ranges.Blind().view({B, 1, 1, t, 1});
  chunk.weights.view({B, K, G, t, S}).masked_fill_(blind, 0);
  return chunk;
}

// How many queries of each block; k [B * K, S, D].
int64_t ChunkLength(const at::Tensor& q, const at::Tensor& k, int64_t B,
                    const AttentionOptions& options) {
  // Scores, their tanh and the mask are alive together.
  const int64_t row_bytes = B * q.size(1) * k.size(1) * (MathType(q) == at::kDouble ? 8 : 4) * 3;
  return std::clamp<int64_t>(options.max_score_bytes / std::max<int64_t>(row_bytes, 1), 1,
                             std::max<int64_t>(q.size(0) / B, 1));
}

at::Tensor ForwardByChunks(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           const RangeTensors& ranges, const AttentionOptions& options) {
  const int64_t B = ranges.blocks(), T = q.size(0) / B;
  const auto k_math = KeysByBlock(k.to(MathType(q)), B), v_math = KeysByBlock(v.to(MathType(q)), B);
  auto out = at::empty({q.size(0), q.size(1), q.size(2)}, q.options());
  const auto all_q = ByBlock(q, B), all_out = ByBlock(out, B);
  const int64_t step = ChunkLength(q, k_math, B, options);
  for (int64_t first = 0; first < T; first += step) {
    const int64_t t = std::min(step, T - first);
    const auto chunk = ScoreChunk(all_q.narrow(1, first, t).to(MathType(q)), k_math,
                                  ranges.Narrow(first, t), options);
    all_out.narrow(1, first, t).copy_(UngroupHeads(at::bmm(chunk.weights, v_math), B, t));
  }
  return out;
}

// The same fields under the same names on both sides of the library's border.
template <typename Args>
void FillArgs(Args& args, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
              const at::Tensor& out, const AttentionOptions& options) {
  TORCH_CHECK(q.stride(2) == 1 && k.stride(2) == 1 && v.stride(2) == 1,
              "the head dimension must be contiguous");
  args.q = q.const_data_ptr();
  args.k = k.const_data_ptr();
  args.v = v.const_data_ptr();
  args.out = out.mutable_data_ptr();
  args.queries = q.size(0);
  args.keys = k.size(1);
  args.heads = q.size(1);
  args.key_heads = k.size(0);
  args.head_size = q.size(2);
  args.q_head_stride = q.stride(1);
  args.q_row_stride = q.stride(0);
  args.k_head_stride = k.stride(0);
  args.k_row_stride = k.stride(1);
  args.v_head_stride = v.stride(0);
  args.v_row_stride = v.stride(1);
  args.out_head_stride = out.stride(1);
  args.out_row_stride = out.stride(0);
  args.scale = static_cast<float>(options.scale);
  args.softcap = static_cast<float>(options.softcap);
}

at::Tensor ForwardByKernel(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           const KeyRanges& ranges, const AttentionOptions& options) {
  auto out = at::empty({q.size(0), q.size(1), q.size(2)}, q.options());
  kernels::AttentionArgs args;
  FillArgs(args, q, k, v, out, options);
  args.storage = StorageOf(q);
  args.begin = ranges.begin.data();
  args.end = ranges.end.data();
  args.shared = ranges.shared;
  args.shared_begin = ranges.shared_begin.empty() ? nullptr : ranges.shared_begin.data();
  ParallelFor(kernels::AttentionTasks(args), 1,
              [&](int64_t first, int64_t last) { kernels::Attention(args, first, last); });
  return out;
}

// The rest for calls whose gradients are wanted, where the ranges are tensors.
kernels::AttentionArgs TrainingArgs(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                    const at::Tensor& out, const at::Tensor& logsumexp,
                                    const RangeTensors& ranges, const AttentionOptions& options) {
  kernels::AttentionArgs args;
  FillArgs(args, q, k, v, out, options);
  args.storage = StorageOf(q);
  args.begin = ranges.begin.const_data_ptr<int32_t>();
  args.end = ranges.end.const_data_ptr<int32_t>();
  args.shared = static_cast<int32_t>(ranges.shared);
  if (ranges.shared > 0) args.shared_begin = ranges.shared_begin.const_data_ptr<int32_t>();
  args.logsumexp = logsumexp.mutable_data_ptr<float>();
  return args;
}

// dq, dk and dv by the fused kernel.
variable_list BackwardByKernel(const kernels::AttentionArgs& of, const at::Tensor& q,
                               const at::Tensor& k, at::Tensor d_out) {
  if (d_out.stride(2) != 1) d_out = d_out.contiguous();
  auto dq = at::empty({of.heads, of.queries, of.head_size}, q.options()).transpose(0, 1);
  const int64_t parts = kernels::AttentionBackwardParts(of), padded = (of.head_size + 15) / 16 * 16;
  const auto sums =
      at::empty({2, parts, of.key_heads, of.keys, padded}, q.options().dtype(at::kFloat));
  const kernels::AttentionBackwardArgs args{.of = of,
                                            .dout = d_out.const_data_ptr(),
                                            .dq = dq.mutable_data_ptr(),
                                            .dk = sums[0].mutable_data_ptr<float>(),
                                            .dv = sums[1].mutable_data_ptr<float>(),
                                            .dout_head_stride = d_out.stride(1),
                                            .dout_row_stride = d_out.stride(0),
                                            .dq_head_stride = dq.stride(1),
                                            .dq_row_stride = dq.stride(0)};
  ParallelFor(of.key_heads * parts, 1,
              [&](int64_t first, int64_t last) { kernels::AttentionBackward(args, first, last); });
  // Part by part: one order of summation whatever the threads.
  auto total = sums.select(1, 0);
  for (int64_t part = 1; part < parts; ++part) total.add_(sums.select(1, part));
  total = total.narrow(3, 0, of.head_size).to(k.scalar_type());
  return {dq, total[0], total[1]};
}

bool CudaKernelServes(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const bool gradient =
      c10::GradMode::is_enabled() && (q.requires_grad() || k.requires_grad() || v.requires_grad());
  const auto type = q.scalar_type();
  return q.device().is_cuda() && !gradient && (type == at::kFloat || type == at::kBFloat16) &&
         q.size(2) <= 256 && CudaKernels().usable();
}

// Enqueued on the default stream, torch's own as long as nobody sets another.
at::Tensor ForwardByCuda(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                         const KeyRanges& ranges, const AttentionOptions& options) {
  auto out = at::empty({q.size(0), q.size(1), q.size(2)}, q.options());
  const auto begin = Indices(ranges.begin, q), end = Indices(ranges.end, q);
  OccvlaCudaAttention args{};
  FillArgs(args, q, k, v, out, options);
  args.storage = q.scalar_type() == at::kBFloat16 ? OCCVLA_CUDA_BF16 : OCCVLA_CUDA_F32;
  args.begin = begin.const_data_ptr<int32_t>();
  args.end = end.const_data_ptr<int32_t>();
  const int code = CudaKernels().attention(&args, /*stream=*/nullptr);
  TORCH_CHECK(code == 0, "CUDA attention: ", CudaKernels().error(code));
  return out;
}

// With s = scale q.k, c = cap tanh(s / cap), p = softmax(c), o = p v:
//   dv = p^T do;  dp = do v^T;  dc = p (dp - sum(dp p));  ds = dc (1 - tanh^2);  dq = scale ds k;
//   dk = scale ds^T q.
class AttentionFunction : public Function<AttentionFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& v, const RangeTensors& ranges, double scale,
                            double softcap, int64_t max_score_bytes, bool kernel) {
    at::Tensor out, logsumexp;  // [T, H, D], [H, T]
    const AttentionOptions options{scale, softcap, max_score_bytes};
    if (kernel) {
      out = at::empty({q.size(0), q.size(1), q.size(2)}, q.options());
      logsumexp = at::empty({q.size(1), q.size(0)}, q.options().dtype(at::kFloat));
      const auto args = TrainingArgs(q, k, v, out, logsumexp, ranges, options);
      ParallelFor(kernels::AttentionTasks(args), 1,
                  [&](int64_t first, int64_t last) { kernels::Attention(args, first, last); });
    } else {
      out = ForwardByChunks(q, k, v, ranges, options);
    }
    context->save_for_backward({q, k, v, ranges.begin, ranges.end, ranges.shared_begin,
                                kernel ? out : at::Tensor(), logsumexp});
    context->saved_data["shared"] = ranges.shared;
    context->saved_data["scale"] = scale;
    context->saved_data["softcap"] = softcap;
    context->saved_data["max_score_bytes"] = max_score_bytes;
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto &q = saved[0], &k = saved[1], &v = saved[2];
    const RangeTensors ranges{saved[3], saved[4], saved[5], context->saved_data["shared"].toInt()};
    const AttentionOptions options{context->saved_data["scale"].toDouble(),
                                   context->saved_data["softcap"].toDouble(),
                                   context->saved_data["max_score_bytes"].toInt()};
    if (const auto& out = saved[6], &logsumexp = saved[7]; logsumexp.defined()) {
      auto all = BackwardByKernel(TrainingArgs(q, k, v, out, logsumexp, ranges, options), q, k,
                                  gradients[0]);
      all.resize(8);
      return all;
    }
    auto all = ByChunks(q, k, v, ranges, options, gradients[0]);
    all.resize(8);
    return all;
  }

 private:
  static variable_list ByChunks(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                const RangeTensors& ranges, const AttentionOptions& options,
                                const at::Tensor& gradient) {
    const auto type = MathType(q);
    const int64_t B = ranges.blocks(), T = q.size(0) / B, K = k.size(0);
    const auto k_math = KeysByBlock(k.to(type), B), v_math = KeysByBlock(v.to(type), B);
    auto dq = at::empty_like(q);
    auto dk = at::zeros_like(k_math), dv = at::zeros_like(v_math);
    const auto all_q = ByBlock(q, B), all_dq = ByBlock(dq, B), all_d_out = ByBlock(gradient, B);
    const int64_t step = ChunkLength(q, k_math, B, options);
    for (int64_t first = 0; first < T; first += step) {
      const int64_t t = std::min(step, T - first);
      const auto chunk =
          ScoreChunk(all_q.narrow(1, first, t).to(type), k_math, ranges.Narrow(first, t), options);
      const auto d_out = GroupHeads(all_d_out.narrow(1, first, t).to(type).contiguous(), K);
      dv.add_(at::bmm(chunk.weights.transpose(1, 2), d_out));
      auto d_scores = at::bmm(d_out, v_math.transpose(1, 2));  // [B * K, G * t, S]
      d_scores.sub_((d_scores * chunk.weights).sum(-1, /*keepdim=*/true)).mul_(chunk.weights);
      if (options.softcap > 0) d_scores.mul_(1 - chunk.tanh.square());
      d_scores.mul_(options.scale);
      all_dq.narrow(1, first, t).copy_(UngroupHeads(at::bmm(d_scores, k_math), B, t));
      dk.add_(at::bmm(d_scores.transpose(1, 2), chunk.q));
    }
    return {dq, KeysInARow(dk, B).to(k.scalar_type()), KeysInARow(dv, B).to(v.scalar_type())};
  }
};

void CheckRanges(const KeyRanges& ranges, int64_t T, int64_t S) {
  TORCH_CHECK(static_cast<int64_t>(ranges.end.size()) == T, ranges.end.size(), " ranges for ", T,
              " queries");
  for (int64_t t = 0; t < T; ++t) {
    TORCH_CHECK(0 <= ranges.begin[t] && ranges.end[t] <= S, "query ", t, " may not see keys [",
                ranges.begin[t], ", ", ranges.end[t], ") of ", S);
  }
  TORCH_CHECK(0 <= ranges.shared && ranges.shared <= S, ranges.shared, " shared keys of ", S);
  TORCH_CHECK(ranges.shared_begin.empty() || static_cast<int64_t>(ranges.shared_begin.size()) == T,
              ranges.shared_begin.size(), " starts of the shared keys for ", T, " queries");
  for (const int32_t first : ranges.shared_begin)
    TORCH_CHECK(first >= 0, "the shared keys may not start at ", first);
}

// The kernels of the CPU know one block.
at::Tensor BlockByBlock(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                        const KeyRanges& ranges, const AttentionOptions& options) {
  const int64_t B = ranges.blocks, t = q.size(0) / B, S = k.size(1) / B;
  const auto part = [&](const std::vector<int32_t>& all, int64_t b) {
    return all.empty() ? all : std::vector<int32_t>(all.begin() + b * t, all.begin() + (b + 1) * t);
  };
  std::vector<at::Tensor> out;
  for (int64_t b = 0; b < B; ++b) {
    const KeyRanges own{.begin = part(ranges.begin, b),
                        .end = part(ranges.end, b),
                        .shared = ranges.shared,
                        .shared_begin = part(ranges.shared_begin, b)};
    out.push_back(Attention(q.narrow(0, b * t, t), k.narrow(1, b * S, S), v.narrow(1, b * S, S),
                            own, options));
  }
  return at::cat(out);  // [T, H * D]
}

}  // namespace

at::Tensor Attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                     const KeyRanges& ranges, const AttentionOptions& options) {
  const int64_t T = q.size(0), H = q.size(1), D = q.size(2), K = k.size(0), B = ranges.blocks;
  TORCH_CHECK(K > 0 && H % K == 0, H, " query heads do not divide among ", K, " key heads");
  TORCH_CHECK(k.sizes() == v.sizes() && k.size(2) == D, "q is ", q.sizes(), ", k is ", k.sizes(),
              ", v is ", v.sizes());
  TORCH_CHECK(B > 0 && T % B == 0 && k.size(1) % B == 0, T, " queries and ", k.size(1),
              " keys do not divide into ", B, " blocks");
  CheckRanges(ranges, T, k.size(1) / B);
  if (B > 1 && KernelsTake(q)) return BlockByBlock(q, k, v, ranges, options);
  const bool same_types = q.scalar_type() == k.scalar_type() && k.scalar_type() == v.scalar_type();
  at::Tensor out;  // [T, H, D]
  if (same_types && UsesKernels(q) && UsesKernels(k) && UsesKernels(v)) {
    out = ForwardByKernel(q, k, v, ranges, options);
  } else if (same_types && ranges.shared == 0 && B == 1 && CudaKernelServes(q, k, v)) {
    out = ForwardByCuda(q, k, v, ranges, options);
  } else {
    const bool kernel = same_types && KernelsTake(q) && KernelsTake(k) && KernelsTake(v) &&
                        q.stride(2) == 1 && k.stride(2) == 1 && v.stride(2) == 1;
    out = AttentionFunction::apply(q, k, v, ToTensors(ranges, q), options.scale, options.softcap,
                                   options.max_score_bytes, kernel);
  }
  return out.reshape({T, H * D});
}

}  // namespace occvla::model
