#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "occvla/world/synth/config.h"
#include "occvla/world/synth/plan.h"
#include "occvla/world/traffic/simulate.h"

namespace occvla::world::synth {

/// What shall happen in each scene of the plan: a function of the arguments alone.
std::vector<DriveOptions> DrivesOf(const Config& config, std::span<const ScenePlan> plan,
                                   uint64_t seed);

}  // namespace occvla::world::synth
