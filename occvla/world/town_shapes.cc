#include "occvla/world/town_shapes.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "occvla/geom/polygon.h"

namespace occvla::world {

using Eigen::Vector2d;

namespace {

constexpr double kCell = 0.25;  // Metres.

constexpr size_t kOutside = SIZE_MAX;  // The cell of places beyond the canvas.

int CellOf(double x) { return static_cast<int>(std::floor(x / kCell)); }

}  // namespace

Polygon2 Rectangle(const Vector2d& middle, double yaw, double length, double width) {
  const Vector2d x = Vector2d(std::cos(yaw), std::sin(yaw)) * length / 2;
  const Vector2d y = Vector2d(-std::sin(yaw), std::cos(yaw)) * width / 2;
  return {{middle - x - y, middle + x - y, middle + x + y, middle - x + y}};
}

std::vector<Vector2d> SamplesOf(const Polygon2& polygon, double step) {
  std::vector<Vector2d> samples;
  const auto bounds = geom::BoundsOf(polygon.points);
  for (double x = bounds.min.x() + step / 2; x < bounds.max.x(); x += step) {
    for (double y = bounds.min.y() + step / 2; y < bounds.max.y(); y += step) {
      if (geom::Contains(polygon.points, {x, y})) samples.emplace_back(x, y);
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

FreeSpace::FreeSpace(double width, double height)
    : columns_(CellOf(width) + 1),
      rows_(CellOf(height) + 1),
      taken_(static_cast<size_t>(columns_) * static_cast<size_t>(rows_), false) {}

size_t FreeSpace::Index(int column, int row) const {
  if (column < 0 || row < 0 || column >= columns_ || row >= rows_) return kOutside;
  return static_cast<size_t>(row) * static_cast<size_t>(columns_) + static_cast<size_t>(column);
}

/// Calls visit(cell) for each cell that the polygon touches until it says false; false then.
template <typename Visit>
bool FreeSpace::VisitCells(const Polygon2& polygon, Visit&& visit) const {
  const auto at = [&](int column, int row) { return visit(Index(column, row)); };
  const size_t n = polygon.points.size();
  for (size_t i = 0; i < n; ++i) {
    const Vector2d& a = polygon.points[i];
    const Vector2d ab = polygon.points[(i + 1) % n] - a;
    const int steps = static_cast<int>(std::ceil(ab.norm() / (kCell / 2))) + 1;
    for (int k = 0; k <= steps; ++k) {
      const Vector2d p = a + ab * k / steps;
      if (!at(CellOf(p.x()), CellOf(p.y()))) return false;
    }
  }
  const auto bounds = geom::BoundsOf(polygon.points);
  std::vector<double> cuts;
  for (int row = CellOf(bounds.min.y()); row <= CellOf(bounds.max.y()); ++row) {
    const double y = (row + 0.5) * kCell;
    cuts.clear();
    for (size_t i = 0, j = n - 1; i < n; j = i++) {
      const auto &a = polygon.points[i], &b = polygon.points[j];
      if ((a.y() > y) != (b.y() > y))
        cuts.push_back(a.x() + (b.x() - a.x()) * (y - a.y()) / (b.y() - a.y()));
    }
    std::sort(cuts.begin(), cuts.end());
    for (size_t k = 0; k + 1 < cuts.size(); k += 2) {
      for (int column = CellOf(cuts[k]), last = CellOf(cuts[k + 1]); column <= last; ++column)
        if (!at(column, row)) return false;
    }
  }
  return true;
}

template <typename Visit>
bool FreeSpace::VisitCells(const Vector2d& p, double radius, Visit&& visit) const {
  const double reach = radius + kCell * 0.71;
  for (int row = CellOf(p.y() - radius); row <= CellOf(p.y() + radius); ++row) {
    for (int column = CellOf(p.x() - radius); column <= CellOf(p.x() + radius); ++column) {
      const Vector2d middle((column + 0.5) * kCell, (row + 0.5) * kCell);
      if ((middle - p).squaredNorm() > reach * reach) continue;
      if (!visit(Index(column, row))) return false;
    }
  }
  return true;
}

void FreeSpace::Take(const Polygon2& polygon) {
  VisitCells(polygon, [&](size_t cell) {
    if (cell != kOutside) taken_[cell] = true;
    return true;
  });
}

void FreeSpace::Take(const Vector2d& p, double radius) {
  VisitCells(p, radius, [&](size_t cell) {
    if (cell != kOutside) taken_[cell] = true;
    return true;
  });
}

bool FreeSpace::IsFree(const Polygon2& polygon) const {
  return VisitCells(polygon, [&](size_t cell) { return cell != kOutside && !taken_[cell]; });
}

bool FreeSpace::IsFree(const Vector2d& p, double radius) const {
  return VisitCells(p, radius, [&](size_t cell) { return cell != kOutside && !taken_[cell]; });
}

}  // namespace occvla::world
