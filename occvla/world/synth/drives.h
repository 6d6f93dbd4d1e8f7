#pragma once
#include <cstddef>
#include <span>

#include "occvla/world/drive.h"
#include "occvla/world/synth/config.h"
#include "occvla/world/synth/plan.h"
#include "occvla/world/town.h"

namespace occvla::world::synth {

/// What happens in a scene of the plan: a function of the arguments alone.
Drive DriveOf(const Config& config, std::span<const ScenePlan> plan, size_t scene,
              const Town& town);

}  // namespace occvla::world::synth
