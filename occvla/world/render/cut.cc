#include "occvla/world/render/cut.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace occvla::world {
namespace {

using Eigen::Vector2d;

// A cut closer to a corner than this is no cut.
constexpr double kTiny = 1e-7;

/// Both sides of a convex ring cut by the line through a and b: left, right.
std::array<Ring, 2> Split(const Ring& ring, const Vector2d& a, const Vector2d& b) {
  const Vector2d along = (b - a).normalized();
  std::array<Ring, 2> sides;
  for (size_t i = 0; i < ring.size(); ++i) {
    const Vector2d &p = ring[i], &q = ring[(i + 1) % ring.size()];
    double dp = Cross(along, p - a), dq = Cross(along, q - a);
    if (std::abs(dp) < kTiny) dp = 0;
    if (std::abs(dq) < kTiny) dq = 0;
    if (dp >= 0) sides[0].push_back(p);
    if (dp <= 0) sides[1].push_back(p);
    if (dp * dq < 0) {
      const Vector2d cut = p + dp / (dp - dq) * (q - p);
      sides[0].push_back(cut);
      sides[1].push_back(cut);
    }
  }
  return sides;
}

double AreaOf(const Ring& ring) {
  double area = 0;
  for (size_t i = 2; i < ring.size(); ++i)
    area += Cross(ring[i - 1] - ring[0], ring[i] - ring[0]) / 2;
  return area;
}

void CutAll(Ring ring, std::span<const Segment2> edges, size_t next, std::vector<Ring>& out) {
  for (; next < edges.size(); ++next) {
    const Segment2& edge = edges[next];
    const Part part = Clip(ring, edge.a, edge.b);
    if ((part.to - part.from) * (edge.b - edge.a).norm() < 1e-5) continue;
    const auto sides = Split(ring, edge.a, edge.b);
    if (sides[0].size() < 3 || sides[1].size() < 3) continue;
    CutAll(sides[0], edges, next + 1, out);
    CutAll(sides[1], edges, next + 1, out);
    return;
  }
  if (AreaOf(ring) > 1e-9) out.push_back(std::move(ring));
}

}  // namespace

bool Inside(const Ring& points, const Vector2d& p) {
  bool inside = false;
  for (size_t i = 0, j = points.size() - 1; i < points.size(); j = i++) {
    const Vector2d &a = points[i], &b = points[j];
    if ((a.y() > p.y()) != (b.y() > p.y()) &&
        p.x() < (b.x() - a.x()) * (p.y() - a.y()) / (b.y() - a.y()) + a.x())
      inside = !inside;
  }
  return inside;
}

Part Clip(const Ring& ring, const Vector2d& a, const Vector2d& b) {
  Part part;
  for (size_t i = 0; i < ring.size(); ++i) {
    const Vector2d& p = ring[i];
    const Vector2d along = (ring[(i + 1) % ring.size()] - p).normalized();
    const double da = Cross(along, a - p), db = Cross(along, b - p);  // Positive inside.
    if (da <= kTiny && db <= kTiny) return {1, 0};
    if (da < kTiny) part.from = std::max(part.from, (kTiny - da) / (db - da));
    if (db < kTiny) part.to = std::min(part.to, (da - kTiny) / (da - db));
  }
  return part;
}

std::vector<Ring> Cut(const Ring& ring, std::span<const Segment2> segments) {
  std::vector<Ring> pieces;
  CutAll(ring, segments, 0, pieces);
  return pieces;
}

Vector2d Middle(const Ring& ring) {
  Vector2d sum = Vector2d::Zero();
  for (const Vector2d& p : ring) sum += p;
  return sum / static_cast<double>(ring.size());
}

}  // namespace occvla::world
