#pragma once
#include <ATen/core/Tensor.h>

#include <map>
#include <span>
#include <string>
#include <vector>

#include "occvla/model/model.h"
#include "occvla/train/feed/example.h"
#include "occvla/train/recipe/config.h"
#include "occvla/train/recipe/stage.h"

namespace occvla::train {

/// What the planning head reads of a frame beside its ego state (facts C.3).
struct PlannerInput {
  at::Tensor hidden;        ///< [1, C], the mean over the image tokens after the final norm.
  data::MetaAction action;  ///< As the model itself predicted it.
};

/// What some frames, computed together, add to a step.
struct FrameLosses {
  struct Part {
    std::string name;  ///< "text", "occupancy", "reconstruction", "trajectory".
    at::Tensor loss;   ///< [], with its factor, summed over the frames: the objective is their sum.
  };
  std::vector<Part> parts;
  /// For curves: means over the frames, without factors; no gradients.
  std::map<std::string, at::Tensor> values;
  at::Tensor confusion;            ///< [classes, classes] of voxels, where there is occupancy.
  at::Tensor used_codes, latents;  ///< Stage vqvae: see VqvaeLossResult.
  int64_t tokens = 0;              ///< Of text and images that went through the language model.
};

/// The losses of frames, as their stage has them (eq. 3): one vision pass and one image prefill a
/// frame, which all its questions and the occupancy branch share (eq. 2). Text: mean over a frame's
/// dialogues of the mean over their tokens. Pure: many calls at once may run on one model.
class FrameObjective {
 public:
  /// `class_weights` [classes] or undefined. The model outlives this.
  /// Throws ConfigError for a crop that does not fit the model.
  FrameObjective(const Stage& stage, const LossConfig& config, const model::OccVla& model,
                 at::Tensor class_weights, uint64_t seed);

  /// `planner`: wanted in stage planner alone.
  FrameLosses operator()(const Example& example, const PlannerInput* planner) const;
  /// The same sums for several frames in one pass, which is what a GPU wants; not in stage planner.
  /// Stage vqvae takes the means of its losses over all of them at once.
  FrameLosses operator()(std::span<const Example> frames) const;

 private:
  void AddText(std::span<const Example> frames, const at::Tensor& embedded,
               const model::KvCache* cache, FrameLosses& losses) const;
  void AddOccupancy(std::span<const Example> frames, model::KvCache& cache,
                    FrameLosses& losses) const;
  void AddReconstruction(std::span<const Example> frames, FrameLosses& losses) const;
  void AddTrajectory(const Example& example, const PlannerInput& planner,
                     FrameLosses& losses) const;

  const Stage& stage_;
  const LossConfig config_;
  const model::OccVla& model_;
  at::Tensor class_weights_;
  uint64_t seed_;
};

/// rgb [6][S][S][3] of F examples -> pixels [F * 6, 3, S, S] float32 in [-1, 1].
at::Tensor PixelsOf(std::span<const Example> frames, at::Device device);

/// The image tokens of a frame after the final norm, without gradient: [N * P, C].
at::Tensor ImageHidden(const model::OccVla& model, const Example& example);

}  // namespace occvla::train
