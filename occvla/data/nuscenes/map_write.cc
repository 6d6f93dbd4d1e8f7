#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>

#include "occvla/base/files.h"
#include "occvla/data/nuscenes/map.h"

namespace occvla::data::nuscenes {
namespace {

class MapWriter {
 public:
  explicit MapWriter(const MapRecords& map) : map_(map) {}

  std::string Write();

 private:
  void Add(std::string_view text) { text_ += text; }
  void String(std::string_view text);
  void Number(double value);
  template <typename Range, typename Item>
  void List(const Range& range, Item&& item);
  template <typename Row, typename Fields>
  void Rows(std::string_view name, const std::vector<Row>& rows, Fields&& fields);

  /// The token of a row of a layer; "" for none.
  template <typename Table>
  void Token(const Table& table, uint32_t row);
  template <typename Table>
  void Tokens(std::string_view field, const Table& table, const std::vector<uint32_t>& list);
  template <typename Table>
  void Reference(std::string_view field, const Table& table, uint32_t row);
  /// The same, or the token that the file had and that no record has.
  template <typename Table>
  void Loose(Layer layer, uint32_t row, std::string_view field, const Table& table, uint32_t to);
  void Area(uint32_t polygon);
  void Segments(std::string_view field, const std::vector<DividerSegment>& segments);
  void SixPose(std::string_view field, const std::array<double, 6>& pose);
  void Path(const ArcPath& path);

  void Geometry();
  void Roads();
  void Areas();
  void Dividers();
  void TrafficLights();
  void Paths();
  void Connectivity();

