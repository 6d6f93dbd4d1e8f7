#pragma once
#include <Eigen/Core>
#include <array>
#include <optional>
#include <span>
#include <vector>

#include "occvla/data/frame.h"

namespace occvla::view {

using Trajectory = std::array<std::array<double, 2>, 6>;

/// Seconds between two points of a trajectory, and the time of its last point.
inline constexpr double kTrajectoryStep = 0.5;
inline constexpr double kTrajectoryEnd = 3.0;

struct PathPoint {
  Eigen::Vector2d p_E = Eigen::Vector2d::Zero();
  double time = 0;  ///< Seconds from now.
  double z_E = 0;   ///< Of the ground there.
};

/// A smooth curve from the ego frame's origin through the six points (Catmull-Rom), in steps of at
/// most a tenth of each half second; points closer than 5 cm to the one before are left out. Stops
/// before a point that is more than 200 m away. A standing car gives one point.
std::vector<PathPoint> SmoothPath(const Trajectory& trajectory_E);

/// The same curve through points of any times.
std::vector<PathPoint> SmoothPath(std::span<const PathPoint> knots);

/// Where the path is at a time, linear between its points; nothing more than 0.1 s beyond its ends.
std::optional<PathPoint> AtTime(const std::vector<PathPoint>& path, double time);

/// Where the car came from (oldest first, ending now) and where it then went (starting now), as far
/// as the frame knows its keyframes at most 10 s away. Both empty without an ego pose.
struct DrivenPath {
  std::vector<PathPoint> past, future;
};
DrivenPath DrivenPathOf(const data::Frame& frame);

/// A flat piece of the ground that the car's width sweeps.
struct RibbonPiece {
  std::array<Eigen::Vector3d, 4> corners_E;
  double time = 0;  ///< At its far end.
};

std::vector<RibbonPiece> Ribbon(const std::vector<PathPoint>& path, double half_width);

}  // namespace occvla::view
