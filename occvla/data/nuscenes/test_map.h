#pragma once
#include <numbers>
#include <string>
#include <vector>

#include "occvla/data/nuscenes/map.h"

namespace occvla::data::nuscenes {

/// For tests: a map with something in every layer. Two lanes head east on y = 10, from x = 0 to 50
/// ("lane-a") and from 60 to 100 ("lane-b"), 4 m wide. One connector joins them ("straight"), one
/// turns left off the first ("left", radius 10, its polygon a square). The drivable area is 100 m x
/// 20 m with a hole at 20..30 x 14..18, and a square apart from it.
class TestMap {
 public:
  TestMap() {
    map.canvas_edge = {120.5, 60};
    map.drivable_areas = {{"drivable", {Box(0, 0, 100, 20), Box(110, 40, 120, 50)}}};
    map.polygons[0].holes = {Ring(20, 14, 30, 18), {}};
    map.road_segments = {{"segment-a", Box(0, 8, 50, 12), false, 0},
                         {"junction", Box(50, 0, 60, 20), true, MapRecords::kNone},
                         {"segment-b", Box(60, 8, 100, 12), false, 0}};
    map.road_blocks = {
        {"block-a", map.road_segments[0].polygon, Line({{0, 12}, {0, 8}}),
         Line({{50, 12}, {50, 8}}), 0},
        {"block-b", Nameless(), MapRecords::kNone, MapRecords::kNone, MapRecords::kNone}};
    map.lanes = {{"lane-a",
                  map.road_segments[0].polygon,
                  "CAR",
                  0,
                  1,
                  {{Node(0, 12), "DOUBLE_DASHED_WHITE"}, {Node(50, 12), "NIL"}},
                  {}},
                 {"lane-b",
                  map.road_segments[2].polygon,
                  "CAR",
                  MapRecords::kNone,
                  MapRecords::kNone,
                  {},
                  {}}};
    map.lane_connectors = {{"straight", Box(50, 8, 60, 12)}, {"left", Box(49, 9, 61, 21)}};
    map.ped_crossings = {{"crossing", Box(45, 0, 48, 20), 0},
                         {"loose", Box(70, 0, 73, 20), MapRecords::kNone}};
    map.walkways = {{"walkway", Box(0, 20, 100, 22)}};
    map.traffic_lights = {Light()};
    map.stop_lines = {
        {"stop-light", Box(43, 8, 44, 12), "TRAFFIC_LIGHT", {}, {0}, 0},
        {"stop-turn", Box(62, 8, 63, 12), "TURN_STOP", {0, 1}, {}, MapRecords::kNone}};
    map.carpark_areas = {{"carpark", Box(80, 2, 85, 7), 0.36144074186203157, 1}};
    map.road_dividers = {{"road-divider", Line({{0, 8}, {25, 8}, {50, 8}}), 0}};
    map.lane_dividers = {
        {"lane-divider", Line({{0, 10.5}, {50, 10.5}}), {{Node(0, 10.5), "SINGLE_SOLID_WHITE"}}},
        {"empty-divider", Line({}), {}}};
    map.paths = {
        {Straight(0, 25), Straight(25, 50)}, {Straight(60, 100)}, {Straight(50, 60)}, {Turn()}};
    map.incoming = {{}, {2}, {0}, {0}};
    map.outgoing = {{2, 3}, {}, {1}, {}};
    map.dangling = {{1, true, "nowhere"}, {3, false, "nobody"}, {3, true, "nowhere"}};
    map.unresolved = {{Layer::kRoadBlock, 1, "road_segment_token", "lost"}};
  }

  uint32_t Node(double x, double y) {
    map.nodes.push_back({"node-" + std::to_string(map.nodes.size()), x, y});
    return static_cast<uint32_t>(map.nodes.size() - 1);
  }
  std::vector<uint32_t> Ring(double x0, double y0, double x1, double y1) {
    return {Node(x0, y0), Node(x1, y0), Node(x1, y1), Node(x0, y1)};
  }
  uint32_t Box(double x0, double y0, double x1, double y1) {
    map.polygons.push_back(
        {"polygon-" + std::to_string(map.polygons.size()), Ring(x0, y0, x1, y1), {}});
    return static_cast<uint32_t>(map.polygons.size() - 1);
  }

  MapRecords map;

 private:
  uint32_t Nameless() {
    const uint32_t row = Box(60, 8, 100, 12);
    map.polygons[row].token.clear();
    return row;
  }
  uint32_t Line(const std::vector<std::pair<double, double>>& points) {
    MapRecords::Line line{"line-" + std::to_string(map.lines.size()), {}};
    for (const auto& [x, y] : points) line.nodes.push_back(Node(x, y));
    map.lines.push_back(line);
    return static_cast<uint32_t>(map.lines.size() - 1);
  }
  MapRecords::TrafficLight Light() {
    MapRecords::TrafficLight light;
    light.token = "light";
    light.line = Line({{61, 8}, {61, 12}});
    light.type = "VERTICAL";
    light.from_road_block = 0;
    light.items = {{"RED", "CIRCLE", {0, 0, 0.632, 0, 0, 0}, {}},
                   {"GREEN", "RIGHT", {0, -0.26, 0.13, 0, 0, 0}, {1}}};
    light.pose = {61, 10, 2.4, 0, 0, -0.6004778487509836};
    return light;
  }
  static ArcPath Straight(double from, double to) {
    return {.start = {from, 10, 0},
            .end = {to, 10, 0},
            .radius = 999.999,
            .lengths = {0, to - from, 0}};
  }
  static ArcPath Turn() {
    return {.start = {50, 10, 0},
            .end = {60, 20, std::numbers::pi / 2},
            .shape = ArcPath::Shape::kLSR,
            .radius = 10,
            .lengths = {5 * std::numbers::pi, 0, 0}};
  }
};

}  // namespace occvla::data::nuscenes
