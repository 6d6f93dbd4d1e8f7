#include "occvla/world/town_map.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "occvla/geom/polygon.h"
#include "occvla/world/town_lanes.h"

namespace occvla::world {
namespace {

using data::nuscenes::ArcPath;
using data::nuscenes::DividerSegment;
using data::nuscenes::MapRecords;
using Eigen::Vector2d;
using Points = std::vector<Vector2d>;

constexpr uint32_t kNone = MapRecords::kNone;
constexpr double kSame = 1e-3;  // Metres within which two points are one node.
constexpr double kSagitta = 0.02;
constexpr double kLampHeight = 2.4;  // Of the lowest lamp above the ground, as in the real maps.

uint32_t Index(int index) { return index == kNoIndex ? kNone : static_cast<uint32_t>(index); }

/// Poses along the paths, close enough that chords stay within kSagitta of the arcs.
std::vector<std::array<double, 3>> Stations(const std::vector<ArcPath>& paths) {
  std::vector<std::array<double, 3>> poses;
  for (const ArcPath& path : paths) {
    double from = 0;
    if (poses.empty()) poses.push_back(path.At(0));
    for (const double length : path.lengths) {
      if (length < kSame) {
        from += length;
        continue;
      }
      const double curvature = path.Curvature(from + length / 2);
      const double step = curvature > 0 ? std::sqrt(8 * kSagitta / curvature) : length;
      const int count = std::max(1, static_cast<int>(std::ceil(length / step)));
      for (int i = 1; i <= count; ++i) poses.push_back(path.At(from + length * i / count));
      from += length;
    }
  }
  return poses;
}

/// The line at a distance to the left of a lane's middle.
Points Beside(const Lane& lane, double left) {
  Points points;
  for (const auto& [x, y, yaw] : Stations(lane.paths))
    points.emplace_back(x - left * std::sin(yaw), y + left * std::cos(yaw));
  return points;
}

/// The area between a right and a left line, counter-clockwise.
Points Between(const Points& right, const Points& left) {
  Points ring = right;
  ring.insert(ring.end(), left.rbegin(), left.rend());
  return ring;
}

class Builder {
 public:
  explicit Builder(const Town& town) : town_(town) {}
  MapRecords Build();

 private:
  /// Lanes of a road that go the same way, from the right.
  struct Block {
    std::vector<int> lanes;
  };

  const Lane& At(int lane) const { return town_.lanes[static_cast<size_t>(lane)]; }
  std::string Token(const char* layer, size_t number) const {
    return TownToken(town_.seed, town_.location + "/" + layer, number);
  }

  uint32_t Node(const Vector2d& p);
  std::vector<uint32_t> Nodes(const Points& points, bool ring);
  uint32_t Line(const Points& points);
  uint32_t Polygon(const Points& points);
  std::vector<DividerSegment> Segments(const Points& points, const std::string& type);

  Points LeftEdge(int lane) const { return Beside(At(lane), At(lane).width / 2); }
  Points RightEdge(int lane) const;
  std::vector<Block> Blocks() const;
  bool SameWay(const Lane& a, const Lane& b) const;

  void AddRoads();
  void AddBlocks();
  void AddRoadDivider(const Block& block);
  void AddLanes();
  void AddAreas();
  void AddCarpark(const Polygon2& outline);
  void AddLights();
  void AddStopLines();
  /// Puts the ends of lanes and road blocks into the outlines that they lie on.
  void Splice();

