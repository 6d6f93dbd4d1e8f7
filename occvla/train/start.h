#pragma once
#include <filesystem>
#include <memory>
#include <set>
#include <string>

#include "occvla/model/files/checkpoint.h"
#include "occvla/model/weights.h"
#include "occvla/train/recipe/config.h"

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

}  // namespace occvla::train
