#pragma once
#include <Eigen/Core>
#include <array>
#include <vector>

namespace occvla::view {

using Trajectory = std::array<std::array<double, 2>, 6>;

/// Seconds between two points of a trajectory, and the time of its last point.
inline constexpr double kTrajectoryStep = 0.5;
inline constexpr double kTrajectoryEnd = 3.0;

struct PathPoint {
  Eigen::Vector2d p_E;
  double time = 0;  ///< Seconds from now.
};

/// A smooth curve from the ego frame's origin through the six points (Catmull-Rom), in steps of at
/// most a tenth of each half second; points closer than 5 cm to the one before are left out. Stops
/// before a point that is more than 200 m away. A standing car gives one point.
std::vector<PathPoint> SmoothPath(const Trajectory& trajectory_E);

/// A flat piece of the ground (z = 0) that the car's width sweeps.
struct RibbonPiece {
  std::array<Eigen::Vector3d, 4> corners_E;
  double time = 0;  ///< At its far end.
};

std::vector<RibbonPiece> Ribbon(const std::vector<PathPoint>& path, double half_width);

}  // namespace occvla::view
