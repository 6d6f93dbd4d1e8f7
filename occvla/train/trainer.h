#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "occvla/data/meta_action.h"
#include "occvla/train/recipe/config.h"

namespace occvla::train {

/// What a checkpoint is worth.
struct Validation {
  std::map<std::string, double> values;         ///< By metric.
  std::map<std::string, std::string> pictures;  ///< PNG by name (RunFolder::Picture).
};

/// What the loop needs of rooms that it does not know.
struct TrainHooks {
  std::stop_token interrupt = {};
  /// Measures a checkpoint on frames that the run does not train on. A BusyError leaves it
  /// unmeasured: the run is being interrupted.
  std::function<Validation(const std::filesystem::path& checkpoint)> validate;
  /// What a checkpoint's model answers: meta actions of the frames with these tokens. Stage
  /// planner.
  std::function<std::map<std::string, data::MetaAction>(const std::filesystem::path& checkpoint,
                                                        const std::filesystem::path& scratch)>
      predict_actions;
};

enum class Begin { kNew, kResume };

struct TrainResult {
  int rank = 0;
  int64_t step = 0;
  std::filesystem::path checkpoint;       ///< checkpoints/step-...: the last.
  std::string state_hash;                 ///< See StateHash.
  std::map<std::string, double> metrics;  ///< The last of each.
};

/// Runs one stage to its end, or on from its last checkpoint. One loop for all stages: what they
/// train, read and minimise are rows of a table (recipe/stage.h).
///
/// Throws BusyError when interrupted (a checkpoint is written first: the run can be resumed),
/// ConfigError, DataError and CheckpointError for what is wrong with the input, DeviceError for a
/// full disk. A loss that is not finite ends the run with a DataError that names the frames of the
/// step; weights and checkpoints are those before it.
TrainResult Train(const TrainConfig& config, Begin begin, const TrainHooks& hooks);

}  // namespace occvla::train
