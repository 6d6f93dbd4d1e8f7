#pragma once
#include <array>
#include <span>
#include <vector>

#include "occvla/eval/planning/protocols.h"

/// The car's own outline and how it moves along a track: what our own clean metric rests on.
namespace occvla::eval {

/// The car of nuScenes as the published rates size it; its centre lies ahead of the ego origin
/// (the rear axle): 0.985793 m to the lidar and 0.5 m on.
inline constexpr double kCarLength = 4.084, kCarWidth = 1.85, kCarCentreAhead = 0.985793 + 0.5;

/// A rectangle in the plane, in any frame: centre, heading, extent along and across it.
struct Rectangle {
  double x = 0, y = 0, yaw = 0, length = 0, width = 0;
};

/// True if the two share a point (separating axes; exact, boundaries belong to both).
bool Overlap(const Rectangle& a, const Rectangle& b);

/// The car with its ego origin at p_E.
Rectangle CarAt(const std::array<double, 2>& p_E, double heading_E);

/// Points along the outline, at most `spacing` apart, corners included.
std::vector<std::array<double, 2>> Outline(const Rectangle& rectangle, double spacing);

/// The heading at each point of a track that starts at the origin of E with heading 0. The rear
/// axle of a car that does not slip moves along its heading, so the heading is the track's
/// tangent: the direction from the point before to the point after, and at the end the one that
/// continues the arc. Where the car moves less than 0.5 m between those, it keeps the heading of
/// the point before.
std::array<double, 6> HeadingsAlong(const Track& track_E);

/// The track, whose points are 0.5 s apart, at other times: linear between its points, from the
/// origin at 0 s; beyond 3 s at the last speed. Times are positive.
Track AtTimes(const Track& track_E, const std::array<double, 6>& times_s);

/// The largest values along a track, from differences of its points; 0 where there is no such
/// difference. Turning is judged only where the car moves at 1 m/s or more.
struct Motion {
  double acceleration = 0;          ///< Along the track, m/s^2.
  double braking = 0;               ///< Likewise, as a positive number.
  double jerk = 0;                  ///< Along the track, m/s^3.
  double yaw_rate = 0;              ///< rad/s.
  double yaw_acceleration = 0;      ///< rad/s^2.
  double lateral_acceleration = 0;  ///< Speed times yaw rate, m/s^2.
  double total_acceleration = 0;    ///< Along and across together.
  double curvature = 0;             ///< Yaw rate over speed, 1/m.
  bool operator==(const Motion&) const = default;

  /// For reading and writing: every field by name.
  template <typename Visitor>
  void VisitFields(Visitor&& v) {
    v("acceleration", acceleration);
    v("braking", braking);
    v("jerk", jerk);
    v("yaw_rate", yaw_rate);
    v("yaw_acceleration", yaw_acceleration);
    v("lateral_acceleration", lateral_acceleration);
    v("total_acceleration", total_acceleration);
    v("curvature", curvature);
  }
};

/// A moment of a path: seconds, metres in E.
struct PathPoint {
  double time_s = 0, x_E = 0, y_E = 0;
};
/// `path` is in the order of time, times strictly increasing.
Motion MotionAlong(std::span<const PathPoint> path);

/// What passengers find comfortable: the limits of nuPlan's metric `ego_is_comfortable`
/// (nuplan-devkit), taken there from what human drivers did.
inline constexpr double kMostAcceleration = 2.40, kMostBraking = 4.05, kMostJerk = 4.13,
                        kMostYawRate = 0.95, kMostYawAcceleration = 1.93,
                        kMostLateralAcceleration = 4.89;
/// What the car can do: tyres on dry asphalt hold about 1 g in all directions together, and the
/// rear axle of a Renault Zoe (turning circle 10.6 m, wheelbase 2.588 m) turns no tighter than on
/// a radius of 3.85 m.
inline constexpr double kMostTotalAcceleration = 9.81, kMostCurvature = 1 / 3.85;

}  // namespace occvla::eval
