#pragma once
#include <Eigen/Core>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

/// Plane geometry of lines and polygons. A ring is a polygon's outline: its points in order, not
/// closed (the last joins the first). All functions take any frame, metres; boundaries belong to
/// what they bound.
namespace occvla::geom {

/// An axis-parallel rectangle; empty until something was added.
struct Bounds2 {
  Eigen::Vector2d min = Eigen::Vector2d::Constant(1e300);
  Eigen::Vector2d max = Eigen::Vector2d::Constant(-1e300);

  static Bounds2 Around(const Eigen::Vector2d& centre, double radius);
  void Add(const Eigen::Vector2d& point);
  void Add(const Bounds2& other);
  bool empty() const { return min.x() > max.x(); }
  bool Meets(const Bounds2& other) const;
  bool Contains(const Eigen::Vector2d& point) const;
};

Bounds2 BoundsOf(std::span<const Eigen::Vector2d> points);

/// Twice the area of the triangle, positive if a, b, c turn left.
double Cross(const Eigen::Vector2d& a, const Eigen::Vector2d& b, const Eigen::Vector2d& c);

/// The area of a ring: positive counter-clockwise, negative clockwise.
double SignedArea(std::span<const Eigen::Vector2d> ring);
double Perimeter(std::span<const Eigen::Vector2d> ring);
/// The centroid of the area; of the points where the area is 0. The ring must not be empty.
Eigen::Vector2d Centroid(std::span<const Eigen::Vector2d> ring);

double DistanceToSegment(const Eigen::Vector2d& point, const Eigen::Vector2d& a,
                         const Eigen::Vector2d& b);
/// To an open line of one point or more; infinity if it is empty.
double DistanceToLine(std::span<const Eigen::Vector2d> line, const Eigen::Vector2d& point);
/// To the ring's boundary, also from inside; infinity if it is empty.
double DistanceToBoundary(std::span<const Eigen::Vector2d> ring, const Eigen::Vector2d& point);
/// To the area: 0 inside.
double Distance(std::span<const Eigen::Vector2d> ring, const Eigen::Vector2d& point);

/// True inside the ring (even-odd rule) and on it.
bool Contains(std::span<const Eigen::Vector2d> ring, const Eigen::Vector2d& point);
/// The same for an area with holes, whose boundaries belong to the area.
bool Contains(std::span<const Eigen::Vector2d> exterior,
              std::span<const std::vector<Eigen::Vector2d>> holes, const Eigen::Vector2d& point);

/// True if the segments a-b and c-d share a point.
bool SegmentsMeet(const Eigen::Vector2d& a, const Eigen::Vector2d& b, const Eigen::Vector2d& c,
                  const Eigen::Vector2d& d);
/// True if an open line and a rectangle share a point.
bool LineMeets(std::span<const Eigen::Vector2d> line, const Bounds2& rectangle);
/// True if an area with holes and a rectangle share a point.
bool AreaMeets(std::span<const Eigen::Vector2d> exterior,
               std::span<const std::vector<Eigen::Vector2d>> holes, const Bounds2& rectangle);
/// True if the areas of two simple rings share a point.
bool Overlap(std::span<const Eigen::Vector2d> first, std::span<const Eigen::Vector2d> second);

/// True if no two edges of the ring meet but neighbours at their common point; quadratic.
bool IsSimple(std::span<const Eigen::Vector2d> ring);

/// Cuts a simple ring into counter-clockwise triangles of its points (indices) by clipping ears;
/// quadratic. A ring that is not simple may yield fewer than size - 2.
std::vector<std::array<uint32_t, 3>> Triangulate(std::span<const Eigen::Vector2d> ring);

}  // namespace occvla::geom
