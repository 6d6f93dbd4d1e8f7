#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "occvla/world/traffic/simulate.h"

namespace occvla::world {

struct DrivePlan {
  size_t count = 0;  ///< Scenes.
  uint64_t seed = 0;
  double duration_s = 20;
  /// No meta action, of the six directions and of the three velocities, shall be rarer than this
  /// share of the keyframes of all scenes. Up to 0.08: beyond that six manoeuvres do not fit.
  double minimum_share = 0.05;
};

/// The options of every scene of a data set: a function of the plan alone. Scene i's wanted
/// manoeuvre, time of day, density and crowd go round so that each prefix of the scenes is varied,
/// and the categories are dealt out so that any two consecutive scenes show all Occ3D classes and
/// any three all 23 categories. Throws ConfigError for a minimum share out of range.
std::vector<DriveOptions> PlanDrives(const DrivePlan& plan);

}  // namespace occvla::world
