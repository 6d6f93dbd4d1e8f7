#pragma once
#include <array>
#include <cstddef>
#include <vector>

#include "occvla/eval/planning/footprint.h"

namespace occvla::data::nuscenes {
class Map;
}

namespace occvla::eval {

/// The drivable area of a map (all polygons of its layer, holes out), made fast to ask for points.
/// Immutable; any thread may use it.
class DrivableArea {
 public:
  explicit DrivableArea(const data::nuscenes::Map& map);

  /// By the even-odd rule; a point on a boundary may count either way.
  bool Contains(const std::array<double, 2>& p_G) const;
  /// True if the car's outline, looked at every 0.25 m, stays within the area.
  bool Contains(const Rectangle& car_G) const;

 private:
  struct Edge {
    double x0, y0, x1, y1;  // y0 < y1.
  };
  /// A polygon's edges by the strips of `kStrip` metres that they pass; level edges are left out.
  struct Area {
    double left, right, low, high;
    std::vector<std::vector<Edge>> strips;
  };
  std::vector<Area> areas_;
};

}  // namespace occvla::eval
