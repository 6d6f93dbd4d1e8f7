#include "occvla/eval/planning/footprint.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace occvla::eval {
namespace {

using Point = std::array<double, 2>;

constexpr double kLeastTangent = 0.5, kLeastSpeed = 1.0;

std::array<Point, 4> CornersOf(const Rectangle& r) {
  const double cosine = std::cos(r.yaw), sine = std::sin(r.yaw);
  std::array<Point, 4> corners{};
  constexpr std::array<std::array<int, 2>, 4> kSigns = {{{1, 1}, {1, -1}, {-1, -1}, {-1, 1}}};
  for (size_t at = 0; at < 4; ++at) {
    const double along = kSigns[at][0] * r.length / 2, across = kSigns[at][1] * r.width / 2;
    corners[at] = {r.x + cosine * along - sine * across, r.y + sine * along + cosine * across};
  }
  return corners;
}

// True if a line along one of `a`'s sides has `b` wholly on its far side.
bool Separates(const Rectangle& a, const Rectangle& b) {
  const double cosine = std::cos(a.yaw), sine = std::sin(a.yaw);
  Point low{1e300, 1e300}, high{-1e300, -1e300};
  for (const Point& corner : CornersOf(b)) {
    const double dx = corner[0] - a.x, dy = corner[1] - a.y;
    const Point in_a{cosine * dx + sine * dy, cosine * dy - sine * dx};
    for (size_t axis = 0; axis < 2; ++axis) {
      low[axis] = std::min(low[axis], in_a[axis]);
      high[axis] = std::max(high[axis], in_a[axis]);
    }
  }
  return low[0] > a.length / 2 || high[0] < -a.length / 2 || low[1] > a.width / 2 ||
         high[1] < -a.width / 2;
}

double Wrapped(double angle) { return std::remainder(angle, 2 * std::numbers::pi); }

}  // namespace

bool Overlap(const Rectangle& a, const Rectangle& b) {
  const double reach = std::hypot(a.length, a.width) / 2 + std::hypot(b.length, b.width) / 2;
  if (std::hypot(a.x - b.x, a.y - b.y) > reach) return false;
  return !Separates(a, b) && !Separates(b, a);
}

Rectangle CarAt(const Point& p_E, double heading_E) {
  return {p_E[0] + std::cos(heading_E) * kCarCentreAhead,
          p_E[1] + std::sin(heading_E) * kCarCentreAhead, heading_E, kCarLength, kCarWidth};
}

std::vector<Point> Outline(const Rectangle& rectangle, double spacing) {
  std::vector<Point> points;
  const std::array<Point, 4> corners = CornersOf(rectangle);
  for (size_t side = 0; side < 4; ++side) {
    const Point &a = corners[side], &b = corners[(side + 1) % 4];
    const double length = std::hypot(b[0] - a[0], b[1] - a[1]);
    const int pieces = std::max(1, static_cast<int>(std::ceil(length / spacing)));
    for (int piece = 0; piece < pieces; ++piece) {
      const double share = static_cast<double>(piece) / pieces;
      points.push_back({a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])});
    }
  }
  return points;
}

std::array<double, 6> HeadingsAlong(const Track& track_E) {
  std::array<double, 6> headings{};
  double before = 0;
  for (size_t step = 0; step < 6; ++step) {
    const Point from = step > 0 ? track_E[step - 1] : Point{};
    const Point& to = track_E[std::min<size_t>(step + 1, 5)];
    const double dx = to[0] - from[0], dy = to[1] - from[1];
    if (std::hypot(dx, dy) >= kLeastTangent) {
      const double chord = std::atan2(dy, dx);
      // The chord of an arc lies halfway between the tangents at its ends.
      before = step < 5 ? chord : Wrapped(before + 2 * Wrapped(chord - before));
    }
    headings[step] = before;
  }
  return headings;
}

Track AtTimes(const Track& track_E, const std::array<double, 6>& times_s) {
  Track moved{};
  for (size_t step = 0; step < 6; ++step) {
    const double at = times_s[step] / 0.5;
    const size_t before = static_cast<size_t>(std::clamp(std::floor(at), 0.0, 5.0));
    const double share = at - static_cast<double>(before);
    const Point from = before > 0 ? track_E[before - 1] : Point{};
    for (size_t axis = 0; axis < 2; ++axis)
      moved[step][axis] = from[axis] + share * (track_E[before][axis] - from[axis]);
  }
  return moved;
}

Motion MotionAlong(std::span<const PathPoint> path) {
  struct Piece {
    double time_s, speed, direction;
  };
  std::vector<Piece> pieces;
  for (size_t at = 1; at < path.size(); ++at) {
    const PathPoint &a = path[at - 1], &b = path[at];
    const double dx = b.x_E - a.x_E, dy = b.y_E - a.y_E;
    pieces.push_back({(a.time_s + b.time_s) / 2, std::hypot(dx, dy) / (b.time_s - a.time_s),
                      std::atan2(dy, dx)});
  }
  struct Change {
    double time_s, acceleration, yaw_rate;
    bool turning;
  };
  std::vector<Change> changes;
  Motion motion;
  for (size_t at = 1; at < pieces.size(); ++at) {
    const Piece &a = pieces[at - 1], &b = pieces[at];
    const double seconds = b.time_s - a.time_s, speed = (a.speed + b.speed) / 2;
    Change change{(a.time_s + b.time_s) / 2, (b.speed - a.speed) / seconds, 0,
                  a.speed >= kLeastSpeed && b.speed >= kLeastSpeed};
    if (change.turning) change.yaw_rate = Wrapped(b.direction - a.direction) / seconds;
    const double lateral = speed * std::abs(change.yaw_rate);
    motion.acceleration = std::max(motion.acceleration, change.acceleration);
    motion.braking = std::max(motion.braking, -change.acceleration);
    motion.yaw_rate = std::max(motion.yaw_rate, std::abs(change.yaw_rate));
    motion.lateral_acceleration = std::max(motion.lateral_acceleration, lateral);
    motion.total_acceleration =
        std::max(motion.total_acceleration, std::hypot(change.acceleration, lateral));
    if (change.turning)
      motion.curvature = std::max(motion.curvature, std::abs(change.yaw_rate) / speed);
    changes.push_back(change);
  }
  for (size_t at = 1; at < changes.size(); ++at) {
    const Change &a = changes[at - 1], &b = changes[at];
    const double seconds = b.time_s - a.time_s;
    motion.jerk = std::max(motion.jerk, std::abs(b.acceleration - a.acceleration) / seconds);
    if (a.turning && b.turning) {
      motion.yaw_acceleration =
          std::max(motion.yaw_acceleration, std::abs(b.yaw_rate - a.yaw_rate) / seconds);
    }
  }
  return motion;
}

}  // namespace occvla::eval
