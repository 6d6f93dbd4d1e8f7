#pragma once
#include <string>

#include "occvla/model/files/config.h"
#include "occvla/train/recipe/config.h"

namespace occvla::train {

/// Throws one ConfigError that names everything for which this model cannot be trained so, on so
/// many ranks. `checkpoint` is what the model is called in complaints.
void RequireFit(const TrainConfig& config, const model::ModelConfig& model,
                const std::string& checkpoint, int ranks);

}  // namespace occvla::train
