#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "occvla/world/synth/config.h"
#include "occvla/world/synth/folder.h"
#include "occvla/world/synth/plan.h"

/// What stands beside the scenes: tables, splits, side files.
namespace occvla::world::synth {

inline constexpr const char* kVersion = "v1.0-synth";

/// origin.json: program, seed, scenes, licence and the resolved config, by which a data set is told
/// from another.
std::string OriginText(const Config& config, uint64_t scenes, uint64_t seed);

/// Writes the version folder's thirteen tables, `splits.json` and `intents.json`, Occ3D's
/// `annotations.json` and README.md, from the records of the scenes in the order of the plan. Every
/// scene must be whole.
void Assemble(Folder& folder, std::span<const ScenePlan> plan);

std::string SensorToken(std::string_view channel);

}  // namespace occvla::world::synth
