#include "occvla/data/nuscenes/map.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "occvla/geom/bounds_tree.h"

namespace occvla::data::nuscenes {
namespace {

constexpr size_t kLayers = kLayerNames.size();
constexpr double kCentrelineStep = 0.5;  // Metres; as get_closest_lane and project_pose_to_lane.

/// The geometry of one layer's records: polygons of area layers, lines of the others.
struct LayerIndex {
  std::vector<std::string_view> tokens;
  std::unordered_map<std::string_view, uint32_t> rows;
  std::vector<std::vector<uint32_t>> polygons;  ///< Per row, indices into the map's polygons.
  std::vector<uint32_t> lines;                  ///< Per row.
  geom::BoundsTree tree;
};

/// Calls `visit(layer, rows)` for every layer, in the order of Layer.
template <typename Visit>
void EachLayer(const MapRecords& map, Visit&& visit) {
  visit(Layer::kDrivableArea, map.drivable_areas);
  visit(Layer::kRoadSegment, map.road_segments);
  visit(Layer::kRoadBlock, map.road_blocks);
  visit(Layer::kLane, map.lanes);
  visit(Layer::kLaneConnector, map.lane_connectors);
  visit(Layer::kPedCrossing, map.ped_crossings);
  visit(Layer::kWalkway, map.walkways);
  visit(Layer::kStopLine, map.stop_lines);
  visit(Layer::kCarparkArea, map.carpark_areas);
  visit(Layer::kRoadDivider, map.road_dividers);
  visit(Layer::kLaneDivider, map.lane_dividers);
  visit(Layer::kTrafficLight, map.traffic_lights);
}

template <typename Row>
std::vector<uint32_t> PolygonsOf(const Row& row) {
  if constexpr (requires { row.polygons; }) {
    return row.polygons;
  } else if constexpr (requires { row.polygon; }) {
    if (row.polygon != MapRecords::kNone) return {row.polygon};
  }
  return {};
}

template <typename Row>
uint32_t LineOf(const Row& row) {
  if constexpr (requires { row.line; }) return row.line;
  return MapRecords::kNone;
}

}  // namespace

struct Map::Impl {
  explicit Impl(MapRecords given);

  std::vector<Eigen::Vector2d> Points(const std::vector<uint32_t>& nodes) const;
  const LayerIndex& At(Layer layer) const { return layers.at(static_cast<size_t>(layer)); }
  /// Keeps those of `rows` of which `holds` says yes to a polygon or line; rows that share the
  /// polygon of the row before them (hundreds do in queenstown) are not asked again.
  template <typename HoldsPolygon, typename HoldsLine>
  void Keep(Layer layer, std::vector<uint32_t>& rows, HoldsPolygon&& holds_polygon,
            HoldsLine&& holds_line) const;

