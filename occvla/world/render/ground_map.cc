#include <algorithm>
#include <cmath>

#include "occvla/world/render/cut.h"
#include "occvla/world/render/ground_mesh.h"

namespace occvla::world {

using Eigen::Vector2d;

uint8_t CategoryOf(Surface surface) {
  switch (surface) {
    case Surface::kTerrain:
      return 27;
    case Surface::kSidewalk:
      return 26;
    case Surface::kOtherFlat:
      return 25;
    case Surface::kRoad:
    case Surface::kCarpark:
      return 24;
  }
  return 27;
}

GroundMap::GroundMap(const Town& town, const Region& region) : town_(town) {
  // Off the round numbers on which towns like to put their corners.
  low_G_ = region.low_G - Vector2d(0.3717, 0.2389);
  const Vector2d span = region.high_G - low_G_;
  columns_ = std::max(1, static_cast<int>(std::ceil(span.x() / kCell)));
  rows_ = std::max(1, static_cast<int>(std::ceil(span.y() / kCell)));
  heights_.reserve(static_cast<size_t>(columns_ + 1) * static_cast<size_t>(rows_ + 1));
  for (int j = 0; j <= rows_; ++j)
    for (int i = 0; i <= columns_; ++i)
      heights_.push_back(town.ground.Height(low_G_.x() + kCell * i, low_G_.y() + kCell * j));
  IndexAreas();
}

void GroundMap::IndexAreas() {
  cells_.resize(static_cast<size_t>(columns_) * static_cast<size_t>(rows_));
  std::vector<std::vector<Segment2>> touching(cells_.size());
  for (size_t index = 0; index < town_.areas.size(); ++index) {
    const auto area = static_cast<int32_t>(index);
    const auto& points = town_.areas[index].outline.points;
    AreaBounds bounds{Vector2d::Constant(1e30), Vector2d::Constant(-1e30)};
    for (const Vector2d& p : points) {
      bounds.low = bounds.low.cwiseMin(p);
      bounds.high = bounds.high.cwiseMax(p);
    }
    bounds_.push_back(bounds);
    if (points.size() < 3) continue;
    const auto column = [&](double x) {
      return std::clamp(static_cast<int>(std::floor((x - low_G_.x()) / kCell)), 0, columns_ - 1);
    };
    const auto row = [&](double y) {
      return std::clamp(static_cast<int>(std::floor((y - low_G_.y()) / kCell)), 0, rows_ - 1);
    };
    const Vector2d high_G = low_G_ + kCell * Vector2d(columns_, rows_);
    if ((bounds.low.array() > high_G.array()).any() || (bounds.high.array() < low_G_.array()).any())
      continue;

    // Cells that the outline runs through.
    for (size_t k = 0; k < points.size(); ++k) {
      const Segment2 edge{points[k], points[(k + 1) % points.size()], area};
      const Vector2d low = edge.a.cwiseMin(edge.b), high = edge.a.cwiseMax(edge.b);
      if ((low.array() > high_G.array()).any() || (high.array() < low_G_.array()).any()) continue;
      for (int j = row(low.y()); j <= row(high.y()); ++j) {
        for (int i = column(low.x()); i <= column(high.x()); ++i) {
          const Vector2d corner = low_G_ + kCell * Vector2d(i, j);
          const Ring square{corner, corner + Vector2d(kCell, 0), corner + Vector2d(kCell, kCell),
                            corner + Vector2d(0, kCell)};
          const Part part = Clip(square, edge.a, edge.b);
          if (part.to > part.from) touching[static_cast<size_t>(j * columns_ + i)].push_back(edge);
        }
      }
    }
    // Cells that lie wholly inside, row by row from the outline's crossings.
    for (int j = row(bounds.low.y()); j <= row(bounds.high.y()); ++j) {
      const double y = low_G_.y() + kCell * (j + 0.5);
      std::vector<double> crossings;
      for (size_t k = 0; k < points.size(); ++k) {
        const Vector2d &a = points[k], &b = points[(k + 1) % points.size()];
        if ((a.y() > y) != (b.y() > y))
          crossings.push_back((b.x() - a.x()) * (y - a.y()) / (b.y() - a.y()) + a.x());
      }
      std::sort(crossings.begin(), crossings.end());
      for (size_t k = 0; k + 1 < crossings.size(); k += 2) {
        for (int i = column(crossings[k]); i <= column(crossings[k + 1]); ++i) {
          const double x = low_G_.x() + kCell * (i + 0.5);
          auto& edges = touching[static_cast<size_t>(j * columns_ + i)];
          if (x < crossings[k] || x > crossings[k + 1] ||
              (!edges.empty() && edges.back().area == area))
            continue;
          cells_[static_cast<size_t>(j * columns_ + i)].base = area;
          edges.clear();  // Of areas below.
        }
      }
    }
  }
  for (size_t k = 0; k < cells_.size(); ++k) {
    cells_[k].first = static_cast<uint32_t>(edges_.size());
    cells_[k].count = static_cast<uint32_t>(touching[k].size());
    edges_.insert(edges_.end(), touching[k].begin(), touching[k].end());
  }
}

const GroundMap::Cell* GroundMap::CellAt(double x_G, double y_G) const {
  const double u = (x_G - low_G_.x()) / kCell, v = (y_G - low_G_.y()) / kCell;
  if (!(u >= 0 && v >= 0 && u < columns_ && v < rows_)) return nullptr;
  return &cells_[static_cast<size_t>(static_cast<int>(v) * columns_ + static_cast<int>(u))];
}

int GroundMap::TopmostArea(const Vector2d& p_G, const Cell& cell) const {
  int tried = kNoIndex;
  for (uint32_t k = cell.first + cell.count; k-- > cell.first;) {
    const int area = edges_[k].area;
    if (area == tried) continue;
    tried = area;
    if (Inside(town_.areas[static_cast<size_t>(area)].outline.points, p_G)) return area;
  }
  return cell.base;
}

double GroundMap::PlaneHeight(double x_G, double y_G) const {
  const double u = std::clamp((x_G - low_G_.x()) / kCell, 0.0, static_cast<double>(columns_)),
               v = std::clamp((y_G - low_G_.y()) / kCell, 0.0, static_cast<double>(rows_));
  const int i = std::min(static_cast<int>(u), columns_ - 1),
            j = std::min(static_cast<int>(v), rows_ - 1);
  const double fu = u - i, fv = v - j;
  const auto at = [&](int di, int dj) {
    return heights_[static_cast<size_t>((j + dj) * (columns_ + 1) + i + di)];
  };
  // The square's diagonal runs from (0, 0) to (1, 1).
  if (fu >= fv) return at(0, 0) + fu * (at(1, 0) - at(0, 0)) + fv * (at(1, 1) - at(1, 0));
  return at(0, 0) + fv * (at(0, 1) - at(0, 0)) + fu * (at(1, 1) - at(0, 1));
}

SurfacePoint GroundMap::At(double x_G, double y_G) const {
  const Cell* cell = CellAt(x_G, y_G);
  int area = kNoIndex;
  SurfacePoint point;
  if (cell) {
    area = TopmostArea({x_G, y_G}, *cell);
    point.height = PlaneHeight(x_G, y_G);
  } else {
    for (size_t k = town_.areas.size(); k-- > 0 && area == kNoIndex;) {
      if (x_G < bounds_[k].low.x() || x_G > bounds_[k].high.x() || y_G < bounds_[k].low.y() ||
          y_G > bounds_[k].high.y())
        continue;
      if (Inside(town_.areas[k].outline.points, {x_G, y_G})) area = static_cast<int>(k);
    }
    point.height = town_.ground.Height(x_G, y_G);
  }
  if (area != kNoIndex) {
    const Area& top = town_.areas[static_cast<size_t>(area)];
    point.surface = top.surface;
    point.height += top.raised;
  }
  point.category = CategoryOf(point.surface);
  return point;
}

double GroundMap::RaisedAt(const Vector2d& p_G) const {
  const Cell* cell = CellAt(p_G.x(), p_G.y());
  const int area = cell ? TopmostArea(p_G, *cell) : kNoIndex;
  return area == kNoIndex ? 0 : town_.areas[static_cast<size_t>(area)].raised;
}

}  // namespace occvla::world
