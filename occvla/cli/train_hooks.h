#pragma once
#include "occvla/cli/verbs.h"
#include "occvla/train/trainer.h"

namespace occvla::cli {

/// What training asks of the engine and the metrics: validation on frames of a split, and the meta
/// actions that a checkpoint predicts. The config outlives the hooks.
train::TrainHooks TrainHooksOf(const train::TrainConfig& config, const Context& context);

}  // namespace occvla::cli
