#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "occvla/data/meta_action.h"
#include "occvla/geom/box.h"
#include "occvla/world/town.h"

/// What happens in one scene: who is there, and where everybody is at every moment.
namespace occvla::world {

/// Somebody or something with a box: a vehicle, a person, a cone.
struct Actor {
  uint8_t category = 0;  ///< Index into data::nuscenes::kCategories, 1..23.
  Eigen::Vector3d size = Eigen::Vector3d::Zero();  ///< Length, width, height of the box; metres.
  uint64_t look = 0;                               ///< Key of colour and shape variation.
};

/// What an actor is up to; says its attribute.
enum class Activity : uint8_t {
  kNone,  ///< Barriers, cones, animals: no attribute.
  kMoving,
  kStopped,
  kParked,
  kStanding,
  kSitting,
  kWithRider,
  kWithoutRider
};

/// Where an actor A is: origin on the ground below its box's centre, x forward, z along the
/// ground's normal.
struct ActorState {
  geom::Pose X_GA = geom::Pose::Identity();
  double speed = 0;         ///< m/s along x.
  double acceleration = 0;  ///< m/s^2 along x.
  double yaw_rate = 0;      ///< rad/s.
  Activity activity = Activity::kNone;
  bool braking = false;
  int indicator = 0;  ///< +1 left, -1 right.
  double stride = 0;  ///< Radians of the walking cycle, wheels: metres travelled.
};

/// The ego car at a moment; E's origin is the ground point below the rear axle.
struct EgoState {
  geom::Pose X_GE = geom::Pose::Identity();
  double speed = 0, acceleration = 0, lateral_acceleration = 0, yaw_rate = 0;
  double steering = 0;  ///< Front wheels, radians, + left.
  bool braking = false;
  int indicator = 0;
  int lane = kNoIndex;  ///< Lane index that it follows.
};

/// Sun, sky and weather.
enum class DayTime : uint8_t { kDay, kDusk, kOvercast, kNight };

/// One scene as simulated: states every `step_s` from 0 to the end, all of the same length.
struct Drive {
  uint64_t seed = 0;
  double step_s = 0.05;
  DayTime day_time = DayTime::kDay;
  double sun_azimuth = 0, sun_elevation = 0.8;  ///< Radians; azimuth from x east to y north.
  std::vector<EgoState> ego;
  std::vector<Actor> actors;
  /// states[step][actor]; absent while the actor is not in the scene.
  std::vector<std::vector<std::optional<ActorState>>> states;
  /// What the driver meant to do over the next three seconds, at each step.
  std::vector<data::MetaAction> intents;
  /// Lanes that the ego drives through, in order.
  std::vector<int> route;

  double duration_s() const {
    return ego.empty() ? 0 : step_s * static_cast<double>(ego.size() - 1);
  }
};

/// States between steps: positions and speeds linear, rotations slerp. `time_s` from 0 to duration.
EgoState EgoAt(const Drive& drive, double time_s);
/// Absent if the actor is in neither step around the moment.
std::optional<ActorState> ActorAt(const Drive& drive, size_t actor, double time_s);
/// The box of an actor in its state: centre half a height above the ground.
geom::Box BoxOf(const Actor& actor, const ActorState& state);

/// Ego body: length, width, height, and how far the rear axle is behind the centre.
inline constexpr double kEgoLength = 4.084, kEgoWidth = 1.85, kEgoHeight = 1.56;
inline constexpr double kEgoCentreAhead = 0.985793 + 0.5;  ///< As the planning metrics place it.
inline constexpr double kEgoWheelbase = 2.588;

}  // namespace occvla::world
