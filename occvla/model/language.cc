#include "occvla/model/language.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>

#include "occvla/model/recompute.h"

namespace occvla::model {

KvCache::KvCache(const TextConfig& config, int64_t capacity, const at::TensorOptions& options,
                 int64_t blocks)
    : capacity_(capacity), blocks_(blocks) {
  TORCH_CHECK(blocks == 1 || capacity == 0, "only a cache without capacity holds blocks");
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    k_.push_back(at::empty({config.key_heads, capacity, config.head_size}, options));
    v_.push_back(at::empty({config.key_heads, capacity, config.head_size}, options));
  }
}

void KvCache::Truncate(int64_t length) {
  TORCH_CHECK(0 <= length && length <= length_, "cannot cut ", length_, " tokens to ", length);
  TORCH_CHECK(blocks_ == 1, "a cache of blocks is never cut");
  length_ = length;
  skip_begin_ = std::min(skip_begin_, length);
  skip_end_ = std::min(skip_end_, length);
  if (capacity_ > 0) return;
  for (auto& k : k_) k = k.narrow(1, 0, length);
  for (auto& v : v_) v = v.narrow(1, 0, length);
}

int64_t KvCache::next_position() const {
  return length_ - std::clamp<int64_t>(length_ - skip_begin_, 0, skip_end_ - skip_begin_);
}

void KvCache::SkipPositions(int64_t tokens) {
  skip_end_ = length_;
  skip_begin_ = length_ - tokens;
}

at::Tensor KvCache::Keys(int64_t layer) const { return k_[layer].narrow(1, 0, blocks_ * length_); }
at::Tensor KvCache::Values(int64_t layer) const {
  return v_[layer].narrow(1, 0, blocks_ * length_);
}

// [K, B * S, D] and [K, B * t, D] -> [K, B * (S + t), D]
at::Tensor KvCache::Grown(const at::Tensor& kept, const at::Tensor& more) const {
  if (blocks_ == 1) return at::cat({kept, more}, 1);
  const int64_t K = kept.size(0), D = kept.size(2);
  const auto by_block = [&](const at::Tensor& x) {
    return x.reshape({K, blocks_, x.size(1) / blocks_, D});
  };
  return at::cat({by_block(kept), by_block(more)}, 2).view({K, kept.size(1) + more.size(1), D});
}

uint64_t KvCache::bytes() const {
  uint64_t total = 0;
  for (const auto& k : k_) total += 2 * k.nbytes();
  return total;
}

double LanguageModel::EmbeddingScale() const {
  const double root = std::sqrt(static_cast<double>(config.hidden));
  return compute == at::kBFloat16 ? static_cast<double>(c10::BFloat16(static_cast<float>(root)))
                                  : root;
}

at::ScalarType LanguageModel::ResidualType() const {
  if (compute == at::kDouble) return at::kDouble;
  return bf16_residual && compute == at::kBFloat16 ? at::kBFloat16 : at::kFloat;
}

at::Tensor LanguageModel::Embed(const std::vector<int64_t>& ids) const {
  const auto index = at::tensor(ids, at::TensorOptions().dtype(at::kLong)).to(embedding.device());
  return embedding.index_select(0, index).to(ResidualType()) * EmbeddingScale();  // [T, C]
}

at::Tensor LanguageModel::Forward(at::Tensor x, const Pass& pass, KvCache& cache) const {
  const int64_t T = x.size(0);
  TORCH_CHECK(static_cast<int64_t>(pass.positions.size()) == T, pass.positions.size(),
              " positions for ", T, " tokens");
  const bool keep = pass.remember == Remember::kYes;
  TORCH_CHECK(pass.ranges.blocks == cache.blocks_ && T % cache.blocks_ == 0, T, " tokens in ",
              pass.ranges.blocks, " blocks for a cache of ", cache.blocks_);
  TORCH_CHECK(!keep || cache.capacity_ == 0 || cache.length_ + T <= cache.capacity_,
              "the cache of ", cache.capacity_, " tokens cannot take ", T, " more after ",
              cache.length_);
  const auto table =
      MakeRotaryTable(pass.positions, config.head_size, config.rope_theta, x.options());
  const auto all = pass.ranges.On(x.device());
  const auto windowed =
      config.sliding_window > 0
          ? pass.ranges.Windowed(pass.positions, config.sliding_window).On(x.device())
          : all;
  x = x.contiguous();
  const bool recompute = recompute_layers && c10::GradMode::is_enabled() && cache.capacity_ == 0;
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    const auto& ranges = layer % 2 == 0 ? windowed : all;
    x = recompute ? RecomputedLayer(x, layer, pass, ranges, table, cache)
                  : Layer(x, layer, pass, ranges, table, cache);
    if (pass.on_layer) pass.on_layer();
  }
  if (keep) cache.length_ += T / cache.blocks_;
  const auto out = x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  return RmsNorm(x, final_norm, config.norm_eps, out);  // [T, C]
}

at::Tensor LanguageModel::Layer(at::Tensor x, int64_t layer, const Pass& pass,
                                const KeyRanges& ranges, const RotaryTable& table,
                                KvCache& cache) const {
  const auto& w = layers[layer];
  const AdapterSet& set = pass.adapters != nullptr ? *pass.adapters : adapters;
  const int64_t T = x.size(0);

  const auto attended = AttentionBlock(x, layer, pass, ranges, table, cache);  // [T, C]
  x = AddWithAdapter(x, attended, w.post_attention_norm, set.attention[layer]);

  const auto b = RmsNorm(x, w.pre_ffn_norm, config.norm_eps, w.gate.InputType(T));
  const auto gate_up = ApplyTogether({&w.gate, &w.up}, b);  // [T, F] each
  const auto m = w.down(GeluTanh(gate_up[0], gate_up[1]));  // [T, C]
  return AddWithAdapter(x, m, w.post_ffn_norm, set.ffn[layer]);
}

