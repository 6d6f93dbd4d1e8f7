#include "occvla/world/town_shapes.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace occvla::world {

using Eigen::Vector2d;

std::array<double, 4> BoundsOf(const Polygon2& polygon) {
  constexpr double kFar = std::numeric_limits<double>::max();
  std::array<double, 4> bounds{kFar, kFar, -kFar, -kFar};
  for (const auto& p : polygon.points) {
    bounds = {std::min(bounds[0], p.x()), std::min(bounds[1], p.y()), std::max(bounds[2], p.x()),
              std::max(bounds[3], p.y())};
  }
  return bounds;
}

double SignedArea(const Polygon2& polygon) {
  double twice = 0;
  for (size_t i = 0; i < polygon.points.size(); ++i) {
    const auto& a = polygon.points[i];
    const auto& b = polygon.points[(i + 1) % polygon.points.size()];
    twice += a.x() * b.y() - a.y() * b.x();
  }
  return twice / 2;
}

bool Contains(const Polygon2& polygon, const Vector2d& p) {
  bool inside = false;
  const size_t n = polygon.points.size();
  for (size_t i = 0, j = n - 1; i < n; j = i++) {
    const auto &a = polygon.points[i], &b = polygon.points[j];
    if ((a.y() > p.y()) != (b.y() > p.y()) &&
        p.x() < (b.x() - a.x()) * (p.y() - a.y()) / (b.y() - a.y()) + a.x()) {
      inside = !inside;
    }
  }
  return inside;
}

double DistanceToBoundary(const Polygon2& polygon, const Vector2d& p) {
  double least = std::numeric_limits<double>::max();
  for (size_t i = 0; i < polygon.points.size(); ++i) {
    const auto& a = polygon.points[i];
    const Vector2d ab = polygon.points[(i + 1) % polygon.points.size()] - a;
    const double length = ab.squaredNorm();
    const double t = length > 0 ? std::clamp((p - a).dot(ab) / length, 0.0, 1.0) : 0;
    least = std::min(least, (p - a - t * ab).norm());
  }
  return least;
}

Polygon2 Rectangle(const Vector2d& middle, double yaw, double length, double width) {
  const Vector2d x = Vector2d(std::cos(yaw), std::sin(yaw)) * length / 2;
  const Vector2d y = Vector2d(-std::sin(yaw), std::cos(yaw)) * width / 2;
  return {{middle - x - y, middle + x - y, middle + x + y, middle - x + y}};
}

std::vector<Vector2d> SamplesOf(const Polygon2& polygon, double step) {
  std::vector<Vector2d> samples;
  const auto bounds = BoundsOf(polygon);
  for (double x = bounds[0] + step / 2; x < bounds[2]; x += step) {
    for (double y = bounds[1] + step / 2; y < bounds[3]; y += step) {
      if (Contains(polygon, {x, y})) samples.emplace_back(x, y);
    }
  }
  for (size_t i = 0; i < polygon.points.size(); ++i) {
    const auto& a = polygon.points[i];
    const Vector2d ab = polygon.points[(i + 1) % polygon.points.size()] - a;
    const int n = std::max(1, static_cast<int>(std::ceil(ab.norm() / step)));
    for (int k = 0; k < n; ++k) samples.push_back(a + ab * k / n);
  }
  return samples;
}

}  // namespace occvla::world
