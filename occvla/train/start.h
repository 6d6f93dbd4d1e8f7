#pragma once
#include <filesystem>
#include <memory>
#include <set>
#include <string>

#include "occvla/model/files/checkpoint.h"
#include "occvla/model/model.h"
#include "occvla/model/weights.h"
#include "occvla/train/feed/feed.h"
#include "occvla/train/parameters.h"
#include "occvla/train/recipe/config.h"
#include "occvla/train/runs/run_facts.h"

namespace occvla::train {

/// What a run begins with: a checkpoint's tensors, some of them replaced.
struct StartModel {
  model::Checkpoint checkpoint;
  model::ModelConfig config;
  model::Weights weights;             ///< Exactly ExpectedTensors(config).
  std::set<std::string> replaced;     ///< Names whose values are not the checkpoint's.
  std::shared_ptr<const void> vqvae;  ///< Owns the VQ-VAE's bytes, where another one was taken.
};

/// Opens run.checkpoint, or makes `folder` (a new model of run.preset, float32) where it names
/// none and opens that. Then run.model changes fields of the config and run.vqvae replaces the
/// VQ-VAE. Tensors that the checkpoint lacks or has in another shape start as in a new model,
/// keyed by run.seed. Throws ConfigError and CheckpointError.
StartModel OpenStart(const RunConfig& run, const std::filesystem::path& folder);

/// Whether the run's checkpoints hold the trained tensors alone, over their base (keep.save).
bool SavesOverlay(SaveAs save, const StartModel& start, const Parameters& parameters);

/// ClassWeights of a part of the feed's frames.
at::Tensor CountedClassWeights(const Feed& feed);

/// Gives the occupancy branch's projector, where it is trained, a start from which z is as the
/// decoder knows it (facts C6), unless an earlier joint stage has taught it.
void StartOccupancyProjector(const StartModel& start, const model::OccVla& model,
                             const Parameters& parameters, const Feed& feed, uint64_t seed);

/// What the run's folder says of the run.
RunFacts FactsOf(const TrainConfig& config, const StartModel& start, const Feed& feed, int ranks,
                 const Parameters& parameters);

}  // namespace occvla::train
