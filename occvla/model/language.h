#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "occvla/model/attention.h"
#include "occvla/model/files/config.h"
#include "occvla/model/layers.h"

namespace occvla::model {

/// Keys and values of every layer for the tokens seen so far. T tokens, K key heads, D head size.
///
/// With a capacity it is one preallocated block that is written in place and can be cut back, so
/// that a second question starts from the image tokens at no cost; without (training) every append
/// makes a new tensor, so that gradients flow.
class KvCache {
 public:
  /// `capacity` tokens, or 0 for the differentiable kind, which may hold several `blocks` of equal
  /// length (frames of a training step) behind each other.
  KvCache(const TextConfig& config, int64_t capacity, const at::TensorOptions& options,
          int64_t blocks = 1);

  int64_t length() const { return length_; }  ///< Of a block.
  int64_t blocks() const { return blocks_; }
  int64_t capacity() const { return capacity_; }
  /// Rotary position of the next token: length(), less the tokens that share others' positions.
  int64_t next_position() const;
  /// The last `tokens` tokens (occupancy's) take no positions of their own. Once at most.
  void SkipPositions(int64_t tokens);
  /// Forgets every token from `length` on.
  void Truncate(int64_t length);
  /// [K, blocks() * length(), D] of a layer, block by block.
  at::Tensor Keys(int64_t layer) const;
  at::Tensor Values(int64_t layer) const;
  uint64_t bytes() const;

 private:
  friend class LanguageModel;
  at::Tensor Grown(const at::Tensor& kept, const at::Tensor& more) const;

  int64_t length_ = 0, capacity_ = 0, blocks_ = 1;
  int64_t skip_begin_ = 0, skip_end_ = 0;  // Cache indices of tokens without own positions.
  std::vector<at::Tensor> k_, v_;          // [K, capacity or blocks * length, D] a layer.
};

/// Adapters of one set (shared, or occupancy's own), by layer; entries may be undefined.
struct AdapterSet {
  std::vector<Adapter> attention, ffn;
};

struct LanguageLayer {
  at::Tensor input_norm, post_attention_norm, pre_ffn_norm, post_ffn_norm;  ///< [C]
  Linear q, k, v, o, gate, up, down;
};

/// Whether the tokens of a pass leave their keys and values behind for others to see.
enum class Remember { kYes, kNo };

/// One pass: which tokens stand where and what they see.
struct Pass {
  std::vector<int64_t> positions;  ///< T rotary positions, over all blocks of the ranges.
  KeyRanges ranges;                ///< Over cache indices, this pass's own tokens included if kept.
  Remember remember = Remember::kYes;
  const AdapterSet* adapters = nullptr;  ///< Null: the model's shared set.
  LayerObserver on_layer = {};
};

/// Gemma 2's decoder (facts A.4) over an explicit cache. Immutable after loading.
class LanguageModel {
 public:
  TextConfig config;
  at::Tensor embedding;  ///< [V, C], tied output.
  std::vector<LanguageLayer> layers;
  at::Tensor final_norm;  ///< [C]
  AdapterSet adapters;
  AdapterConfig adapter_config;
  at::ScalarType compute = at::kFloat;
  bool bf16_residual = false;
  int64_t max_score_bytes = int64_t{256} << 20;
  /// With gradients: keep each layer's input alone and run the layer again on the way back.
  bool recompute_layers = false;

  /// Rows of the embedding for ids [T], times sqrt(C): [T, C] in the residual's type.
  at::Tensor Embed(const std::vector<int64_t>& ids) const;
  /// sqrt(C), rounded to bfloat16 where that is the compute type (facts A.3).
  double EmbeddingScale() const;
  at::ScalarType ResidualType() const;

  /// Runs x [T, C] (already scaled) through all layers and the final norm: [T, C] float32. With
  /// Remember::kYes the cache grows by T tokens. x is consumed.
  at::Tensor Forward(at::Tensor x, const Pass& pass, KvCache& cache) const;

  /// hidden [T, C] -> logits [T, V] float32, capped by config.final_softcap.
  at::Tensor Logits(const at::Tensor& hidden) const;

 private:
  at::Tensor Layer(at::Tensor x, int64_t layer, const Pass& pass, const KeyRanges& ranges,
                   const RotaryTable& table, KvCache& cache) const;
  at::Tensor RecomputedLayer(const at::Tensor& x, int64_t layer, const Pass& pass,
                             const KeyRanges& ranges, const RotaryTable& table,
                             KvCache& cache) const;
  std::vector<at::Tensor> TrainedWeights(int64_t layer, const Pass& pass) const;
  at::Tensor AttentionBlock(const at::Tensor& x, int64_t layer, const Pass& pass,
                            const KeyRanges& ranges, const RotaryTable& table,
                            KvCache& cache) const;
  at::Tensor AddWithAdapter(at::Tensor residual, const at::Tensor& out, const at::Tensor& norm,
                            const Adapter& adapter) const;
};

}  // namespace occvla::model
