#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "occvla/model/files/checkpoint.h"
#include "occvla/model/files/origin.h"
#include "occvla/model/files/overlay.h"
#include "occvla/train/optimizer.h"
#include "occvla/train/parameters.h"
#include "occvla/train/runs/checkpoint_folder.h"

/// Checkpoints of a run, in its folder `checkpoints`:
///
///   step-00000200/   a checkpoint folder (HAND-OVER 3), whole or an overlay, and beside the
///   weights
///     training_state.json                  step, position, best metric, codes unused for, ...
///     training_state-RANK.safetensors      master/NAME, first/NAME, second/NAME
///     content.json                         SHA-256 of every file above
///   last -> step-00000200, best -> step-00000100
///
/// How such a folder becomes whole: runs/checkpoint_folder.h.
namespace occvla::train {

/// Where a run stands beside its weights and moments. All draws are keyed by seed and position, so
/// there is no random state.
struct TrainingState {
  int64_t step = 0;            ///< Optimiser steps done.
  uint64_t position = 0;       ///< Of the feed: the next frame.
  std::optional<double> best;  ///< Value of keep.best so far.
  int64_t best_step = 0;
  int64_t validated_step = 0;             ///< Of the last validation.
  std::vector<int64_t> codes_unused_for;  ///< Stage vqvae with restart_unused.
};

/// What every checkpoint of the run shares.
struct CheckpointPlan {
  std::filesystem::path folder;  ///< checkpoints/
  const model::Checkpoint& start;
  const model::ModelConfig& config;
  const Parameters& parameters;
  DType dtype = DType::kF32;                ///< Of the trained weights in the checkpoint.
  std::optional<model::BaseIdentity> base;  ///< Set: overlays over it.
  int rank = 0, ranks = 1;
};

/// Writes checkpoint `step-...` in three parts, none of which touches an earlier one: every rank
/// its part of the state into the unfinished folder; when all have, the first rank the weights,
/// which makes a folder that the engine opens (its path is given); at last what makes it whole.
/// Throws DeviceError when the disk is full.
void WriteStatePart(const CheckpointPlan& plan, const AdamW& optimizer, int64_t step);
std::filesystem::path WriteCheckpoint(const CheckpointPlan& plan, int64_t step,
                                      model::Origin origin);
std::filesystem::path FinishCheckpoint(const CheckpointPlan& plan, const TrainingState& state,
                                       const model::Origin& origin);

/// Reads a checkpoint back into parameters and optimiser. Every file's hash is compared first;
/// CheckpointError says which is damaged and which earlier checkpoint is sound.
TrainingState RestoreCheckpoint(const CheckpointPlan& plan, const std::filesystem::path& checkpoint,
                                AdamW* optimizer);

/// SHA-256 over all master weights and moments: equal for equal states.
std::string StateHash(const Parameters& parameters, const AdamW& optimizer);

}  // namespace occvla::train
