#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <deque>
#include <vector>

#include "occvla/base/rng.h"
#include "occvla/world/drive.h"
#include "occvla/world/traffic/idm.h"
#include "occvla/world/traffic/roads.h"

/// One vehicle on its way: a body, a driver, and the lanes that it follows.
namespace occvla::world::traffic {

/// A category's measures and manners; nuScenes's vehicle categories, of typical sizes.
struct Kind {
  uint8_t category = 0;
  double length = 0, width = 0, height = 0;  ///< Metres, mean.
  double spread = 0;                         ///< Relative, of the length; half as much of the rest.
  double acceleration = 1.5;                 ///< m/s^2.
  double top_speed = 30;                     ///< m/s.
  double least_radius = 0;                   ///< Of bends that it takes; metres.
};

inline constexpr uint8_t kCar = 17, kBicycle = 14, kBendyBus = 15, kBus = 16, kConstruction = 18,
                         kAmbulance = 19, kPolice = 20, kMotorcycle = 21, kTrailer = 22,
                         kTruck = 23;

/// The measures of a vehicle category (14 to 23).
const Kind& KindOf(uint8_t category);
/// Length, width and height drawn around the category's means.
Eigen::Vector3d DrawSize(const Kind& kind, Rng& rng);
/// A category for traffic: mostly cars.
uint8_t DrawCategory(Rng& rng);

/// A lane on a vehicle's way, and the way's coordinate at which it begins.
struct Leg {
  int lane = kNoIndex;
  double start = 0;
};

/// What is ahead (or behind) on a way.
struct Ahead {
  double gap = 1e9;  ///< Metres, bumper to bumper.
  double speed = 0;
  int vehicle = kNoIndex;  ///< kNoIndex with a finite gap: something that stays.
};

/// A vehicle whose front axle follows a way (legs, with a sideways offset) and whose rear axle
/// follows the front one's trail.
struct Vehicle {
  uint8_t category = 0;
  Eigen::Vector3d size = Eigen::Vector3d::Zero();
  uint64_t look = 0;
  Driver driver;
  double top_speed = 30, least_radius = 0;
  double bias = 0;  ///< Keeps this far left of the centreline; bicycles ride at the right edge.
  Eigen::Vector3d trailer = Eigen::Vector3d::Zero();  ///< Size of what it tows; 0 = nothing.
  bool ego = false;

  std::vector<Leg> legs;
  double front = 0;  ///< Coordinate of the front bumper on the way.
  double speed = 0, acceleration = 0;

  int from_lane = kNoIndex;    ///< While it changes lanes: the old one.
  double change_progress = 1;  ///< 0 to 1.
  double change_s = 3.5;       ///< Seconds that the change takes.
  double change_offset = 0;    ///< Of the old lane from the new; metres to the left.
  double change_tail = 0;    ///< Metres until the rear has followed, from when the front is across.
  double settled_at = -1e9;  ///< When the last change ended.
  double bias_now = 0;

  std::deque<Eigen::Vector2d> trail;  ///< Of the front axle, newest first, kTrailStep apart.
  Eigen::Vector2d front_axle_G = Eigen::Vector2d::Zero();

  double halted_at = -1e9;  ///< Since when it stands at the line ahead (stop signs).
  double asking_since = -1e9;
  int asking_for = kNoIndex;  ///< Connector.
  bool gone = false;
  double travelled = 0;
  std::vector<int>
      plan;            ///< Lanes that the ego means to take; each follows or neighbours the last.
  size_t plan_at = 0;  ///< Of the lane that it is on.
  double change_from = 0;     ///< Earliest coordinate for the next planned lane change.
  Rng choices{0, "choices"};  ///< Which way to take where lanes fork.

  static constexpr double kTrailStep = 0.25, kHitch = 1.1;
  double front_overhang() const {
    return ego ? 0.5 * kEgoLength + kEgoCentreAhead - kEgoWheelbase : 0.2 * size.x();
  }
  double wheelbase() const { return ego ? kEgoWheelbase : 0.58 * size.x(); }
  double whole_length() const { return size.x() + (trailer.x() > 0 ? kHitch + trailer.x() : 0.0); }
  double rear() const { return front - whole_length(); }
  bool changing() const { return from_lane != kNoIndex; }
  /// Index of the leg that holds the front bumper.
  size_t CurrentLeg(const Roads& roads) const;
  int lane(const Roads& roads) const { return legs[CurrentLeg(roads)].lane; }
  double s(const Roads& roads) const { return front - legs[CurrentLeg(roads)].start; }
  /// Metres left of the centreline.
  double Offset() const;
};

/// A body's place on the plane: centre, yaw.
struct BodyPose {
  Eigen::Vector2d p_G = Eigen::Vector2d::Zero();
  double yaw = 0;
};

/// Puts the front axle where the way says and lengthens the trail. The first call lays the trail
/// back along the way.
void Place(Vehicle& vehicle, const Roads& roads);
BodyPose BodyOf(const Vehicle& vehicle);
BodyPose TrailerOf(const Vehicle& vehicle);

}  // namespace occvla::world::traffic
