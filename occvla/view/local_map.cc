#include "occvla/view/local_map.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>

namespace occvla::view {
namespace {

using data::nuscenes::Layer;
using data::nuscenes::Map;

constexpr std::array<Layer, 5> kPaintedAreas = {Layer::kDrivableArea, Layer::kCarparkArea,
                                                Layer::kWalkway, Layer::kPedCrossing,
                                                Layer::kStopLine};

/// From the map's plane to E.
class Ground {
 public:
  explicit Ground(const data::Frame& frame) : X_EG_(frame.now->X_GE.inverse()) {
    for (auto it = frame.past.rbegin(); it != frame.past.rend(); ++it)
      if (*it) way_G_.push_back((*it)->X_GE.translation());
    way_G_.push_back(frame.now->X_GE.translation());
    for (const auto& moment : frame.future)
      if (moment) way_G_.push_back(moment->X_GE.translation());
    level_ = std::all_of(way_G_.begin(), way_G_.end(),
                         [&](const Eigen::Vector3d& p) { return p.z() == way_G_[0].z(); });
  }

  Eigen::Vector3d ToEgo(const Eigen::Vector2d& p_G) const {
    return X_EG_ * Eigen::Vector3d(p_G.x(), p_G.y(), level_ ? way_G_[0].z() : Height(p_G));
  }

 private:
  double Height(const Eigen::Vector2d& p_G) const {
    double nearest = std::numeric_limits<double>::infinity(), height = way_G_[0].z();
    for (size_t index = 1; index < way_G_.size(); ++index) {
      const Eigen::Vector3d &from = way_G_[index - 1], &to = way_G_[index];
      const Eigen::Vector2d along = (to - from).head<2>();
      const double length = along.squaredNorm();
      const double share =
          length > 0 ? std::clamp((p_G - from.head<2>()).dot(along) / length, 0.0, 1.0) : 0;
      const double distance = (p_G - from.head<2>() - share * along).squaredNorm();
      if (distance >= nearest) continue;
      nearest = distance;
      height = from.z() + share * (to.z() - from.z());
    }
    return height;
  }

  geom::Pose X_EG_;
  std::vector<Eigen::Vector3d> way_G_;
  bool level_ = true;
};

// The runs of a line that lie in the square, each point at most `kStep` from the next, so that what
// is cut away is never more than a step too much.
constexpr double kStep = 2;

class LineCutter {
 public:
  LineCutter(const Ground& ground, const Eigen::Vector2d& centre_G, double radius)
      : ground_(ground), centre_G_(centre_G), radius_(radius) {}

  void Cut(LocalMap::LineKind kind, std::span<const Eigen::Vector2d> line_G,
           std::vector<LocalMap::Line>& lines) const {
    LocalMap::Line run{.kind = kind, .points_E = {}};
    const auto finish = [&] {
      if (run.points_E.size() > 1) lines.push_back(run);
      run.points_E.clear();
    };
    const auto add = [&](const Eigen::Vector2d& p_G) {
      if ((p_G - centre_G_).lpNorm<Eigen::Infinity>() <= radius_) {
        run.points_E.push_back(ground_.ToEgo(p_G));
      } else {
        finish();
      }
    };
    for (size_t index = 0; index < line_G.size(); ++index) {
      if (index > 0) {
        const Eigen::Vector2d along = line_G[index] - line_G[index - 1];
        const auto pieces = static_cast<int>(std::min(1e4, std::ceil(along.norm() / kStep)));
        for (int piece = 1; piece < pieces; ++piece)
          add(line_G[index - 1] + along * (static_cast<double>(piece) / pieces));
      }
      add(line_G[index]);
    }
    finish();
  }

 private:
  const Ground& ground_;  // Not owned; both live in one call.
  Eigen::Vector2d centre_G_;
  double radius_;
};

std::vector<Eigen::Vector3d> RingInEgo(const Ground& ground,
                                       const std::vector<Eigen::Vector2d>& ring_G) {
  std::vector<Eigen::Vector3d> ring_E;
  ring_E.reserve(ring_G.size());
  for (const Eigen::Vector2d& p_G : ring_G) ring_E.push_back(ground.ToEgo(p_G));
  return ring_E;
}

// Every element's centreline is cut to the square by `cutter`; those of far elements come out
// empty.
void AddCentrelines(const Map& map, const Eigen::Vector2d& centre_G, double radius,
                    const LineCutter& cutter, std::vector<LocalMap::Line>& lines) {
  const auto lane_count = static_cast<uint32_t>(map.records().lanes.size());
  for (const Layer layer : {Layer::kLane, Layer::kLaneConnector}) {
    for (const uint32_t row : map.Near(layer, centre_G, radius)) {
      const uint32_t element = layer == Layer::kLane ? row : lane_count + row;
      std::vector<Eigen::Vector2d> line_G;
      for (const auto& pose : map.Centreline(element)) line_G.emplace_back(pose[0], pose[1]);
      cutter.Cut(LocalMap::LineKind::kCentreline, line_G, lines);
    }
  }
}

}  // namespace

LocalMap MapAround(const data::Frame& frame, double radius) {
  if (!frame.now || frame.map == nullptr) return {};
  const Map& map = *frame.map;
  const Ground ground(frame);
  const Eigen::Vector2d centre_G = frame.now->X_GE.translation().head<2>();
  LocalMap local;
  for (const Layer layer : kPaintedAreas) {
    for (const uint32_t row : map.Near(layer, centre_G, radius)) {
      for (const data::nuscenes::MapPolygon& polygon : map.Polygons(layer, row)) {
        LocalMap::Area area{.layer = layer, .rings_E = {RingInEgo(ground, polygon.exterior)}};
        for (const auto& hole : polygon.holes) area.rings_E.push_back(RingInEgo(ground, hole));
        local.areas.push_back(std::move(area));
      }
    }
  }
  const LineCutter cutter(ground, centre_G, radius);
  AddCentrelines(map, centre_G, radius, cutter, local.lines);
  for (const uint32_t row : map.Near(Layer::kLaneDivider, centre_G, radius))
    cutter.Cut(LocalMap::LineKind::kLaneDivider, map.Line(Layer::kLaneDivider, row), local.lines);
  for (const uint32_t row : map.Near(Layer::kRoadDivider, centre_G, radius))
    cutter.Cut(LocalMap::LineKind::kRoadDivider, map.Line(Layer::kRoadDivider, row), local.lines);
  return local;
}

}  // namespace occvla::view