  const Town& town_;
  MapRecords map_;
  std::unordered_map<int64_t, std::vector<uint32_t>> cells_;  ///< Nodes by place; only looked up.
  std::vector<Block> blocks_;
  std::vector<uint32_t> block_of_;  ///< By lane.
};

MapRecords Builder::Build() {
  map_.canvas_edge = town_.canvas;
  blocks_ = Blocks();
  block_of_.assign(town_.lanes.size(), kNone);
  for (uint32_t b = 0; b < blocks_.size(); ++b)
    for (const int lane : blocks_[b].lanes) block_of_[static_cast<size_t>(lane)] = b;
  AddRoads();
  AddBlocks();
  AddLanes();
  AddAreas();
  AddLights();
  AddStopLines();
  Splice();
  return std::move(map_);
}

uint32_t Builder::Node(const Vector2d& p) {
  const auto x = static_cast<int64_t>(std::floor(p.x() / kSame));
  const auto y = static_cast<int64_t>(std::floor(p.y() / kSame));
  const auto key = [](int64_t column, int64_t row) { return column * (int64_t{1} << 32) + row; };
  for (const int64_t column : {x - 1, x, x + 1}) {
    for (const int64_t row : {y - 1, y, y + 1}) {
      const auto found = cells_.find(key(column, row));
      if (found == cells_.end()) continue;
      for (const uint32_t node : found->second)
        if (std::hypot(map_.nodes[node].x - p.x(), map_.nodes[node].y - p.y()) < kSame) return node;
    }
  }
  const auto node = static_cast<uint32_t>(map_.nodes.size());
  map_.nodes.push_back({Token("node", node), p.x(), p.y()});
  cells_[key(x, y)].push_back(node);
  return node;
}

std::vector<uint32_t> Builder::Nodes(const Points& points, bool ring) {
  std::vector<uint32_t> nodes;
  for (const Vector2d& point : points) {
    const uint32_t node = Node(point);
    if (nodes.empty() || nodes.back() != node) nodes.push_back(node);
  }
  while (ring && nodes.size() > 1 && nodes.back() == nodes.front()) nodes.pop_back();
  return nodes;
}

uint32_t Builder::Line(const Points& points) {
  map_.lines.push_back({Token("line", map_.lines.size()), Nodes(points, /*ring=*/false)});
  return static_cast<uint32_t>(map_.lines.size() - 1);
}

/// Exteriors run counter-clockwise, whichever way the town's outline does.
uint32_t Builder::Polygon(const Points& points) {
  std::vector<uint32_t> nodes = Nodes(points, /*ring=*/true);
  if (geom::SignedArea(points) < 0) std::reverse(nodes.begin(), nodes.end());
  map_.polygons.push_back({Token("polygon", map_.polygons.size()), std::move(nodes), {}});
  return static_cast<uint32_t>(map_.polygons.size() - 1);
}

std::vector<DividerSegment> Builder::Segments(const Points& points, const std::string& type) {
  std::vector<DividerSegment> segments;
  for (const uint32_t node : Nodes(points, /*ring=*/false)) segments.push_back({node, type});
  return segments;
}

/// A neighbour's left edge where there is one: both lanes then share their nodes.
Points Builder::RightEdge(int lane) const {
  const int right = At(lane).right;
  return right == kNoIndex ? Beside(At(lane), -At(lane).width / 2) : LeftEdge(right);
}

bool Builder::SameWay(const Lane& a, const Lane& b) const {
  const auto place = [](const std::array<double, 3>& pose) { return Vector2d(pose[0], pose[1]); };
  const Vector2d start = place(a.centreline.front());
  return (place(b.centreline.front()) - start).norm() < (place(b.centreline.back()) - start).norm();
}

std::vector<Builder::Block> Builder::Blocks() const {
  std::vector<Block> blocks;
  std::vector<bool> done(town_.lanes.size());
  for (int first = 0; first < static_cast<int>(town_.lanes.size()); ++first) {
    const Lane& lane = At(first);
    if (lane.connector || done[static_cast<size_t>(first)]) continue;
    Block block;
    for (int other = first; other < static_cast<int>(town_.lanes.size()); ++other) {
      const Lane& mate = At(other);
      const bool same_road = other == first || (mate.road_segment == lane.road_segment &&
                                                lane.road_segment != kNoIndex);
      if (mate.connector || done[static_cast<size_t>(other)] || !same_road) continue;
      if (other != first && !SameWay(lane, mate)) continue;
      done[static_cast<size_t>(other)] = true;
      block.lanes.push_back(other);
    }
    const double yaw = lane.centreline.front()[2];
    const auto leftness = [&](int i) {
      const auto& pose = At(i).centreline.front();
      return -pose[0] * std::sin(yaw) + pose[1] * std::cos(yaw);
    };
    std::stable_sort(block.lanes.begin(), block.lanes.end(),
                     [&](int a, int b) { return leftness(a) < leftness(b); });
    blocks.push_back(std::move(block));
  }
  return blocks;
}

void Builder::AddRoads() {
  for (const Area& area : town_.areas) {
    if (area.surface != Surface::kRoad && area.surface != Surface::kCarpark) continue;
    const size_t number = map_.drivable_areas.size();
    const uint32_t polygon = Polygon(area.outline.points);
    for (const Area& island : town_.areas) {
      const Points& rim = island.outline.points;
      const auto inside = [&](const Vector2d& p) { return geom::Contains(area.outline.points, p); };
      if (IsIsland(island) && std::all_of(rim.begin(), rim.end(), inside))
        map_.polygons[polygon].holes.push_back(Nodes(rim, /*ring=*/true));
    }
    map_.drivable_areas.push_back({Token("drivable_area", number), {polygon}});
  }
  const size_t drivable_polygons = map_.polygons.size();
  for (const Segment& segment : town_.segments) {
    const size_t number = map_.road_segments.size();
    const uint32_t polygon = Polygon(segment.outline.points);
    uint32_t drivable = kNone;
    for (uint32_t i = 0; i < drivable_polygons && drivable == kNone; ++i)
      if (map_.polygons[i].exterior == map_.polygons[polygon].exterior) drivable = i;
    map_.road_segments.push_back(
        {Token("road_segment", number), polygon, segment.intersection, drivable});
  }
}

void Builder::AddBlocks() {
  for (Block& block : blocks_) {
    const size_t number = map_.road_blocks.size();
    const Points right = RightEdge(block.lanes.front()), left = LeftEdge(block.lanes.back());
    map_.road_blocks.push_back({Token("road_block", number), Polygon(Between(right, left)),
                                Line({left.front(), right.front()}),
                                Line({left.back(), right.back()}),
                                Index(At(block.lanes.front()).road_segment)});
    AddRoadDivider(block);
    for (size_t i = 0; i + 1 < block.lanes.size(); ++i) {
      const Points between = LeftEdge(block.lanes[i]);
      const bool may_change = At(block.lanes[i]).left == block.lanes[i + 1];
      map_.lane_dividers.push_back(
          {Token("lane_divider", map_.lane_dividers.size()), Line(between),
           Segments(between, may_change ? "DOUBLE_DASHED_WHITE" : "SINGLE_SOLID_WHITE")});
    }
  }
}

/// In the middle between a block and the one that comes the other way on its road, once a road.
void Builder::AddRoadDivider(const Block& block) {
  const Lane& leftmost = At(block.lanes.back());
  if (leftmost.road_segment == kNoIndex) return;
  const auto other = std::find_if(blocks_.begin(), blocks_.end(), [&](const Block& candidate) {
    return &candidate != &block &&
           At(candidate.lanes.front()).road_segment == leftmost.road_segment;
  });
  if (other == blocks_.end() || other < blocks_.begin() + (&block - blocks_.data())) return;
  const Vector2d here = LeftEdge(block.lanes.back()).front();
  const Vector2d there = LeftEdge(other->lanes.back()).back();
  map_.road_dividers.push_back(
      {Token("road_divider", map_.road_dividers.size()),
       Line(Beside(leftmost, leftmost.width / 2 + (there - here).norm() / 2)),
       Index(leftmost.road_segment)});
}

void Builder::AddLanes() {
  const auto type = [](bool may_change) {
    return may_change ? "DOUBLE_DASHED_WHITE" : "SINGLE_SOLID_WHITE";
  };
  const auto count = static_cast<int>(town_.lanes.size());
  for (int i = 0; i < count; ++i) {
    const Lane& lane = At(i);
    const Points right = RightEdge(i), left = LeftEdge(i);
    const uint32_t polygon = Polygon(Between(right, left));
    map_.paths.push_back(lane.paths);
    map_.incoming.emplace_back(lane.predecessors.begin(), lane.predecessors.end());
    map_.outgoing.emplace_back(lane.successors.begin(), lane.successors.end());
    if (lane.connector) {
      map_.lane_connectors.push_back({lane.token, polygon});
      continue;
    }
    const auto& mates = blocks_[block_of_[static_cast<size_t>(i)]].lanes;
    MapRecords::Lane record;
    record.token = lane.token;
    record.polygon = polygon;
    record.from_edge_line = Line({left.front(), right.front()});
    record.to_edge_line = Line({left.back(), right.back()});
    if (i != mates.back()) record.left_divider = Segments(left, type(lane.left != kNoIndex));
    if (i != mates.front()) record.right_divider = Segments(right, type(lane.right != kNoIndex));
    map_.lanes.push_back(std::move(record));
  }
}

void Builder::AddAreas() {
  for (const Crossing& crossing : town_.crossings) {
    const size_t number = map_.ped_crossings.size();
    map_.ped_crossings.push_back(
        {Token("ped_crossing", number), Polygon(crossing.area.points), Index(crossing.segment)});
  }
  for (const Area& area : town_.areas) {
    if (IsWalkway(town_, area)) {
      const size_t number = map_.walkways.size();
      map_.walkways.push_back({Token("walkway", number), Polygon(area.outline.points)});
    } else if (area.surface == Surface::kRoad || area.surface == Surface::kCarpark) {
      AddCarpark(area.outline);
    }
  }
}

/// An area in which somebody parks; its orientation is that of its first place.
void Builder::AddCarpark(const Polygon2& outline) {
  const auto slot = std::find_if(town_.slots.begin(), town_.slots.end(), [&](const Slot& s) {
    return geom::Contains(outline.points, {s.x, s.y});
  });
  if (slot == town_.slots.end()) return;
  uint32_t nearest = kNone;
  double least = 0;
  for (uint32_t b = 0; b < blocks_.size(); ++b) {
    Points ring;
    for (const uint32_t node : map_.polygons[map_.road_blocks[b].polygon].exterior)
      ring.emplace_back(map_.nodes[node].x, map_.nodes[node].y);
    const double distance = geom::Distance(ring, {slot->x, slot->y});
    if (nearest != kNone && distance >= least) continue;
    nearest = b;
    least = distance;
  }
  map_.carpark_areas.push_back({Token("carpark_area", map_.carpark_areas.size()),
                                Polygon(outline.points), slot->yaw, nearest});
}

void Builder::AddLights() {
  for (const TrafficLightPost& post : town_.lights) {
    const Vector2d across(-0.2 * std::sin(post.yaw), 0.2 * std::cos(post.yaw));
    MapRecords::TrafficLight light;
    light.token = Token("traffic_light", map_.traffic_lights.size());
    light.line = Line({post.at - across, post.at + across});
    light.type = "VERTICAL";
    for (const int connector : post.connectors)
      for (const int lane : At(connector).predecessors)
        if (light.from_road_block == kNone)
          light.from_road_block = block_of_[static_cast<size_t>(lane)];
    light.items = {{"RED", "CIRCLE", {0, 0, 0.632, 0, 0, 0}, {}},
                   {"YELLOW", "CIRCLE", {0, 0, 0.381, 0, 0, 0}, {}},
                   {"GREEN", "CIRCLE", {0, 0, 0.13, 0, 0, 0}, {}}};
    light.pose = {post.at.x(), post.at.y(), kLampHeight, 0, 0, post.yaw};
    map_.traffic_lights.push_back(std::move(light));
  }
}

void Builder::AddStopLines() {
  for (const StopLine& line : town_.stop_lines) {
    MapRecords::StopLine record;
    record.token = Token("stop_line", map_.stop_lines.size());
    record.polygon = Polygon(line.area.points);
    record.type = line.type;
    if (!line.lanes.empty()) record.road_block = block_of_[static_cast<size_t>(line.lanes.front())];
    if (line.type == "PED_CROSSING" && line.crossing != kNoIndex)
      record.ped_crossings = {Index(line.crossing)};
    for (uint32_t i = 0; i < town_.lights.size() && line.type == "TRAFFIC_LIGHT"; ++i) {
      const auto obeys = [&](int connector) {
        const auto& from = At(connector).predecessors;
        return std::any_of(from.begin(), from.end(), [&](int lane) {
          return std::find(line.lanes.begin(), line.lanes.end(), lane) != line.lanes.end();
        });
      };
      const auto& connectors = town_.lights[i].connectors;
      if (std::any_of(connectors.begin(), connectors.end(), obeys))
        record.traffic_lights.push_back(i);
    }
    map_.stop_lines.push_back(std::move(record));
  }
}

void Builder::Splice() {
  std::vector<uint32_t> ends;
  const auto add_ends = [&](uint32_t line) {
    const auto& nodes = map_.lines[line].nodes;
    ends.insert(ends.end(), nodes.begin(), nodes.end());
  };
  for (const auto& block : map_.road_blocks) {
    add_ends(block.from_edge_line);
    add_ends(block.to_edge_line);
  }
  for (const auto& lane : map_.lanes) {
    add_ends(lane.from_edge_line);
    add_ends(lane.to_edge_line);
  }
  std::sort(ends.begin(), ends.end());
  ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
  const auto place = [&](uint32_t node) {
    return Vector2d(map_.nodes[node].x, map_.nodes[node].y);
  };
  const auto splice = [&](MapRecords::Polygon& polygon) {
    geom::Bounds2 bounds;
    for (const uint32_t node : polygon.exterior) bounds.Add(place(node));
    bounds.Add(
        geom::Bounds2{bounds.min - Vector2d(kSame, kSame), bounds.max + Vector2d(kSame, kSame)});
    std::vector<uint32_t> near;
    for (const uint32_t node : ends)
      if (bounds.Contains(place(node))) near.push_back(node);
    std::vector<uint32_t> ring;
    for (size_t i = 0; i < polygon.exterior.size(); ++i) {
      const uint32_t a = polygon.exterior[i];
      const uint32_t b = polygon.exterior[(i + 1) % polygon.exterior.size()];
      ring.push_back(a);
      std::vector<std::pair<double, uint32_t>> between;
      for (const uint32_t node : near) {
        const bool known = std::find(polygon.exterior.begin(), polygon.exterior.end(), node) !=
                           polygon.exterior.end();
        if (!known && geom::DistanceToSegment(place(node), place(a), place(b)) < kSame)
          between.emplace_back((place(node) - place(a)).norm(), node);
      }
      std::sort(between.begin(), between.end());
      for (const auto& [distance, node] : between)
        if (std::find(ring.begin(), ring.end(), node) == ring.end()) ring.push_back(node);
    }
    polygon.exterior = std::move(ring);
  };
  for (const auto& segment : map_.road_segments) splice(map_.polygons[segment.polygon]);
  for (const auto& block : map_.road_blocks) splice(map_.polygons[block.polygon]);
}

}  // namespace

bool IsWalkway(const Town& town, const Area& area) {
  if (area.surface != Surface::kSidewalk) return false;
  const Vector2d middle = geom::Centroid(area.outline.points);
  return std::none_of(town.lots.begin(), town.lots.end(),
                      [&](const Lot& lot) { return geom::Contains(lot.outline.points, middle); });
}

bool IsIsland(const Area& area) { return area.surface == Surface::kOtherFlat && area.raised > 0; }

MapRecords ToMapRecords(const Town& town) { return Builder(town).Build(); }

}  // namespace occvla::world
