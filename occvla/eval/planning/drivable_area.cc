#include "occvla/eval/planning/drivable_area.h"

#include <algorithm>
#include <cmath>

#include "occvla/data/nuscenes/map.h"

namespace occvla::eval {
namespace {

constexpr double kStrip = 4, kSpacing = 0.25;

}  // namespace

DrivableArea::DrivableArea(const data::nuscenes::Map& map) {
  using data::nuscenes::Layer;
  for (uint32_t row = 0; row < map.records().drivable_areas.size(); ++row) {
    for (const data::nuscenes::MapPolygon& polygon : map.Polygons(Layer::kDrivableArea, row)) {
      Area area{1e300, -1e300, 1e300, -1e300, {}};
      for (const Eigen::Vector2d& p_G : polygon.exterior) {
        area.left = std::min(area.left, p_G.x());
        area.right = std::max(area.right, p_G.x());
        area.low = std::min(area.low, p_G.y());
        area.high = std::max(area.high, p_G.y());
      }
      if (polygon.exterior.empty()) continue;
      const auto strip_of = [&](double y) {
        const double strip = std::floor((y - area.low) / kStrip);
        return static_cast<size_t>(
            std::clamp(strip, 0.0, std::floor((area.high - area.low) / kStrip)));
      };
      area.strips.resize(strip_of(area.high) + 1);
      const auto add = [&](const std::vector<Eigen::Vector2d>& ring) {
        for (size_t at = 0; at < ring.size(); ++at) {
          Eigen::Vector2d a = ring[at], b = ring[(at + 1) % ring.size()];
          if (a.y() == b.y()) continue;
          if (a.y() > b.y()) std::swap(a, b);
          for (size_t strip = strip_of(a.y()); strip <= strip_of(b.y()); ++strip)
            area.strips[strip].push_back({a.x(), a.y(), b.x(), b.y()});
        }
      };
      add(polygon.exterior);
      for (const auto& hole : polygon.holes) add(hole);
      areas_.push_back(std::move(area));
    }
  }
}

bool DrivableArea::Contains(const std::array<double, 2>& p_G) const {
  const auto [x, y] = p_G;
  for (const Area& area : areas_) {
    if (x < area.left || x > area.right || y < area.low || y > area.high) continue;
    const auto strip = static_cast<size_t>((y - area.low) / kStrip);
    bool inside = false;
    for (const Edge& edge : area.strips[std::min(strip, area.strips.size() - 1)]) {
      if (y < edge.y0 || y >= edge.y1) continue;
      const double crossing = edge.x0 + (y - edge.y0) / (edge.y1 - edge.y0) * (edge.x1 - edge.x0);
      if (x < crossing) inside = !inside;
    }
    if (inside) return true;
  }
  return false;
}

bool DrivableArea::Contains(const Rectangle& car_G) const {
  for (const std::array<double, 2>& p_G : Outline(car_G, kSpacing))
    if (!Contains(p_G)) return false;
  return true;
}

}  // namespace occvla::eval
