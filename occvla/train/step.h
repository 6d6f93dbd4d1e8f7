#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "occvla/train/frame_losses.h"
#include "occvla/train/frame_threads.h"
#include "occvla/train/gradient_buckets.h"
#include "occvla/train/parameters.h"
#include "occvla/train/planner_inputs.h"

namespace occvla::train {

/// What the frames of a step gave together, on this rank.
struct StepSums {
  std::vector<at::Tensor> gradients;  ///< By trained parameter: sums over frames of dL/dw.
  /// Squared norms of the gradients of each loss alone, where they were asked for.
  std::map<std::string, std::vector<at::Tensor>> gradients_by_loss;
  std::map<std::string, std::pair<double, int64_t>> values;  ///< Name -> sum, frames that had it.
  at::Tensor confusion, used_codes, latents;                 ///< Undefined where there were none.
  int64_t frames = 0, tokens = 0;
  std::vector<std::string> not_finite;  ///< Tokens of frames whose loss is NaN or infinite.
};

/// Runs the objective over a step's frames, several at once, and adds gradients up as a tree over
/// the step's positions: the sums depend neither on the number of workers nor, for powers of two,
/// on how many ranks share the step.
class StepRunner {
 public:
  /// All outlive it; `planner` is null but in stage planner. `together` frames are computed in one
  /// pass; the tree then adds up what such groups gave.
  StepRunner(const FrameObjective& objective, const Parameters& parameters, FrameThreads& threads,
             const PlannerInputs* planner, size_t together = 1);

  /// `by_loss`: gradients of each part too, at the cost of a backward pass a part. Throws BusyError
  /// between frames once interrupted; nothing has changed then.
  StepSums Run(const std::vector<Example>& frames, bool by_loss,
               const std::stop_token& interrupt) const;

 private:
  struct Made;
  Made Make(std::span<const Example> frames, bool by_loss) const;
  void Take(std::span<const Example> frames, Made made, TreeSum& gradients, StepSums& sums) const;

  const FrameObjective& objective_;
  const Parameters& parameters_;
  FrameThreads& threads_;
  const PlannerInputs* planner_;
  size_t together_;
  std::vector<at::Tensor> trained_;
};

}  // namespace occvla::train
