#pragma once
#include <optional>
#include <vector>

#include "occvla/world/drive.h"
#include "occvla/world/traffic/ego.h"
#include "occvla/world/traffic/intents.h"

/// A scene as simulated on the plane, and how it becomes a drive on the ground.
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

/// Puts everybody on the town's ground, those on sidewalks as high as those; fills in yaw rates.
/// Leaves seed, day time and sun as they are.
Drive ToDrive(const Town& town, const Recording& recording);

/// How high the topmost of the town's areas at points near each other lies above the ground.
class Kerbs {
 public:
  explicit Kerbs(const Town& town);
  double RaisedAt(const Eigen::Vector2d& p_G) const;

 private:
  struct Bounds {
    Eigen::Vector2d low, high;
  };
  const Town& town_;  // Outlives this.
  std::vector<Bounds> bounds_;
};

}  // namespace occvla::world::traffic
