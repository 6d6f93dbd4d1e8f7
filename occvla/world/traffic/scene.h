#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "occvla/world/traffic/ego.h"
#include "occvla/world/traffic/intents.h"
#include "occvla/world/traffic/simulate.h"
#include "occvla/world/traffic/spawn.h"

/// One draw of a scene: where the ego starts, who is there, and what becomes of it.
namespace occvla::world::traffic {

/// A state on the plane; the ground makes an ActorState of it.
struct FlatState {
  Eigen::Vector2d p_G = Eigen::Vector2d::Zero();
  double yaw = 0, speed = 0, acceleration = 0, yaw_rate = 0, stride = 0;
  Activity activity = Activity::kNone;
  bool braking = false;
  int indicator = 0;
};

/// An actor over the shown steps.
struct Track {
  Actor actor;
  std::vector<std::optional<FlatState>> states;
};

struct Recording {
  std::vector<EgoStep> ego;         ///< One step before the first shown to one after the last.
  double first_yaw = 0;             ///< Of the first of them.
  std::vector<Decision> decisions;  ///< From the first shown step to three seconds past the last.
  std::vector<Track> tracks;
  std::vector<data::MetaAction> intents;
  std::vector<int> route;
};

inline constexpr double kStep = 0.05;  ///< Seconds.

/// Simulates the draw number `draw` of the options' seed. Nothing if the town has no place for
/// the ego's start.
std::optional<Recording> Record(const Roads& roads, const DriveOptions& options, uint64_t draw);

}  // namespace occvla::world::traffic
