#include "occvla/geom/polygon.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace occvla::geom {
namespace {

using Point = Eigen::Vector2d;
using Points = std::span<const Point>;

/// True if `point`, which lies on the line through a and b, lies between them.
bool Between(const Point& a, const Point& b, const Point& point) {
  return std::min(a.x(), b.x()) <= point.x() && point.x() <= std::max(a.x(), b.x()) &&
         std::min(a.y(), b.y()) <= point.y() && point.y() <= std::max(a.y(), b.y());
}

bool OnSegment(const Point& a, const Point& b, const Point& point) {
  return Between(a, b, point) && Cross(a, b, point) == 0;
}

int Side(const Point& a, const Point& b, const Point& c) {
  const double cross = Cross(a, b, c);
  return cross > 0 ? 1 : cross < 0 ? -1 : 0;
}

bool SegmentMeets(const Point& a, const Point& b, const Bounds2& rectangle) {
  Bounds2 bounds;
  bounds.Add(a);
  bounds.Add(b);
  if (!bounds.Meets(rectangle)) return false;
  // Their projections on both axes meet; what can still part them is the segment's own line.
  const Point& low = rectangle.min;
  const Point& high = rectangle.max;
  const std::array<int, 4> sides = {Side(a, b, low), Side(a, b, {high.x(), low.y()}),
                                    Side(a, b, high), Side(a, b, {low.x(), high.y()})};
  const auto [least, most] = std::minmax_element(sides.begin(), sides.end());
  return *least <= 0 && *most >= 0;
}

bool RingMeets(Points ring, const Bounds2& rectangle) {
  for (size_t i = 0, last = ring.size() - 1; i < ring.size(); last = i++)
    if (SegmentMeets(ring[last], ring[i], rectangle)) return true;
  return false;
}

/// -1 outside, 0 on the ring, 1 inside.
int Where(Points ring, const Point& point) {
  bool inside = false;
  for (size_t i = 0, last = ring.size() - 1; i < ring.size(); last = i++) {
    const Point& a = ring[last];
    const Point& b = ring[i];
    if (OnSegment(a, b, point)) return 0;
    // The edge crosses the level of the point, and right of it.
    if ((a.y() > point.y()) == (b.y() > point.y())) continue;
    if ((Cross(a, b, point) > 0) == (b.y() > a.y())) inside = !inside;
  }
  return inside ? 1 : -1;
}

}  // namespace

Bounds2 Bounds2::Around(const Point& centre, double radius) {
  return {.min = centre - Point::Constant(radius), .max = centre + Point::Constant(radius)};
}

void Bounds2::Add(const Point& point) {
  min = min.cwiseMin(point);
  max = max.cwiseMax(point);
}

void Bounds2::Add(const Bounds2& other) {
  min = min.cwiseMin(other.min);
  max = max.cwiseMax(other.max);
}

bool Bounds2::Meets(const Bounds2& other) const {
  return min.x() <= other.max.x() && other.min.x() <= max.x() && min.y() <= other.max.y() &&
         other.min.y() <= max.y();
}

bool Bounds2::Contains(const Point& point) const {
  return min.x() <= point.x() && point.x() <= max.x() && min.y() <= point.y() &&
         point.y() <= max.y();
}

Bounds2 BoundsOf(Points points) {
  Bounds2 bounds;
  for (const Point& point : points) bounds.Add(point);
  return bounds;
}

double Cross(const Point& a, const Point& b, const Point& c) {
  return (b.x() - a.x()) * (c.y() - a.y()) - (b.y() - a.y()) * (c.x() - a.x());
}

double SignedArea(Points ring) {
  double doubled = 0;
  // From the first point: far from the origin, products of coordinates would swallow the area.
  for (size_t i = 1; i + 1 < ring.size(); ++i) doubled += Cross(ring[0], ring[i], ring[i + 1]);
  return doubled / 2;
}

double Perimeter(Points ring) {
  double length = 0;
  for (size_t i = 0; i < ring.size(); ++i) length += (ring[(i + 1) % ring.size()] - ring[i]).norm();
  return length;
}

Point Centroid(Points ring) {
  double doubled = 0;
  Point sum = Point::Zero();
  for (size_t i = 1; i + 1 < ring.size(); ++i) {
    const double weight = Cross(ring[0], ring[i], ring[i + 1]);
    doubled += weight;
    sum += weight * ((ring[i] - ring[0]) + (ring[i + 1] - ring[0])) / 3;
  }
  if (doubled != 0) return ring[0] + sum / doubled;
  for (const Point& point : ring) sum += point - ring[0];
  return ring[0] + sum / static_cast<double>(ring.size());
}

double DistanceToSegment(const Point& point, const Point& a, const Point& b) {
  const Point along = b - a;
  const double squared = along.squaredNorm();
  if (squared == 0) return (point - a).norm();
  const double share = std::clamp((point - a).dot(along) / squared, 0.0, 1.0);
  return (point - (a + share * along)).norm();
}

