#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "occvla/model/vqvae.h"

namespace occvla::train {

/// OccWorld's (facts B.7).
struct VqvaeLossOptions {
  double cross_entropy = 10, lovasz = 1, embedding = 1;
  double commitment = 1;          ///< beta: the latents' share of the embedding loss.
  at::Tensor class_weights = {};  ///< [classes], for the cross-entropy; undefined: 1 each.
};

struct VqvaeLossResult {
  at::Tensor loss;                              ///< [], with gradient to all weights.
  at::Tensor cross_entropy, lovasz, embedding;  ///< [], without factors and gradient.
  at::Tensor latents;                           ///< [F * h * w, C], no gradient: quantiser's input.
  at::Tensor used;                              ///< [K] int64: how many cells took each code.
  at::Tensor confusion;                         ///< [classes, classes] int64: [label, prediction]
};

/// One step's loss: occupancy [F, H, W, D] uint8 -> encode, quantise with the straight-through
/// gradient, decode, compare. The embedding loss is mean((sg[row] - z)^2) * commitment +
/// mean((row - sg[z])^2), which is how the codebook learns (facts B.4).
///
/// `vqvae` holds the trained tensors themselves: leaves that require gradients.
VqvaeLossResult VqvaeLoss(const model::Vqvae& vqvae, const at::Tensor& occupancy,
                          const VqvaeLossOptions& options);

/// exp(entropy) of a code's use: how many equally used codes would say as much. 0 for no use.
double CodebookPerplexity(const at::Tensor& used);

/// mIoU over the classes but the last, free (a class in neither labels nor predictions counts as 1,
/// facts B.8), and the IoU of occupied against free, fractions.
struct Reconstruction {
  double miou = 0, iou = 0;
};
Reconstruction ReconstructionOf(const at::Tensor& confusion);

/// How long codes have gone unused, and new places for those that are. OccWorld has none of this;
/// small codebooks collapse without.
class UnusedCodes {
 public:
  /// `steps`: unused for so many in a row is unused.
  UnusedCodes(int64_t codes, int64_t steps);

  /// `used` [K] of one step.
  void Observe(const at::Tensor& used);
  /// Moves each unused code onto a latent [N, C] of this step, drawn by (seed, step) alone, and
  /// starts its count again. Changes `codebook` [K, C] in place; returns which rows it moved.
  std::vector<int64_t> Restart(const at::Tensor& codebook, const at::Tensor& latents, uint64_t seed,
                               uint64_t step);

  /// Part of a training state: [K] steps since each code was used.
  const std::vector<int64_t>& unused_for() const { return unused_for_; }
  void set_unused_for(std::vector<int64_t> unused_for);

 private:
  int64_t steps_;
  std::vector<int64_t> unused_for_;
};

/// Mean and deviation by channel of the codebook rows that grids use, each as often as it is used
/// (facts C6).
class LatentStatistics {
 public:
  /// occupancy [F, H, W, D] uint8, without gradient.
  void Add(const model::Vqvae& vqvae, const at::Tensor& occupancy);
  /// [C] float64 each. Throws DataError before the first grid.
  at::Tensor Mean() const;
  at::Tensor Deviation() const;

 private:
  at::Tensor sum_, squares_;  // [C] float64
  int64_t cells_ = 0;
};

/// Sets weight [C * r * r, D] and bias [C * r * r] so that z = weight . h + bias has those means
/// and deviations for hidden states h of unit root mean square. r * r rows of one channel stand
/// together (pixel shuffle). Normal weights, drawn by the seed.
void InitialiseProjector(const at::Tensor& weight, const at::Tensor& bias,
                         const LatentStatistics& statistics, uint64_t seed);

}  // namespace occvla::train
