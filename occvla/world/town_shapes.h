#pragma once
#include <Eigen/Core>
#include <cstddef>
#include <vector>

#include "occvla/world/town.h"

/// Plane geometry of a town's outlines, beyond geom/polygon.h.
namespace occvla::world {

/// The rectangle of a length along `yaw` and a width, around a middle.
Polygon2 Rectangle(const Eigen::Vector2d& middle, double yaw, double length, double width);
/// Points of a grid of about `step` inside the polygon, and those of its boundary.
std::vector<Eigen::Vector2d> SamplesOf(const Polygon2& polygon, double step);

/// Which places of a canvas are taken, in cells of a quarter of a metre. Errs on the taken side: a
/// shape takes, and asks for, every cell that it touches.
class FreeSpace {
 public:
  FreeSpace(double width, double height);

  void Take(const Polygon2& polygon);
  void Take(const Eigen::Vector2d& p, double radius);
  /// False beyond the canvas.
  bool IsFree(const Polygon2& polygon) const;
  bool IsFree(const Eigen::Vector2d& p, double radius) const;

 private:
  size_t Index(int column, int row) const;
  template <typename Visit>
  bool VisitCells(const Polygon2& polygon, Visit&& visit) const;
  template <typename Visit>
  bool VisitCells(const Eigen::Vector2d& p, double radius, Visit&& visit) const;

  int columns_, rows_;
  std::vector<bool> taken_;
};

}  // namespace occvla::world
