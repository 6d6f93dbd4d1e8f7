#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace occvla::train {

/// Which token each row should have predicted, and what its error counts.
struct TextTargets {
  std::vector<int64_t> ids = {};     ///< S, within the vocabulary.
  std::vector<double> weights = {};  ///< S, or none: each counts 1 / S (the mean, facts A.10).
};

struct TextLossOptions {
  double final_softcap = 0;               ///< As TextConfig's.
  at::ScalarType compute = at::kFloat;    ///< Type of the products; double goes with double hidden.
  int64_t max_logits = int64_t{1} << 22;  ///< How many may be held at once (never under S).
};

struct TextLossResult {
  at::Tensor loss;     ///< [], float32 (float64 where hidden is).
  at::Tensor correct;  ///< [] int64: rows whose largest logit is the target's.
};

/// Cross-entropy of tied logits: sum over rows of weight * -log softmax(cap(hidden . embedding^T))
/// at the target.
///
///   S rows, C channels, V vocabulary;  hidden [S, C], embedding [V, C]
///
/// Works through the vocabulary in pieces, forward and again backward, so that logits never stand
/// in memory together. Gradients go to hidden and, where it requires one, to the embedding. Several
/// examples together cost one walk over the embedding: give each row its example's weight.
TextLossResult TextLoss(const at::Tensor& hidden, const at::Tensor& embedding,
                        const TextTargets& targets, const TextLossOptions& options);

struct OccupancyLossOptions {
  at::Tensor mask = {};  ///< bool, shaped as the labels: voxels that count. Undefined: all.
  at::Tensor class_weights = {};  ///< [classes], for the cross-entropy alone. Undefined: 1 each.
  double cross_entropy = 1;       ///< Factors of the two parts.
  double lovasz = 0;
};

struct OccupancyLossResult {
  at::Tensor loss;           ///< [], with gradient to the logits; 0 where no voxel counts.
  at::Tensor cross_entropy;  ///< [], without its factor, no gradient.
  at::Tensor lovasz;         ///< [], likewise; 0 where the factor is.
  at::Tensor confusion;      ///< [classes, classes] int64: [label, prediction], voxels that count.
};

/// Cross-entropy (weighted mean over the voxels that count) and Lovasz-softmax (mean over the
/// classes present; all voxels that count together, free space included: facts B.7).
///
///   logits [..., classes] float32 or float64, labels [...] uint8
///
/// On a CPU fused: two copies of the logits' size at most, one without Lovasz; the same bits for
/// any number of threads. Throws DataError for a label that is no class.
OccupancyLossResult OccupancyLoss(const at::Tensor& logits, const at::Tensor& labels,
                                  const OccupancyLossOptions& options);

/// The same by tensor operations alone, on any device: what other devices than CPUs get.
OccupancyLossResult OccupancyLossByOperations(const at::Tensor& logits, const at::Tensor& labels,
                                              const OccupancyLossOptions& options);

/// 1 / log(voxels) by class, float32 (facts C14); the last class, free, counts as often as the most
/// frequent other one, and none less often than 3 times.
at::Tensor ClassWeights(const std::vector<int64_t>& counts);

/// Mean squared error over the valid steps: prediction and target [..., steps, 2], valid [...,
/// steps] bool -> [], 0 with no valid step. An invalid target may be anything, NaN too.
at::Tensor TrajectoryLoss(const at::Tensor& prediction, const at::Tensor& target,
                          const at::Tensor& valid);

}  // namespace occvla::train
