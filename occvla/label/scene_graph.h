#pragma once
#include <Eigen/Core>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/data/frame.h"
#include "occvla/label/scene_graph_road.h"

/// What stands around the car at a keyframe, as words can say it: made from annotations and map,
/// never from pixels.
namespace occvla::label {

/// NuScenes-QA's ten classes, in alphabetical order.
enum class ThingClass : uint8_t {
  kBarrier,
  kBicycle,
  kBus,
  kCar,
  kConstructionVehicle,
  kMotorcycle,
  kPedestrian,
  kTrafficCone,
  kTrailer,
  kTruck
};
inline constexpr std::array<std::string_view, 10> kThingClasses = {
    "barrier",    "bicycle",    "bus",          "car",     "construction vehicle",
    "motorcycle", "pedestrian", "traffic cone", "trailer", "truck"};

/// NuScenes-QA's seven statuses: of vehicles, pedestrians, cycles.
enum class Status : uint8_t {
  kMoving,
  kStopped,
  kParked,
  kStanding,
  kNotStanding,  ///< Sitting or lying.
  kWithRider,
  kWithoutRider
};
inline constexpr std::array<std::string_view, 7> kStatuses = {
    "moving", "stopped", "parked", "standing", "not standing", "with rider", "without rider"};

/// NuScenes-QA's six relations: sectors of 60 degrees around the direction that the car faces,
/// whatever stands in their middle (the car or another thing): front from -30 to 30 degrees, front
/// left from 30 to 90, back left from 90 to 150, back beyond that, and likewise on the right.
enum class Sector : uint8_t { kFront, kFrontLeft, kFrontRight, kBack, kBackLeft, kBackRight };
inline constexpr std::array<std::string_view, 6> kSectors = {"front", "front left", "front right",
                                                             "back",  "back left",  "back right"};

/// The sector that a direction points to; an angle on a border belongs to the sector ahead of it.
Sector SectorOf(const Eigen::Vector2d& direction_E);
/// How far a direction is from the nearest border of a sector; degrees, 0 to 30.
double DegreesFromBorder(const Eigen::Vector2d& direction_E);

/// An annotated box that NuScenes-QA has a name for.
struct Thing {
  std::string token;  ///< Of the annotation.
  std::string instance_token;
  ThingClass thing_class = ThingClass::kCar;
  std::optional<Status> status;  ///< From its attribute; barriers and cones have none.
  /// Nobody who looks at the pictures would miss or doubt it: at most 50 m away, at least 40 %
  /// visible, hit by the lidar, and plainly of its class. The others are still there: what may be
  /// said must hold with them and without.
  bool sure = false;
  Eigen::Vector2d p_E = Eigen::Vector2d::Zero();  ///< Centre.
  double distance = 0;                            ///< From E's origin to the centre.
  double yaw_E = 0, length = 0, width = 0;
  std::optional<Eigen::Vector2d> velocity_E;  ///< Over ground, in the axes of E.
  Place place;                                ///< Beside the car's route.

  double speed() const { return velocity_E ? velocity_E->norm() : 0; }
};

/// Kinds of surroundings that the scene's description tells.
struct SceneNotes {
  bool night = false, dusk = false, rain = false;
  /// From the words of a scene description ("Night, rain, ...").
  static SceneNotes From(std::string_view description);
};

struct SceneGraph {
  std::string token;  ///< Of the sample.
  SceneNotes notes;
  std::vector<Thing> things;  ///< At most 55 m away, nearest first.
  Road road;
  /// Of the car; from the last half second, or the next where the scene begins. Absent for a scene
  /// of one keyframe.
  std::optional<double> speed;
  /// The vehicle, cycle or person nearest ahead on the car's route: an index of `things`.
  std::optional<size_t> lead;
  double lead_gap = 0;  ///< Between the bumpers, along the route.
  /// People who are on the car's route or step towards it, up to 40 m ahead: indices of `things`.
  std::vector<size_t> walkers;
};

/// The graph of a keyframe. Frames without a pose throw DataError; without a map the road is
/// unknown and the route goes straight ahead or where the car went.
SceneGraph GraphOf(const data::Frame& frame, const SceneNotes& notes);

}  // namespace occvla::label
