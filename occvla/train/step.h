#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "occvla/train/frame_losses.h"
#include "occvla/train/frame_threads.h"
#include "occvla/train/gradient_buckets.h"
#include "occvla/train/parameters.h"
#include "occvla/train/planner_inputs.h"
#include "occvla/train/ranks.h"

namespace occvla::train {

/// What the frames of a step gave together, on this rank.
struct StepSums {
  /// By trained parameter: sums over the frames of all ranks of dL/dw.
  std::vector<at::Tensor> gradients;
  /// Squared norms of the gradients of each loss alone, where they were asked for.
  std::map<std::string, std::vector<at::Tensor>> gradients_by_loss;
  std::map<std::string, std::pair<double, int64_t>> values;  ///< Name -> sum, frames that had it.
  at::Tensor confusion, used_codes, latents;                 ///< Undefined where there were none.
  int64_t frames = 0, tokens = 0;
  std::vector<std::string> not_finite;  ///< Tokens of frames whose loss is NaN or infinite.
};

/// Runs the objective over a step's frames, several at once, and adds gradients up as a tree over
/// the step's positions: the sums depend neither on the number of workers nor, for powers of two,
/// on how many ranks share the step. Sums over ranks are made while the backward pass of the last
/// frame still runs, where one frame is at work at a time.
class StepRunner {
 public:
  /// All outlive it; `planner` is null but in stage planner. `together` frames are computed in one
  /// pass; the tree then adds up what such groups gave.
  StepRunner(const FrameObjective& objective, const Parameters& parameters, FrameThreads& threads,
             const PlannerInputs* planner, size_t together = 1);
  StepRunner(const StepRunner&) = delete;
  StepRunner& operator=(const StepRunner&) = delete;

  /// Gradients are summed over these ranks, which outlive it. `whole_graphs`: a parameter's
  /// gradient comes once in a backward pass (recomputed layers give it in parts).
  void SumOver(Ranks& ranks, bool whole_graphs);

  /// `by_loss`: gradients of each part too, at the cost of a backward pass a part. Throws BusyError
  /// between frames once interrupted; nothing has changed then. Collective where there are ranks.
  StepSums Run(const std::vector<Example>& frames, bool by_loss, const std::stop_token& interrupt);

 private:
  struct Made;
  Made Make(std::span<const Example> frames, bool by_loss) const;
  Made MakeLast(std::span<const Example> frames, TreeSum& others);
  void SumOverRanks(bool by_loss, bool sent, StepSums& sums);
  void PlanBuckets();
  void Take(std::span<const Example> frames, Made made, TreeSum& gradients, StepSums& sums) const;

  const FrameObjective& objective_;
  const Parameters& parameters_;
  FrameThreads& threads_;
  const PlannerInputs* planner_;
  size_t together_;
  std::vector<at::Tensor> trained_;
  Ranks* ranks_ = nullptr;
  bool whole_graphs_ = false;
  std::vector<size_t> arrived_;             // Parameters by when the last backward pass had them.
  std::vector<size_t> place_;               // Of each parameter in the buckets.
  std::optional<GradientBuckets> buckets_;  // From the second step on.
};

}  // namespace occvla::train
