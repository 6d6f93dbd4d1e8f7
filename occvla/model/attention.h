#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace occvla::model {

/// A mask as ranges of keys: query t sees keys [shared_begin[t], shared), which all queries may
/// see, and its own [max(begin[t], shared), end[t]). Every mask of this program has that form
/// (docs/SHAPES.md), so no [T, S] matrix is ever made.
struct KeyRanges {
  std::vector<int32_t> begin, end;  ///< T values each.
  /// How many keys are shared: the images' of a frame, whose questions run in one pass. 0: none.
  int32_t shared = 0;
  std::vector<int32_t> shared_begin = {};  ///< T values, or none: every query sees all of them.
  /// Queries and keys may be so many equal blocks behind each other (frames of a training step):
  /// a query sees keys of its own block alone, and the numbers above count within a block.
  int32_t blocks = 1;

  /// Every one of T queries sees keys [from, to).
  static KeyRanges All(int64_t T, int64_t to, int64_t from = 0);
  /// Query t sees keys [0, first + t + 1).
  static KeyRanges Causal(int64_t T, int64_t first);
  /// Narrows to keys whose position is above position[t] - window (Gemma 2's even layers). A
  /// shared key's position is its index. Without shared keys so is every other's; with them, a
  /// query's own keys stand at `shared` and onwards.
  KeyRanges Windowed(const std::vector<int64_t>& positions, int64_t window) const;
  /// The same, copied to a GPU once for all layers that use it; on a CPU nothing is copied.
  KeyRanges On(at::Device device) const;

  at::Tensor copies = {};  ///< Of `On`: [3, T] int32, begin, end and shared_begin.
};

struct AttentionOptions {
  double scale = 1;
  double softcap = 0;  ///< s = softcap * tanh(s / softcap) before the softmax; 0 = off.
  /// Where no fused kernel runs, queries go in chunks whose scores fit into so many bytes.
  int64_t max_score_bytes = int64_t{256} << 20;
};

/// Grouped-query attention that never holds all scores.
///
///   T queries, S keys, H query heads, K key heads (H % K == 0), D head size
///
///   q [T, H, D]   k, v [K, S, D] (any strides)   ->   [T, H * D] in q's type
///
/// With blocks T and S count all of them, block by block.
/// Query head h reads key head h / (H / K). Scores, cap and softmax in float32 (float64 for float64
/// inputs). A query that sees no key gets zeros. Differentiable: the backward pass recomputes the
/// scores chunk by chunk, so it stays within the same memory bound.
at::Tensor Attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                     const KeyRanges& ranges, const AttentionOptions& options);

}  // namespace occvla::model
