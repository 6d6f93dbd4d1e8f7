#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/world/drive.h"
#include "occvla/world/synth/config.h"

/// Which scenes a data set has, before any of them is made
/// (docs/decisions/0009-synthetic-data-set.md).
namespace occvla::world::synth {

enum class Split : uint8_t { kTrain, kVal, kTest };
inline constexpr std::array<std::string_view, 3> kSplitNames = {"train", "val", "test"};

/// A town stands under one of the four names that the devkit's map class opens.
struct Location {
  std::string_view name;
  std::string_view map_token;  ///< Also names `maps/<map_token>.png`, as the devkit expects it.
  Split split = Split::kTrain;
  std::string_view zone;  ///< Of the local time in log names.
  int zone_hours = 0;
  std::string_view vehicle;
};
/// Towns by location; no two splits share one.
extern const std::array<Location, 4> kLocations;

struct ScenePlan {
  std::string name;  ///< "scene-0001": one of the split's official names while there are any.
  Split split = Split::kTrain;
  size_t location = 0;  ///< Index into kLocations.
  DayTime day_time = DayTime::kDay;
  uint64_t seed = 0;
  // The log: one a scene.
  std::string logfile{}, date{};
  int64_t start_us = 0;  ///< Unix time of the drive's time 0.
};

/// The scenes in the order of the tables: train, val, test, each by name. Depends on the arguments
/// alone. Throws ConfigError for more scenes than there are four-digit names.
std::vector<ScenePlan> PlanScenes(const Config& config, uint64_t scenes, uint64_t seed);

/// Of the scene's row in the table log.
std::string LogToken(const ScenePlan& scene);

/// The seed of a location's town.
uint64_t TownSeed(uint64_t seed, size_t location);

}  // namespace occvla::world::synth
