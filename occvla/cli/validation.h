#pragma once
#include <filesystem>

#include "occvla/cli/verbs.h"
#include "occvla/data/nuscenes/dataset.h"
#include "occvla/infer/engine.h"
#include "occvla/train/trainer.h"

namespace occvla::cli {

/// Of a chain of thought with its meta action.
inline constexpr int64_t kMetaActionTokens = 256;

/// A data set of a run, with no questions but `questions`.
data::nuscenes::Dataset OpenTrainingSet(const train::FeedConfig& config, size_t set,
                                        const std::vector<std::filesystem::path>& questions = {});

/// The engine's answer; an interrupt ends it with a BusyError.
data::Prediction AskEngine(infer::Engine& engine, const Context& context, infer::Request request);

/// The real engine and the published metrics on keep.validate_frames keyframes, spread evenly over
/// keep.validate_split of the first data set: meta actions, NuScenes-QA, occupancy under the
/// cameras' mask where the stage trains it, distance to the driven path in stage planner; and
/// pictures of the first keep.validate_pictures of them beside the truth.
train::Validation ValidateCheckpoint(const train::TrainConfig& config, const Context& context,
                                     const std::filesystem::path& checkpoint);

}  // namespace occvla::cli