  MapRecords records;
  std::vector<MapPolygon> polygons;
  std::vector<geom::Bounds2> polygon_bounds;
  std::vector<std::vector<Eigen::Vector2d>> lines;
  std::array<LayerIndex, kLayers> layers;
  std::vector<std::vector<std::array<double, 3>>> centrelines;
};

Map::Impl::Impl(MapRecords given) : records(std::move(given)) {
  for (const auto& polygon : records.polygons) {
    polygons.push_back({.exterior = Points(polygon.exterior), .holes = {}});
    for (const auto& hole : polygon.holes) polygons.back().holes.push_back(Points(hole));
    polygon_bounds.push_back(geom::BoundsOf(polygons.back().exterior));
  }
  for (const auto& line : records.lines) lines.push_back(Points(line.nodes));

  EachLayer(records, [&](Layer layer, const auto& rows) {
    LayerIndex& index = layers[static_cast<size_t>(layer)];
    std::vector<geom::Bounds2> bounds(rows.size());
    index.rows.reserve(rows.size());
    for (uint32_t i = 0; i < rows.size(); ++i) {
      index.tokens.push_back(rows[i].token);
      index.rows.emplace(rows[i].token, i);
      index.polygons.push_back(PolygonsOf(rows[i]));
      index.lines.push_back(LineOf(rows[i]));
      for (const uint32_t polygon : index.polygons.back())
        bounds[i].Add(polygon_bounds.at(polygon));
      if (index.lines.back() != MapRecords::kNone)
        bounds[i].Add(geom::BoundsOf(lines.at(index.lines.back())));
    }
    index.tree = geom::BoundsTree(bounds);
  });

  for (const auto& paths : records.paths) centrelines.push_back(Discretise(paths, kCentrelineStep));
}

std::vector<Eigen::Vector2d> Map::Impl::Points(const std::vector<uint32_t>& nodes) const {
  std::vector<Eigen::Vector2d> points;
  points.reserve(nodes.size());
  for (const uint32_t node : nodes)
    points.emplace_back(records.nodes.at(node).x, records.nodes.at(node).y);
  return points;
}

template <typename HoldsPolygon, typename HoldsLine>
void Map::Impl::Keep(Layer layer, std::vector<uint32_t>& rows, HoldsPolygon&& holds_polygon,
                     HoldsLine&& holds_line) const {
  uint32_t last = MapRecords::kNone;
  bool last_holds = false;
  const auto holds = [&](uint32_t polygon) {
    if (polygon != last) last_holds = holds_polygon(polygon);
    last = polygon;
    return last_holds;
  };
  const LayerIndex& index = At(layer);
  std::erase_if(rows, [&](uint32_t row) {
    const auto& parts = index.polygons[row];
    if (std::any_of(parts.begin(), parts.end(), holds)) return false;
    return index.lines[row] == MapRecords::kNone || !holds_line(lines[index.lines[row]]);
  });
}

Map::Map(MapRecords records) : impl_(std::make_unique<const Impl>(std::move(records))) {}
Map::~Map() = default;
Map::Map(Map&&) noexcept = default;
Map& Map::operator=(Map&&) noexcept = default;

const MapRecords& Map::records() const { return impl_->records; }

std::string_view Map::Token(Layer layer, uint32_t row) const {
  return impl_->At(layer).tokens.at(row);
}

std::optional<uint32_t> Map::Find(Layer layer, std::string_view token) const {
  const auto& rows = impl_->At(layer).rows;
  const auto found = rows.find(token);
  if (found == rows.end()) return std::nullopt;
  return found->second;
}

std::optional<uint32_t> Map::FindElement(std::string_view token) const {
  if (const auto lane = Find(Layer::kLane, token)) return lane;
  const auto connector = Find(Layer::kLaneConnector, token);
  if (!connector) return std::nullopt;
  return static_cast<uint32_t>(records().lanes.size()) + *connector;
}

std::vector<uint32_t> Map::Near(Layer layer, const Eigen::Vector2d& p_G, double radius) const {
  const auto square = geom::Bounds2::Around(p_G, radius);
  std::vector<uint32_t> rows = impl_->At(layer).tree.Meeting(square);
  impl_->Keep(
      layer, rows,
      [&](uint32_t polygon) {
        const auto& [exterior, holes] = impl_->polygons[polygon];
        return impl_->polygon_bounds[polygon].Meets(square) &&
               geom::AreaMeets(exterior, holes, square);
      },
      [&](const auto& line) { return geom::LineMeets(line, square); });
  return rows;
}

std::vector<MapPolygon> Map::Polygons(Layer layer, uint32_t row) const {
  std::vector<MapPolygon> polygons;
  for (const uint32_t i : impl_->At(layer).polygons.at(row)) polygons.push_back(impl_->polygons[i]);
  return polygons;
}

std::vector<Eigen::Vector2d> Map::Line(Layer layer, uint32_t row) const {
  const uint32_t line = impl_->At(layer).lines.at(row);
  return line == MapRecords::kNone ? std::vector<Eigen::Vector2d>() : impl_->lines[line];
}

std::vector<uint32_t> Map::Containing(Layer layer, const Eigen::Vector2d& p_G) const {
  std::vector<uint32_t> rows = impl_->At(layer).tree.Meeting(geom::Bounds2::Around(p_G, 0));
  impl_->Keep(
      layer, rows,
      [&](uint32_t polygon) {
        const auto& [exterior, holes] = impl_->polygons[polygon];
        return geom::Contains(exterior, holes, p_G);
      },
      [](const auto&) { return false; });
  return rows;
}

const std::vector<std::array<double, 3>>& Map::Centreline(uint32_t element) const {
  return impl_->centrelines.at(element);
}

std::optional<uint32_t> Map::ClosestElement(const Eigen::Vector2d& p_G, double radius) const {
  std::optional<uint32_t> closest;
  double least = std::numeric_limits<double>::infinity();
  const auto compare = [&](uint32_t element) {
    for (const auto& pose : Centreline(element)) {
      const double dx = pose[0] - p_G.x(), dy = pose[1] - p_G.y();
      // The root, though squares would order alike: two distances may be equal only as roots.
      const double distance = std::sqrt(dx * dx + dy * dy);
      if (distance > least) continue;
      least = distance;
      closest = element;
    }
  };
  for (const uint32_t lane : Near(Layer::kLane, p_G, radius)) compare(lane);
  const auto lanes = static_cast<uint32_t>(records().lanes.size());
  for (const uint32_t connector : Near(Layer::kLaneConnector, p_G, radius))
    compare(lanes + connector);
  return closest;
}

}  // namespace occvla::data::nuscenes
