#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "occvla/world/drive.h"
#include "occvla/world/town.h"

/// Makes a scene: traffic and people in a part of a town, and the ego car that drives through it.
namespace occvla::world {

struct DriveOptions {
  uint64_t seed = 0;
  double duration_s = 20;
  double density = 1;  ///< Vehicles on the roads, relative to an ordinary day.
  double crowd = 1;    ///< People on foot, likewise.
  DayTime day_time = DayTime::kDay;
  /// What the ego should do as often as the place allows.
  std::optional<data::Direction> wanted_direction;
  std::optional<data::Velocity> wanted_velocity;
  double wanted_share = 0.3;  ///< Of the keyframes: no better start is looked for beyond it.
  /// Categories (index into data::nuscenes::kCategories) that shall be near the ego's way.
  std::vector<uint8_t> categories;
  /// Starts that are tried; the one that shows most of what is wanted is kept.
  int candidates = 12;
};

/// A function of town and options alone. Nobody's box overlaps anybody's at any step (see
/// traffic/collisions.h). ConfigError if the town has no lane to start on, or if no collision-free
/// scene was found in `kMostAttempts` draws.
Drive MakeDrive(const Town& town, const DriveOptions& options);

inline constexpr int kMostAttempts = 36;

}  // namespace occvla::world
