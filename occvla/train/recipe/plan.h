#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "occvla/model/files/config.h"
#include "occvla/train/recipe/config.h"

namespace occvla::train {

/// What a training run will hold in memory at its highest, bytes of one rank by kind, computed from
/// sizes alone. Counted is what the program's own passes keep for the way back; allocators and the
/// data set's tables add to it (docs/TRAINING.md states measured against planned).
struct MemoryPlan {
  struct Row {
    std::string kind, detail;
    uint64_t bytes = 0;
  };
  std::vector<Row> rows;
  int ranks = 1;
  int64_t frames_at_once = 1;  ///< Of a rank.

  uint64_t total() const;
};

/// Tokens that a question with its answer is taken to have.
constexpr int64_t kTokensOfAQuestion = 48;

/// `stored`: bytes of each tensor of the start checkpoint by name; what it lacks is made in
/// float32. `cores`: threads where the config leaves them open. Throws ConfigError as PlanModules
/// does, and where the batch does not divide among `ranks`.
MemoryPlan PlanMemory(const TrainConfig& config, const model::ModelConfig& model,
                      const std::map<std::string, uint64_t>& stored, int ranks, int cores);

}  // namespace occvla::train
