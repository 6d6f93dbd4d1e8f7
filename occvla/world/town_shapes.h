#pragma once
#include <Eigen/Core>
#include <array>
#include <vector>

#include "occvla/world/town.h"

/// Plane geometry of a town's outlines.
namespace occvla::world {

/// Least x, least y, greatest x, greatest y.
std::array<double, 4> BoundsOf(const Polygon2& polygon);
/// Positive for counter-clockwise outlines; square metres.
double SignedArea(const Polygon2& polygon);
/// Even-odd rule; the boundary counts as either.
bool Contains(const Polygon2& polygon, const Eigen::Vector2d& p);
/// From a point to a polygon's boundary.
double DistanceToBoundary(const Polygon2& polygon, const Eigen::Vector2d& p);
/// The rectangle of a length along `yaw` and a width, around a middle.
Polygon2 Rectangle(const Eigen::Vector2d& middle, double yaw, double length, double width);
/// Points of a grid of about `step` inside the polygon, and those of its boundary.
std::vector<Eigen::Vector2d> SamplesOf(const Polygon2& polygon, double step);

}  // namespace occvla::world
