#include "occvla/world/synth/drives.h"

#include <array>
#include <optional>

#include "occvla/world/synth/scene_writer.h"
#include "occvla/world/traffic/simulate.h"

namespace occvla::world::synth {
namespace {

using data::Direction;

/// What the scenes of a split are aimed at, in turn.
constexpr std::array<std::optional<Direction>, 7> kWishes = {
    Direction::kTurnLeft,  Direction::kChangeLaneRight, Direction::kStop,      std::nullopt,
    Direction::kTurnRight, Direction::kChangeLaneLeft,  Direction::kGoStraight};

/// Categories that some scene must show, so that a data set has every class of Occ3D.
constexpr std::array<uint8_t, 12> kCategories = {9, 18, 16, 14, 22, 12, 21, 23, 15, 11, 2, 3};

}  // namespace

Drive DriveOf(const Config& config, std::span<const ScenePlan> plan, size_t scene,
              const Town& town) {
  size_t before = 0;  // Scenes of the same split.
  for (size_t i = 0; i < scene; ++i) before += plan[i].split == plan[scene].split;
  DriveOptions options;
  options.seed = plan[scene].seed;
  options.duration_s = DriveDuration(static_cast<size_t>(config.set.keyframes));
  options.density = config.traffic.density;
  options.crowd = config.traffic.density;
  options.day_time = plan[scene].day_time;
  options.wanted_direction = kWishes[before % kWishes.size()];
  for (size_t i = 0; i < 4; ++i)
    options.categories.push_back(kCategories[(4 * scene + i) % kCategories.size()]);
  return MakeDrive(town, options);
}

}  // namespace occvla::world::synth
