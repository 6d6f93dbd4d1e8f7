#pragma once
#include <Eigen/Core>
#include <span>
#include <vector>

/// Cutting convex polygons on the plane.
namespace occvla::world {

/// Corners counter-clockwise, not closed.
using Ring = std::vector<Eigen::Vector2d>;

struct Segment2 {
  Eigen::Vector2d a, b;
  int area = 0;  ///< Of whose outline it is a side.
};

/// The z of the cross product.
inline double Cross(const Eigen::Vector2d& a, const Eigen::Vector2d& b) {
  return a.x() * b.y() - a.y() * b.x();
}

/// Whether a simple polygon holds a point.
bool Inside(const Ring& points, const Eigen::Vector2d& p);

/// The part of a segment inside a convex ring, from 0 at a to 1 at b; empty if `from >= to`.
struct Part {
  double from = 0, to = 1;
};
Part Clip(const Ring& ring, const Eigen::Vector2d& a, const Eigen::Vector2d& b);

/// Cuts a convex ring along the line of every segment that runs through it: no segment runs
/// through any of the pieces.
std::vector<Ring> Cut(const Ring& ring, std::span<const Segment2> segments);

/// A point inside a convex ring.
Eigen::Vector2d Middle(const Ring& ring);

}  // namespace occvla::world