  const MapRecords& map_;
  std::string text_;
};

std::string MapWriter::Write() {
  Add("{\n\"version\": ");
  String(map_.version);
  Add(",\n\"canvas_edge\": ");
  List(map_.canvas_edge, [&](double edge) { Number(edge); });
  Geometry();
  Roads();
  Areas();
  Dividers();
  TrafficLights();
  Paths();
  Connectivity();
  Add("\n}\n");
  return std::move(text_);
}

void MapWriter::String(std::string_view text) {
  bool plain = true;
  for (const char c : text) plain = plain && c >= ' ' && c < 0x7f && c != '"' && c != '\\';
  if (plain)
    fmt::format_to(std::back_inserter(text_), "\"{}\"", text);
  else
    text_ += nlohmann::json(text).dump();
}

void MapWriter::Number(double value) {
  // The shortest digits that read back as the same number; Python keeps it a float by its point.
  const size_t from = text_.size();
  fmt::format_to(std::back_inserter(text_), "{}", value);
  if (text_.find_first_of(".e", from) == std::string::npos) text_ += ".0";
}

template <typename Range, typename Item>
void MapWriter::List(const Range& range, Item&& item) {
  text_ += '[';
  bool first = true;
  for (const auto& value : range) {
    if (!first) Add(", ");
    first = false;
    item(value);
  }
  text_ += ']';
}

template <typename Row, typename Fields>
void MapWriter::Rows(std::string_view name, const std::vector<Row>& rows, Fields&& fields) {
  fmt::format_to(std::back_inserter(text_), ",\n\"{}\": [", name);
  for (uint32_t i = 0; i < rows.size(); ++i) {
    Add(i == 0 ? "\n{\"token\": " : ",\n{\"token\": ");
    String(rows[i].token);
    fields(rows[i], i);
    text_ += '}';
  }
  text_ += ']';
}

template <typename Table>
void MapWriter::Token(const Table& table, uint32_t row) {
  String(row == MapRecords::kNone ? std::string_view() : table.at(row).token);
}

template <typename Table>
void MapWriter::Tokens(std::string_view field, const Table& table,
                       const std::vector<uint32_t>& list) {
  fmt::format_to(std::back_inserter(text_), ", \"{}\": ", field);
  List(list, [&](uint32_t row) { String(table.at(row).token); });
}

template <typename Table>
void MapWriter::Reference(std::string_view field, const Table& table, uint32_t row) {
  fmt::format_to(std::back_inserter(text_), ", \"{}\": ", field);
  Token(table, row);
}

template <typename Table>
void MapWriter::Loose(Layer layer, uint32_t row, std::string_view field, const Table& table,
                      uint32_t to) {
  if (to == MapRecords::kNone) {
    for (const auto& other : map_.unresolved) {
      if (other.layer != layer || other.row != row || other.field != field) continue;
      fmt::format_to(std::back_inserter(text_), ", \"{}\": ", field);
      return String(other.token);
    }
  }
  Reference(field, table, to);
}

void MapWriter::Area(uint32_t polygon) {
  Add(", \"polygon_token\": ");
  if (polygon != MapRecords::kNone && map_.polygons.at(polygon).token.empty())
    Add("null");
  else
    Token(map_.polygons, polygon);
}

void MapWriter::Segments(std::string_view field, const std::vector<DividerSegment>& segments) {
  fmt::format_to(std::back_inserter(text_), ", \"{}\": ", field);
  List(segments, [&](const DividerSegment& segment) {
    Add("{\"node_token\": ");
    Token(map_.nodes, segment.node);
    Add(", \"segment_type\": ");
    String(segment.type);
    text_ += '}';
  });
}

void MapWriter::SixPose(std::string_view field, const std::array<double, 6>& pose) {
  static constexpr std::array<const char*, 6> kNames = {"tx", "ty", "tz", "rx", "ry", "rz"};
  fmt::format_to(std::back_inserter(text_), ", \"{}\": {{", field);
  for (size_t i = 0; i < pose.size(); ++i) {
    fmt::format_to(std::back_inserter(text_), "{}\"{}\": ", i == 0 ? "" : ", ", kNames[i]);
    Number(pose[i]);
  }
  text_ += '}';
}

void MapWriter::Geometry() {
  Rows("node", map_.nodes, [&](const MapRecords::Node& node, uint32_t) {
    Add(", \"x\": ");
    Number(node.x);
    Add(", \"y\": ");
    Number(node.y);
  });
  Rows("line", map_.lines, [&](const MapRecords::Line& line, uint32_t) {
    Tokens("node_tokens", map_.nodes, line.nodes);
  });
  Rows("polygon", map_.polygons, [&](const MapRecords::Polygon& polygon, uint32_t) {
    if (polygon.token.empty()) text_.replace(text_.size() - 2, 2, "null");
    Tokens("exterior_node_tokens", map_.nodes, polygon.exterior);
    Add(", \"holes\": ");
    List(polygon.holes, [&](const std::vector<uint32_t>& hole) {
      Add("{\"node_tokens\": ");
      List(hole, [&](uint32_t node) { Token(map_.nodes, node); });
      text_ += '}';
    });
  });
}

void MapWriter::Roads() {
  Rows("drivable_area", map_.drivable_areas, [&](const MapRecords::DrivableArea& area, uint32_t) {
    Tokens("polygon_tokens", map_.polygons, area.polygons);
  });
  Rows("road_segment", map_.road_segments, [&](const MapRecords::RoadSegment& road, uint32_t row) {
    Area(road.polygon);
    Add(road.is_intersection ? ", \"is_intersection\": true" : ", \"is_intersection\": false");
    Loose(Layer::kRoadSegment, row, "drivable_area_token", map_.drivable_areas, road.drivable_area);
  });
  Rows("road_block", map_.road_blocks, [&](const MapRecords::RoadBlock& block, uint32_t row) {
    Area(block.polygon);
    Loose(Layer::kRoadBlock, row, "from_edge_line_token", map_.lines, block.from_edge_line);
    Loose(Layer::kRoadBlock, row, "to_edge_line_token", map_.lines, block.to_edge_line);
    Loose(Layer::kRoadBlock, row, "road_segment_token", map_.road_segments, block.road_segment);
  });
  Rows("lane", map_.lanes, [&](const MapRecords::Lane& lane, uint32_t) {
    Area(lane.polygon);
    Add(", \"lane_type\": ");
    String(lane.lane_type);
    Reference("from_edge_line_token", map_.lines, lane.from_edge_line);
    Reference("to_edge_line_token", map_.lines, lane.to_edge_line);
    Segments("left_lane_divider_segments", lane.left_divider);
    Segments("right_lane_divider_segments", lane.right_divider);
  });
  Rows("lane_connector", map_.lane_connectors,
       [&](const MapRecords::LaneConnector& connector, uint32_t) { Area(connector.polygon); });
}

void MapWriter::Areas() {
  Rows("ped_crossing", map_.ped_crossings, [&](const MapRecords::PedCrossing& crossing, uint32_t) {
    Area(crossing.polygon);
    Reference("road_segment_token", map_.road_segments, crossing.road_segment);
  });
  Rows("walkway", map_.walkways,
       [&](const MapRecords::Walkway& walkway, uint32_t) { Area(walkway.polygon); });
  Rows("stop_line", map_.stop_lines, [&](const MapRecords::StopLine& line, uint32_t) {
    Area(line.polygon);
    Add(", \"stop_line_type\": ");
    String(line.type);
    Tokens("ped_crossing_tokens", map_.ped_crossings, line.ped_crossings);
    Tokens("traffic_light_tokens", map_.traffic_lights, line.traffic_lights);
    Reference("road_block_token", map_.road_blocks, line.road_block);
  });
  Rows("carpark_area", map_.carpark_areas, [&](const MapRecords::CarparkArea& area, uint32_t row) {
    Area(area.polygon);
    Add(", \"orientation\": ");
    Number(area.orientation);
    Loose(Layer::kCarparkArea, row, "road_block_token", map_.road_blocks, area.road_block);
  });
}

void MapWriter::Dividers() {
  Rows("road_divider", map_.road_dividers,
       [&](const MapRecords::RoadDivider& divider, uint32_t row) {
         Reference("line_token", map_.lines, divider.line);
         Loose(Layer::kRoadDivider, row, "road_segment_token", map_.road_segments,
               divider.road_segment);
       });
  Rows("lane_divider", map_.lane_dividers, [&](const MapRecords::LaneDivider& divider, uint32_t) {
    Reference("line_token", map_.lines, divider.line);
    Segments("lane_divider_segments", divider.segments);
  });
}

void MapWriter::TrafficLights() {
  Rows("traffic_light", map_.traffic_lights, [&](const MapRecords::TrafficLight& light, uint32_t) {
    Reference("line_token", map_.lines, light.line);
    Add(", \"traffic_light_type\": ");
    String(light.type);
    Reference("from_road_block_token", map_.road_blocks, light.from_road_block);
    Add(", \"items\": ");
    List(light.items, [&](const MapRecords::TrafficLight::Item& item) {
      Add("{\"color\": ");
      String(item.color);
      Add(", \"shape\": ");
      String(item.shape);
      SixPose("rel_pos", item.rel_pos);
      Tokens("to_road_block_tokens", map_.road_blocks, item.to_road_blocks);
      text_ += '}';
    });
    SixPose("pose", light.pose);
  });
}

void MapWriter::Path(const ArcPath& path) {
  static constexpr std::array<const char*, 6> kShapes = {"LRL", "RLR", "LSL", "LSR", "RSL", "RSR"};
  const auto number = [&](double value) { Number(value); };
  Add("{\"start_pose\": ");
  List(path.start, number);
  Add(", \"end_pose\": ");
  List(path.end, number);
  fmt::format_to(std::back_inserter(text_),
                 ", \"shape\": \"{}\", \"radius\": ", kShapes.at(static_cast<size_t>(path.shape)));
  Number(path.radius);
  Add(", \"segment_length\": ");
  List(path.lengths, number);
  text_ += '}';
}

void MapWriter::Paths() {
  Add(",\n\"arcline_path_3\": {");
  for (uint32_t i = 0; i < map_.element_count(); ++i) {
    Add(i == 0 ? "\n" : ",\n");
    String(map_.ElementToken(i));
    Add(": ");
    List(map_.paths.at(i), [&](const ArcPath& path) { Path(path); });
  }
  text_ += '}';
}

void MapWriter::Connectivity() {
  Add(",\n\"connectivity\": {");
  const auto neighbours = [&](uint32_t element, bool outgoing, const std::vector<uint32_t>& known) {
    std::vector<std::string_view> tokens;
    for (const uint32_t other : known) tokens.push_back(map_.ElementToken(other));
    for (const auto& other : map_.dangling)
      if (other.element == element && other.outgoing == outgoing) tokens.push_back(other.token);
    List(tokens, [&](std::string_view token) { String(token); });
  };
  for (uint32_t i = 0; i < map_.element_count(); ++i) {
    Add(i == 0 ? "\n" : ",\n");
    String(map_.ElementToken(i));
    Add(": {\"incoming\": ");
    neighbours(i, false, map_.incoming.at(i));
    Add(", \"outgoing\": ");
    neighbours(i, true, map_.outgoing.at(i));
    text_ += '}';
  }
  text_ += '}';
}

}  // namespace

std::string MapText(const MapRecords& records) { return MapWriter(records).Write(); }

void WriteMap(const std::filesystem::path& path, const MapRecords& records) {
  WriteFileAtomically(path, MapText(records));
}

}  // namespace occvla::data::nuscenes
