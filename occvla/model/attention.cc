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

// KeyRanges beside the tensors: [T] int32 each.
struct RangeTensors {
  at::Tensor begin, end;    // Of the own keys: begin is at least `shared`.
  at::Tensor shared_begin;  // Undefined where nothing is shared.
  int64_t shared = 0;

  RangeTensors Narrow(int64_t first, int64_t t) const {
    return {begin.narrow(0, first, t), end.narrow(0, first, t),
            shared > 0 ? shared_begin.narrow(0, first, t) : shared_begin, shared};
  }
  // [t, S]: what each query sees.
  at::Tensor Visible(int64_t S) const {
    const auto key = at::arange(S, begin.options()).unsqueeze(0);  // [1, S]
    auto own = (key >= begin.unsqueeze(1)).logical_and_(key < end.unsqueeze(1));
    if (shared == 0) return own;
    return own.logical_or_((key >= shared_begin.unsqueeze(1)).logical_and_(key < shared));
  }
  // [t]: the queries that see nothing.
  at::Tensor Blind() const {
    const auto own = end <= begin;
    return shared == 0 ? own : own.logical_and(shared_begin >= shared);
  }
};

RangeTensors ToTensors(const KeyRanges& ranges, const at::Tensor& like) {
  RangeTensors tensors{Indices(ranges.begin, like), Indices(ranges.end, like), {}, ranges.shared};
  if (ranges.shared == 0) return tensors;
  tensors.begin = tensors.begin.clamp_min(ranges.shared);
  tensors.shared_begin = ranges.shared_begin.empty() ? at::zeros_like(tensors.begin)
                                                     : Indices(ranges.shared_begin, like);
  return tensors;
}

// Scores and what they came from for queries [first, last): everything the two passes share.
struct Chunk {
  at::Tensor q;        // [K, G * t, D], G = H / K
  at::Tensor tanh;     // [K, G * t, S], or undefined without a cap
  at::Tensor weights;  // [K, G * t, S]
};

// [t, H, D] -> [K, G * t, D]: the queries that share a key head stand together.
at::Tensor GroupHeads(const at::Tensor& x, int64_t K) {
  const int64_t t = x.size(0), G = x.size(1) / K, D = x.size(2);
  return x.view({t, K, G, D}).permute({1, 2, 0, 3}).reshape({K, G * t, D});
}

// [K, G * t, D] -> [t, H, D]
at::Tensor UngroupHeads(const at::Tensor& x, int64_t t) {
  const int64_t K = x.size(0), G = x.size(1) / t, D = x.size(2);
  return x.view({K, G, t, D}).permute({2, 0, 1, 3}).reshape({t, K * G, D});
}

Chunk ScoreChunk(const at::Tensor& q, const at::Tensor& k, const RangeTensors& ranges,
                 const AttentionOptions& options) {
  const int64_t K = k.size(0), S = k.size(1), t = q.size(0), G = q.size(1) / K;
  Chunk chunk;
  chunk.q = GroupHeads(q, K);
  auto scores = at::bmm(chunk.q, k.transpose(1, 2)).mul_(options.scale);  // [K, G * t, S]
  if (options.softcap > 0) {
    chunk.tanh = scores.div_(options.softcap).tanh_();
    scores = chunk.tanh * options.softcap;
  }
  const auto hidden = ranges.Visible(S).logical_not_().view({1, 1, t, S});
  scores.view({K, G, t, S}).masked_fill_(hidden, -std::numeric_limits<double>::infinity());
  chunk.weights = at::softmax(scores, -1);
  // Zero only the rows that may see nothing. A NaN that came in must stay visible.
  const auto blind = ranges.Blind().view({1, 1, t, 1});
  chunk.weights.view({K, G, t, S}).masked_fill_(blind, 0);
  return chunk;
}

int64_t ChunkLength(const at::Tensor& q, const at::Tensor& k, const AttentionOptions& options) {
  // Scores, their tanh and the mask are alive together.
  const int64_t row_bytes = q.size(1) * k.size(1) * (MathType(q) == at::kDouble ? 8 : 4) * 3;
  return std::clamp<int64_t>(options.max_score_bytes / std::max<int64_t>(row_bytes, 1), 1,
                             std::max<int64_t>(q.size(0), 1));
}

at::Tensor ForwardByChunks(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           const RangeTensors& ranges, const AttentionOptions& options) {
  const int64_t T = q.size(0);
  const auto k_math = k.to(MathType(q)), v_math = v.to(MathType(q));
  auto out = at::empty({T, q.size(1), q.size(2)}, q.options());
  const int64_t step = ChunkLength(q, k, options);
  for (int64_t first = 0; first < T; first += step) {
    const int64_t t = std::min(step, T - first);
    const auto chunk =
        ScoreChunk(q.narrow(0, first, t).to(MathType(q)), k_math, ranges.Narrow(first, t), options);
    out.narrow(0, first, t).copy_(UngroupHeads(at::bmm(chunk.weights, v_math), t));
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
    const int64_t T = q.size(0), K = k.size(0);
    const auto k_math = k.to(type), v_math = v.to(type);
    auto dq = at::empty_like(q);
    auto dk = at::zeros(k.sizes(), k.options().dtype(type));
    auto dv = at::zeros(v.sizes(), v.options().dtype(type));
    const int64_t step = ChunkLength(q, k, options);
    for (int64_t first = 0; first < T; first += step) {
      const int64_t t = std::min(step, T - first);
      const auto chunk =
          ScoreChunk(q.narrow(0, first, t).to(type), k_math, ranges.Narrow(first, t), options);
      const auto d_out = GroupHeads(gradient.narrow(0, first, t).to(type).contiguous(), K);
      dv.add_(at::bmm(chunk.weights.transpose(1, 2), d_out));
      auto d_scores = at::bmm(d_out, v_math.transpose(1, 2));  // [K, G * t, S]
      d_scores.sub_((d_scores * chunk.weights).sum(-1, /*keepdim=*/true)).mul_(chunk.weights);
      if (options.softcap > 0) d_scores.mul_(1 - chunk.tanh.square());
      d_scores.mul_(options.scale);
      dq.narrow(0, first, t).copy_(UngroupHeads(at::bmm(d_scores, k_math), t));
      dk.add_(at::bmm(d_scores.transpose(1, 2), chunk.q));
    }
    return {dq, dk.to(k.scalar_type()), dv.to(v.scalar_type())};
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

}  // namespace

at::Tensor Attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                     const KeyRanges& ranges, const AttentionOptions& options) {
  const int64_t T = q.size(0), H = q.size(1), D = q.size(2), K = k.size(0), S = k.size(1);
  TORCH_CHECK(K > 0 && H % K == 0, H, " query heads do not divide among ", K, " key heads");
  TORCH_CHECK(k.sizes() == v.sizes() && k.size(2) == D, "q is ", q.sizes(), ", k is ", k.sizes(),
              ", v is ", v.sizes());
  CheckRanges(ranges, T, S);
  const bool same_types = q.scalar_type() == k.scalar_type() && k.scalar_type() == v.scalar_type();
  at::Tensor out;  // [T, H, D]
  if (same_types && UsesKernels(q) && UsesKernels(k) && UsesKernels(v)) {
    out = ForwardByKernel(q, k, v, ranges, options);
  } else if (same_types && ranges.shared == 0 && CudaKernelServes(q, k, v)) {
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
