#include "occvla/view/path.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace occvla::view {
namespace {

constexpr int kStepsPerPoint = 10;
constexpr double kShortestStep = 0.05;
constexpr double kFarthest = 200;
constexpr double kLongestDrive = 10;
// A keyframe 2.95 s ahead still gets the mark of the third second.
constexpr double kTimeSlack = 0.1;

// Catmull-Rom between b and c.
Eigen::Vector2d Curve(const std::array<Eigen::Vector2d, 4>& p, double t) {
  return 0.5 * (2 * p[1] + t * (p[2] - p[0]) + t * t * (2 * p[0] - 5 * p[1] + 4 * p[2] - p[3]) +
                t * t * t * (3 * (p[1] - p[2]) + p[3] - p[0]));
}

}  // namespace

std::vector<PathPoint> SmoothPath(const Trajectory& trajectory_E) {
  std::vector<PathPoint> knots{{}};
  for (const auto& [x, y] : trajectory_E) {
    if (!(std::hypot(x, y) <= kFarthest)) break;
    const double time = static_cast<double>(knots.size()) * kTrajectoryStep;
    knots.push_back({.p_E = {x, y}, .time = time});
  }
  return SmoothPath(knots);
}

std::vector<PathPoint> SmoothPath(std::span<const PathPoint> knots) {
  if (knots.empty()) return {};
  std::vector<PathPoint> path{knots.front()};
  for (size_t index = 0; index + 1 < knots.size(); ++index) {
    const PathPoint &from = knots[index], &to = knots[index + 1];
    const std::array<Eigen::Vector2d, 4> around = {
        knots[index == 0 ? 0 : index - 1].p_E, from.p_E, to.p_E,
        knots[std::min(index + 2, knots.size() - 1)].p_E};
    for (int step = 1; step <= kStepsPerPoint; ++step) {
      const double share = static_cast<double>(step) / kStepsPerPoint;
      const Eigen::Vector2d p_E = Curve(around, share);
      if ((p_E - path.back().p_E).norm() < kShortestStep) continue;
      path.push_back({.p_E = p_E,
                      .time = from.time + share * (to.time - from.time),
                      .z_E = from.z_E + share * (to.z_E - from.z_E)});
    }
  }
  return path;
}

std::optional<PathPoint> AtTime(const std::vector<PathPoint>& path, double time) {
  if (path.empty() || time < path.front().time - kTimeSlack ||
      time > path.back().time + kTimeSlack) {
    return std::nullopt;
  }
  const auto after = std::lower_bound(path.begin(), path.end(), time,
                                      [](const PathPoint& p, double t) { return p.time < t; });
  if (after == path.begin()) return path.front();
  if (after == path.end()) return path.back();
  const PathPoint &from = *std::prev(after), &to = *after;
  const double share = to.time > from.time ? (time - from.time) / (to.time - from.time) : 1;
  return PathPoint{.p_E = from.p_E + share * (to.p_E - from.p_E),
                   .time = time,
                   .z_E = from.z_E + share * (to.z_E - from.z_E)};
}

DrivenPath DrivenPathOf(const data::Frame& frame) {
  if (!frame.now) return {};
  const geom::Pose X_EG = frame.now->X_GE.inverse();
  const auto knots = [&](const auto& moments, double sign) {
    std::vector<PathPoint> points{{}};
    for (const auto& moment : moments) {
      if (!moment) break;
      const Eigen::Vector3d p_E = X_EG * moment->X_GE.translation();
      const double time =
          static_cast<double>(moment->timestamp_us - frame.now->timestamp_us) * 1e-6;
      // Times that run the wrong way would fold the path back on itself.
      if (!(sign * (time - points.back().time) > 0) || std::abs(time) > kLongestDrive ||
          !(p_E.norm() <= kFarthest)) {
        break;
      }
      points.push_back({.p_E = p_E.head<2>(), .time = time, .z_E = p_E.z()});
    }
    return points;
  };
  DrivenPath driven{.past = {}, .future = SmoothPath(knots(frame.future, 1))};
  std::vector<PathPoint> past = knots(frame.past, -1);
  std::reverse(past.begin(), past.end());
  driven.past = SmoothPath(past);
  return driven;
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
    const double z = path[index].z_E;
    borders_E.emplace_back(Eigen::Vector3d(a.x(), a.y(), z), Eigen::Vector3d(b.x(), b.y(), z));
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