at::Tensor LanguageModel::RecomputedLayer(const at::Tensor& x, int64_t layer, const Pass& pass,
                                          const KeyRanges& ranges, const RotaryTable& table,
                                          KvCache& cache) const {
  // Everything the block reads is its own: it runs again when this pass is long over.
  const AdapterSet* set = pass.adapters;
  Pass again{.positions = {}, .ranges = {}, .remember = pass.remember, .adapters = set};
  const bool keep = pass.remember == Remember::kYes;
  const auto block = [this, layer, again, ranges, table, keep,
                      cache](const std::vector<at::Tensor>& inputs) {
    KvCache own = cache;
    own.k_[layer] = inputs[1];
    own.v_[layer] = inputs[2];
    // The layer changes what it is given where no gradient is wanted.
    std::vector<at::Tensor> out{Layer(inputs[0].clone(), layer, again, ranges, table, own)};
    if (keep) out.insert(out.end(), {own.k_[layer], own.v_[layer]});
    return out;
  };
  const auto out =
      Recomputed(block, {x, cache.k_[layer], cache.v_[layer]}, TrainedWeights(layer, pass));
  if (keep) {
    cache.k_[layer] = out[1];
    cache.v_[layer] = out[2];
  }
  return out[0];
}

std::vector<at::Tensor> LanguageModel::TrainedWeights(int64_t layer, const Pass& pass) const {
  const auto& w = layers[layer];
  const AdapterSet& set = pass.adapters != nullptr ? *pass.adapters : adapters;
  const auto &a = set.attention[layer], &f = set.ffn[layer];
  std::vector<at::Tensor> trained;
  for (const auto& tensor : {w.input_norm, w.post_attention_norm, w.pre_ffn_norm, w.post_ffn_norm,
                             w.q.weight, w.k.weight, w.v.weight, w.o.weight, w.gate.weight,
                             w.up.weight, w.down.weight, a.down.weight, a.down.bias, a.up.weight,
                             a.up.bias, f.down.weight, f.down.bias, f.up.weight, f.up.bias})
    if (tensor.defined() && tensor.requires_grad()) trained.push_back(tensor);
  return trained;
}

at::Tensor LanguageModel::AttentionBlock(const at::Tensor& x, int64_t layer, const Pass& pass,
                                         const KeyRanges& ranges, const RotaryTable& table,
                                         KvCache& cache) const {
  const auto& w = layers[layer];
  const int64_t T = x.size(0), before = cache.length_;
  const auto a = RmsNorm(x, w.input_norm, config.norm_eps, w.q.InputType(T));  // [T, C]

  at::Tensor q, k, v;  // q [H, T, D]; k, v [K, S, D]
  if (pass.remember == Remember::kYes) {
    const auto qkv = ApplyTogether({&w.q, &w.k, &w.v}, a);
    q = RotateHeads(qkv[0], config.heads, &table, compute);
    auto &all_k = cache.k_[layer], &all_v = cache.v_[layer];
    if (cache.capacity_ > 0) {
      RotateHeads(qkv[1], config.key_heads, &table, compute, all_k, before);
      RotateHeads(qkv[2], config.key_heads, nullptr, compute, all_v, before);
    } else {
      all_k = cache.Grown(all_k, RotateHeads(qkv[1], config.key_heads, &table, compute));
      all_v = cache.Grown(all_v, RotateHeads(qkv[2], config.key_heads, nullptr, compute));
    }
    k = all_k.narrow(1, 0, cache.blocks_ * before + T);
    v = all_v.narrow(1, 0, cache.blocks_ * before + T);
  } else {
    q = RotateHeads(w.q(a), config.heads, &table, compute);
    k = cache.Keys(layer);
    v = cache.Values(layer);
  }
  const AttentionOptions options{.scale = 1.0 / std::sqrt(config.query_pre_attn_scalar),
                                 .softcap = config.attn_softcap,
                                 .max_score_bytes = max_score_bytes};
  const auto attended = Attention(q.transpose(0, 1), k, v, ranges, options);  // [T, H * D]
  return w.o(attended.to(w.o.InputType(T)));
}

at::Tensor LanguageModel::AddWithAdapter(at::Tensor residual, const at::Tensor& out,
                                         const at::Tensor& norm, const Adapter& adapter) const {
  if (!adapter.defined()) return AddRmsNorm(residual, out, norm, config.norm_eps);
  const auto type = residual.scalar_type();
  if (adapter_config.placement == "adapterhub_gemma2") {
    // facts D.2: h = r + n(m + A(n(m + r))).
    const auto inner = RmsNorm(out.to(type) + residual, norm, config.norm_eps, type);
    return AddRmsNorm(residual, out.to(type) + adapter(inner).to(type), norm, config.norm_eps);
  }
  // facts C9: h = r + o + A(o), o = n(m).
  const auto o = RmsNorm(out, norm, config.norm_eps, type);
  return residual + o + adapter(o).to(type);
}

at::Tensor LanguageModel::Logits(const at::Tensor& hidden) const {
  const Linear head{.weight = embedding, .bias = {}, .compute = compute};
  const auto type = hidden.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  auto logits = head(hidden.to(head.InputType(hidden.size(0)))).to(type);  // [T, V]
  if (config.final_softcap > 0) {
    logits = (logits / config.final_softcap).tanh() * config.final_softcap;
  }
  return logits;
}

}  // namespace occvla::model
