#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <optional>
#include <vector>

#include "occvla/data/frame.h"

/// The road from the car's point of view: its route over the lanes, and what lies on it.
namespace occvla::label {

/// Where something stands beside the route.
struct Place {
  double along = 0;   ///< Metres along the route from E's origin; negative behind it.
  double across = 0;  ///< Metres left of it.
};

enum class StopKind : uint8_t { kTrafficLight, kStopSign, kYield, kPedestrianCrossing, kTurn };
inline constexpr size_t kStopKinds = 5;

/// A stop line that the route meets.
struct StopAhead {
  StopKind kind = StopKind::kTrafficLight;
  double along = 0;  ///< From E's origin to the line's near edge; below the front's 3.5 m: reached.
};

enum class Bend : uint8_t { kStraight, kLeft, kRight };

struct Road {
  bool known = false;  ///< The car is on a lane of the map.
  /// Points about 0.5 m apart from beside E's origin on, up to 60 m: the centreline of the car's
  /// lane and of those after it; at a fork the one that the car took, or the straightest.
  std::vector<Eigen::Vector2d> route_E;
  Bend bend = Bend::kStraight;  ///< Where the route's next connector goes, 30 degrees or more.
  /// To the nearest junction on the route; 0 within one.
  std::optional<double> junction;
  std::optional<StopAhead> stop;        ///< The next one that the car's front has not passed.
  std::optional<double> crossing;       ///< To the next crossing for pedestrians; 0 on it.
  int lanes_left = 0, lanes_right = 0;  ///< Beside the car's, in its direction.
};

/// The car's front ahead of E's origin; metres (a Renault Zoe's rear axle to its front bumper).
inline constexpr double kFrontReach = 3.5;
inline constexpr double kRouteLength = 60;

Road RoadOf(const data::Frame& frame);

/// The foot of a point on the route; points behind its start lie before it in its first direction.
Place PlaceOn(const std::vector<Eigen::Vector2d>& route_E, const Eigen::Vector2d& p_E);

}  // namespace occvla::label
