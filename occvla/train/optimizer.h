#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "occvla/train/parameters.h"
#include "occvla/train/recipe/config.h"

namespace occvla::train {

/// AdamW with decoupled weight decay (Loshchilov and Hutter, 2019), as torch.optim.AdamW computes
/// it, over groups that differ in rate and decay.
class AdamW {
 public:
  /// State for the parameters whose `mine` is true; empty = for all (ZeRO-1 leaves the others to
  /// other ranks).
  AdamW(const std::vector<Parameter>& parameters, const OptimizerConfig& config,
        const std::vector<bool>& mine = {});

  /// Moves the parameters by one gradient each (same order, same shapes; consumed). They are
  /// clipped to the config's bound first, by their common norm, without waiting for the device.
  /// Returns that norm before clipping, a scalar on the device. Where it is not finite nothing
  /// moves: the caller looks at the norm and stops.
  at::Tensor Step(std::vector<at::Tensor> gradients, double learning_rate);

  int64_t steps() const { return steps_; }
  /// First and second moments by parameter; undefined where the state is another rank's.
  struct Moments {
    at::Tensor first, second;
  };
  const std::vector<Moments>& moments() const { return moments_; }
  /// Rows of a parameter begin anew: what moved them before is forgotten.
  void ForgetRows(size_t index, const std::vector<int64_t>& rows);
  /// Goes on from a saved state: copies into moments(), which must be of the same shapes.
  void Restore(int64_t steps, const std::vector<Moments>& moments);
  uint64_t bytes() const;

 private:
  const std::vector<Parameter>& parameters_;  // Outlive the optimiser.
  OptimizerConfig config_;
  std::vector<Moments> moments_;
  std::vector<at::Tensor> counts_;  // What at::_fused_adamw_ wants: the step as a tensor.
  int64_t steps_ = 0;
};

}  // namespace occvla::train