double DistanceToLine(Points line, const Point& point) {
  if (line.size() == 1) return (point - line[0]).norm();
  double least = std::numeric_limits<double>::infinity();
  for (size_t i = 1; i < line.size(); ++i)
    least = std::min(least, DistanceToSegment(point, line[i - 1], line[i]));
  return least;
}

double DistanceToBoundary(Points ring, const Point& point) {
  if (ring.empty()) return std::numeric_limits<double>::infinity();
  return std::min(DistanceToLine(ring, point), DistanceToSegment(point, ring.back(), ring[0]));
}

double Distance(Points ring, const Point& point) {
  return Contains(ring, point) ? 0 : DistanceToBoundary(ring, point);
}

bool Contains(Points ring, const Point& point) { return Where(ring, point) >= 0; }

bool Contains(Points exterior, std::span<const std::vector<Point>> holes, const Point& point) {
  if (!Contains(exterior, point)) return false;
  return std::none_of(holes.begin(), holes.end(),
                      [&](const auto& hole) { return Where(hole, point) > 0; });
}

bool SegmentsMeet(const Point& a, const Point& b, const Point& c, const Point& d) {
  const int a_side = Side(c, d, a), b_side = Side(c, d, b);
  const int c_side = Side(a, b, c), d_side = Side(a, b, d);
  if (a_side * b_side < 0 && c_side * d_side < 0) return true;
  return (a_side == 0 && Between(c, d, a)) || (b_side == 0 && Between(c, d, b)) ||
         (c_side == 0 && Between(a, b, c)) || (d_side == 0 && Between(a, b, d));
}

bool LineMeets(Points line, const Bounds2& rectangle) {
  if (line.size() == 1) return rectangle.Contains(line[0]);
  for (size_t i = 1; i < line.size(); ++i)
    if (SegmentMeets(line[i - 1], line[i], rectangle)) return true;
  return false;
}

bool AreaMeets(Points exterior, std::span<const std::vector<Point>> holes,
               const Bounds2& rectangle) {
  if (RingMeets(exterior, rectangle)) return true;
  for (const auto& hole : holes)
    if (RingMeets(hole, rectangle)) return true;
  // No boundary passes through the rectangle: all of it is inside or all outside.
  return Contains(exterior, holes, rectangle.min);
}

bool Overlap(Points first, Points second) {
  if (first.empty() || second.empty()) return false;
  for (size_t i = 0, i_last = first.size() - 1; i < first.size(); i_last = i++)
    for (size_t j = 0, j_last = second.size() - 1; j < second.size(); j_last = j++)
      if (SegmentsMeet(first[i_last], first[i], second[j_last], second[j])) return true;
  return Contains(first, second[0]) || Contains(second, first[0]);
}

bool IsSimple(Points ring) {
  const size_t count = ring.size();
  if (count < 3) return false;
  for (size_t i = 0; i < count; ++i) {
    const Point& a = ring[i];
    const Point& b = ring[(i + 1) % count];
    const Point& next = ring[(i + 2) % count];
    // Neighbours share b; more only where the second runs back along the first.
    if (a == b || OnSegment(a, b, next) || OnSegment(b, next, a)) return false;
    for (size_t j = i + 2; j < count; ++j) {
      if ((j + 1) % count == i) continue;
      if (SegmentsMeet(a, b, ring[j], ring[(j + 1) % count])) return false;
    }
  }
  return true;
}

std::vector<std::array<uint32_t, 3>> Triangulate(Points ring) {
  std::vector<uint32_t> left(ring.size());
  std::iota(left.begin(), left.end(), 0);
  if (SignedArea(ring) < 0) std::reverse(left.begin(), left.end());
  std::vector<std::array<uint32_t, 3>> triangles;
  // An ear: a corner that turns left, with no other point of what is left in its triangle.
  const auto is_ear = [&](size_t at) {
    const size_t count = left.size();
    const Point& a = ring[left[(at + count - 1) % count]];
    const Point& b = ring[left[at]];
    const Point& c = ring[left[(at + 1) % count]];
    if (Cross(a, b, c) <= 0) return false;
    for (const uint32_t index : left) {
      const Point& point = ring[index];
      if (point == a || point == b || point == c) continue;
      if (Cross(a, b, point) >= 0 && Cross(b, c, point) >= 0 && Cross(c, a, point) >= 0)
        return false;
    }
    return true;
  };
  while (left.size() >= 3) {
    size_t at = 0;
    while (at < left.size() && !is_ear(at)) ++at;
    if (at == left.size()) {
      // Points on a straight edge are no ears: what is left of them has no area.
      at = 0;
      const auto is_flat = [&](size_t i) {
        const size_t count = left.size();
        return Cross(ring[left[(i + count - 1) % count]], ring[left[i]],
                     ring[left[(i + 1) % count]]) == 0;
      };
      while (at < left.size() && !is_flat(at)) ++at;
      if (at == left.size()) break;
    } else {
      const size_t count = left.size();
      triangles.push_back({left[(at + count - 1) % count], left[at], left[(at + 1) % count]});
    }
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(at));
  }
  return triangles;
}

}  // namespace occvla::geom
