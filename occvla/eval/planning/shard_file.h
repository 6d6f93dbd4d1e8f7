#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/eval/planning/measure.h"

namespace occvla::eval {

/// A part of a run: what was measured on the frames of one shard.
struct PlanningShard {
  uint64_t shard = 0, shards = 1;
  std::string run;  ///< The same text for all shards of one run: what they were given.
  std::vector<FrameMeasures> frames;
  bool operator==(const PlanningShard&) const = default;
};

/// One line a frame; every number reads back as the same double.
std::string ToJson(const PlanningShard& shard);
/// Strict; every complaint in one DataError. `where` opens it.
PlanningShard ParsePlanningShard(std::string_view text, const std::string& where);

/// The frames of all shards of one run. Throws a DataError that lists every file that belongs to
/// another run, holds a shard for the second time, and every shard that is missing.
std::vector<FrameMeasures> MergePlanningShards(std::span<const std::filesystem::path> paths);

}  // namespace occvla::eval
