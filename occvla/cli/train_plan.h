#pragma once
#include "occvla/cli/verbs.h"
#include "occvla/train/recipe/config.h"

namespace occvla::cli {

/// `train --plan`: prints what a run of `config` on `ranks` processes will hold in memory, before
/// anything is allocated. A start checkpoint is opened, not read.
void PrintPlan(const train::TrainConfig& config, int ranks, bool json, const Context& context);

}  // namespace occvla::cli
