#include "occvla/view/path.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace occvla::view {
namespace {

constexpr int kStepsPerPoint = 10;
constexpr double kShortestStep = 0.05;
constexpr double kFarthest = 200;

// Catmull-Rom between b and c.
Eigen::Vector2d Curve(const std::array<Eigen::Vector2d, 4>& p, double t) {
  return 0.5 * (2 * p[1] + t * (p[2] - p[0]) + t * t * (2 * p[0] - 5 * p[1] + 4 * p[2] - p[3]) +
                t * t * t * (3 * (p[1] - p[2]) + p[3] - p[0]));
}

}  // namespace

std::vector<PathPoint> SmoothPath(const Trajectory& trajectory_E) {
  std::vector<Eigen::Vector2d> knots{Eigen::Vector2d::Zero()};
  for (const auto& [x, y] : trajectory_E) {
    if (!(std::hypot(x, y) <= kFarthest)) break;
    knots.emplace_back(x, y);
  }
  std::vector<PathPoint> path{{.p_E = knots.front(), .time = 0}};
  for (size_t index = 0; index + 1 < knots.size(); ++index) {
    const std::array<Eigen::Vector2d, 4> around = {knots[index == 0 ? 0 : index - 1], knots[index],
                                                   knots[index + 1],
                                                   knots[std::min(index + 2, knots.size() - 1)]};
    for (int step = 1; step <= kStepsPerPoint; ++step) {
      const double share = static_cast<double>(step) / kStepsPerPoint;
      const Eigen::Vector2d p_E = Curve(around, share);
      if ((p_E - path.back().p_E).norm() < kShortestStep) continue;
      path.push_back({.p_E = p_E, .time = (static_cast<double>(index) + share) * kTrajectoryStep});
    }
  }
  return path;
}

std::vector<RibbonPiece> Ribbon(const std::vector<PathPoint>& path, double half_width) {
  if (path.size() < 2) return {};
  std::vector<std::pair<Eigen::Vector3d, Eigen::Vector3d>> borders_E;  // Left and right.
  for (size_t index = 0; index < path.size(); ++index) {
    const Eigen::Vector2d ahead = path[std::min(index + 1, path.size() - 1)].p_E;
    const Eigen::Vector2d behind = path[index == 0 ? 0 : index - 1].p_E;
    const Eigen::Vector2d direction = (ahead - behind).normalized();
    const Eigen::Vector2d left = half_width * Eigen::Vector2d(-direction.y(), direction.x());
    const Eigen::Vector2d a = path[index].p_E + left, b = path[index].p_E - left;
    borders_E.emplace_back(Eigen::Vector3d(a.x(), a.y(), 0), Eigen::Vector3d(b.x(), b.y(), 0));
  }
  std::vector<RibbonPiece> pieces;
  for (size_t index = 1; index < path.size(); ++index) {
    const auto& [near_left, near_right] = borders_E[index - 1];
    const auto& [far_left, far_right] = borders_E[index];
    pieces.push_back(
        {.corners_E = {near_left, far_left, far_right, near_right}, .time = path[index].time});
  }
  return pieces;
}

}  // namespace occvla::view
