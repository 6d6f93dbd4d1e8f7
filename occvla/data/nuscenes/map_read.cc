#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cmath>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/json_reading.h"
#include "occvla/base/text.h"
#include "occvla/data/nuscenes/map.h"
#include "occvla/data/nuscenes/map_json.h"

namespace occvla::data::nuscenes {
namespace {

using simdjson::dom::element;
using Null = MapRecord::Null;
using Elements = std::vector<element>;

// The real files have 10 to 30 MB; the parser takes at most eight times the file.
constexpr size_t kMostBytes = size_t{128} << 20;
constexpr double kFarthest = 1e6;
constexpr double kLongestPaths = 4e6;
constexpr double kRounding = 1e-6;  // Below 0 that a piece's length may lie.

/// The layers of the file that ask for more than their own records, parsed once the tokens of all
/// are known, because they name each other in any order.
class MapReader {
 public:
  MapReader(element document, Complaints& complaints)
      : complaints_(complaints), root_(document, MapPlace{}, complaints) {}

  MapRecords Read();

 private:
  struct Source {
    Elements records;
    MapTokens tokens;
  };

  Source Load(std::string_view layer) {
    Elements records = root_.Elements(layer);
    MapTokens tokens(layer, records, complaints_);
    return {.records = std::move(records), .tokens = std::move(tokens)};
  }
  template <typename Row, typename Fill>
  void Each(const Source& source, std::vector<Row>& rows, Fill&& fill);

  void ReadGeometry();
  void ReadRoads();
  void ReadLanes();
  void ReadAreas();
  void ReadDividers();
  void ReadTrafficLights();
  void ReadPaths();
  void ReadConnectivity();

  uint32_t AreaOf(MapRecord& record, Null null = Null::kComplain);
  uint32_t Loose(MapRecord& record, Layer layer, std::string_view field, const MapTokens& tokens);
  std::vector<DividerSegment> Segments(MapRecord& record, std::string_view field);
  ArcPath Path(element value, const MapPlace& place);
  std::array<double, 6> SixPose(MapRecord& record, std::string_view field);
  template <typename Visit>
  void EachElement(std::string_view field, Visit&& visit);
  std::vector<uint32_t> Neighbours(MapRecord& record, uint32_t of, bool outgoing);

  const uint32_t* FindElement(std::string_view token, uint32_t& storage) const;

  Complaints& complaints_;
  MapRecord root_;
  MapRecords map_;
  std::set<std::string> ignored_;
  double path_length_ = 0;

  Source node_ = Load("node"), line_ = Load("line"), polygon_ = Load("polygon"),
         drivable_area_ = Load("drivable_area"), road_segment_ = Load("road_segment"),
         road_block_ = Load("road_block"), lane_ = Load("lane"),
         lane_connector_ = Load("lane_connector"), ped_crossing_ = Load("ped_crossing"),
         walkway_ = Load("walkway"), stop_line_ = Load("stop_line"),
         carpark_area_ = Load("carpark_area"), road_divider_ = Load("road_divider"),
         lane_divider_ = Load("lane_divider"), traffic_light_ = Load("traffic_light");
};

template <typename Row, typename Fill>
void MapReader::Each(const Source& source, std::vector<Row>& rows, Fill&& fill) {
  rows.reserve(source.records.size());
  for (const element value : source.records) {
    MapRecord record(value, {.name = source.tokens.layer(), .index = rows.size()}, complaints_);
    rows.push_back(fill(record));
    record.ReportOthers(source.tokens.layer(), ignored_);
  }
}

MapRecords MapReader::Read() {
  map_.version = root_.String("version");
  if (!map_.version.empty() && map_.version != "1.3")
    root_.Complain("version", "must be \"1.3\", but is " + Quoted(map_.version, 20));
  map_.canvas_edge = root_.Numbers<2>("canvas_edge");
  for (const double edge : map_.canvas_edge)
    if (edge < 0 || edge > kFarthest)
      root_.Complain("canvas_edge", fmt::format("has {}, which is not from 0 to 10^6 m", edge));
  ReadGeometry();
  ReadRoads();
  ReadLanes();
  ReadAreas();
  ReadDividers();
  ReadTrafficLights();
  ReadPaths();
  ReadConnectivity();
  root_.ReportOthers("", ignored_);
  map_.ignored.assign(ignored_.begin(), ignored_.end());
  return std::move(map_);
}

void MapReader::ReadGeometry() {
  Each(node_, map_.nodes, [&](MapRecord& record) {
    MapRecords::Node node{
        .token = record.Token(), .x = record.Number("x"), .y = record.Number("y")};
    if (std::abs(node.x) > kFarthest) record.Complain("x", "is farther than 10^6 m");
    if (std::abs(node.y) > kFarthest) record.Complain("y", "is farther than 10^6 m");
    return node;
  });
  Each(line_, map_.lines, [&](MapRecord& record) {
    return MapRecords::Line{.token = record.Token(),
                            .nodes = record.References("node_tokens", node_.tokens)};
  });
  Each(polygon_, map_.polygons, [&](MapRecord& record) {
    MapRecords::Polygon polygon;
    polygon.token = record.Token(Null::kAllow);
    polygon.exterior = record.References("exterior_node_tokens", node_.tokens);
    for (const element value : record.Elements("holes")) {
      const MapPlace place{
          .parent = &record.place(), .name = "holes", .index = polygon.holes.size()};
      MapRecord hole(value, place, complaints_);
      polygon.holes.push_back(hole.References("node_tokens", node_.tokens));
      hole.ReportOthers("polygon.holes", ignored_);
    }
    return polygon;
  });
}

void MapReader::ReadRoads() {
  Each(drivable_area_, map_.drivable_areas, [&](MapRecord& record) {
    return MapRecords::DrivableArea{
        .token = record.Token(), .polygons = record.References("polygon_tokens", polygon_.tokens)};
  });
  Each(road_segment_, map_.road_segments, [&](MapRecord& record) {
    return MapRecords::RoadSegment{
        .token = record.Token(),
        .polygon = AreaOf(record),
        .is_intersection = record.Bool("is_intersection"),
        .drivable_area =
            Loose(record, Layer::kRoadSegment, "drivable_area_token", drivable_area_.tokens)};
  });
  Each(road_block_, map_.road_blocks, [&](MapRecord& record) {
    constexpr Layer kLayer = Layer::kRoadBlock;
    return MapRecords::RoadBlock{
        .token = record.Token(),
        .polygon = AreaOf(record, Null::kAllow),
        .from_edge_line = Loose(record, kLayer, "from_edge_line_token", line_.tokens),
        .to_edge_line = Loose(record, kLayer, "to_edge_line_token", line_.tokens),
        .road_segment = Loose(record, kLayer, "road_segment_token", road_segment_.tokens)};
  });
}

void MapReader::ReadLanes() {
  Each(lane_, map_.lanes, [&](MapRecord& record) {
    return MapRecords::Lane{
        .token = record.Token(),
        .polygon = AreaOf(record),
        .lane_type = record.String("lane_type"),
        .from_edge_line = record.Reference("from_edge_line_token", line_.tokens, Null::kAllow),
        .to_edge_line = record.Reference("to_edge_line_token", line_.tokens, Null::kAllow),
        .left_divider = Segments(record, "left_lane_divider_segments"),
        .right_divider = Segments(record, "right_lane_divider_segments")};
  });
  Each(lane_connector_, map_.lane_connectors, [&](MapRecord& record) {
    MapRecords::LaneConnector connector{.token = record.Token(), .polygon = AreaOf(record)};
    if (lane_.tokens.Find(connector.token) != nullptr)
      record.Complain("token", "is " + Quoted(connector.token) + ", the token of a lane");
    return connector;
  });
}

void MapReader::ReadAreas() {
  Each(ped_crossing_, map_.ped_crossings, [&](MapRecord& record) {
    return MapRecords::PedCrossing{
        .token = record.Token(),
        .polygon = AreaOf(record),
        .road_segment = record.Reference("road_segment_token", road_segment_.tokens, Null::kAllow)};
  });
  Each(walkway_, map_.walkways, [&](MapRecord& record) {
    return MapRecords::Walkway{.token = record.Token(), .polygon = AreaOf(record)};
  });
  Each(stop_line_, map_.stop_lines, [&](MapRecord& record) {
    MapRecords::StopLine line{
        .token = record.Token(),
        .polygon = AreaOf(record),
        .type = record.String("stop_line_type"),
        .ped_crossings = record.References("ped_crossing_tokens", ped_crossing_.tokens),
        .traffic_lights = record.References("traffic_light_tokens", traffic_light_.tokens),
        .road_block = record.Reference("road_block_token", road_block_.tokens, Null::kAllow)};
    static constexpr std::array<std::string_view, 5> kTypes = {
        "PED_CROSSING", "TURN_STOP", "TRAFFIC_LIGHT", "STOP_SIGN", "YIELD"};
    if (!line.type.empty() && std::find(kTypes.begin(), kTypes.end(), line.type) == kTypes.end()) {
      record.Complain(
          "stop_line_type",
          "must be PED_CROSSING, TURN_STOP, TRAFFIC_LIGHT, STOP_SIGN or YIELD, but is " +
              Quoted(line.type, 40));
    }
    return line;
  });
  Each(carpark_area_, map_.carpark_areas, [&](MapRecord& record) {
    return MapRecords::CarparkArea{
        .token = record.Token(),
        .polygon = AreaOf(record),
        .orientation = record.Number("orientation"),
        .road_block = Loose(record, Layer::kCarparkArea, "road_block_token", road_block_.tokens)};
  });
}

void MapReader::ReadDividers() {
  Each(road_divider_, map_.road_dividers, [&](MapRecord& record) {
    return MapRecords::RoadDivider{
        .token = record.Token(),
        .line = record.Reference("line_token", line_.tokens),
        .road_segment =
            Loose(record, Layer::kRoadDivider, "road_segment_token", road_segment_.tokens)};
  });
  Each(lane_divider_, map_.lane_dividers, [&](MapRecord& record) {
    return MapRecords::LaneDivider{.token = record.Token(),
                                   .line = record.Reference("line_token", line_.tokens),
                                   .segments = Segments(record, "lane_divider_segments")};
  });
}

void MapReader::ReadTrafficLights() {
  Each(traffic_light_, map_.traffic_lights, [&](MapRecord& record) {
    MapRecords::TrafficLight light;
    light.token = record.Token();
    light.line = record.Reference("line_token", line_.tokens);
    light.type = record.String("traffic_light_type");
    light.from_road_block =
        record.Reference("from_road_block_token", road_block_.tokens, Null::kAllow);
    light.pose = SixPose(record, "pose");
    for (const element value : record.Elements("items")) {
      const MapPlace place{.parent = &record.place(), .name = "items", .index = light.items.size()};
      MapRecord item(value, place, complaints_);
      light.items.push_back(
          {.color = item.String("color"),
           .shape = item.String("shape"),
           .rel_pos = SixPose(item, "rel_pos"),
           .to_road_blocks = item.References("to_road_block_tokens", road_block_.tokens)});
      item.ReportOthers("traffic_light.items", ignored_);
    }
    return light;
  });
}

uint32_t MapReader::AreaOf(MapRecord& record, Null null) {
  const auto value = record.Find("polygon_token");
  if (!value) return MapRecords::kNone;
  if (null == Null::kAllow && value->is_null()) {
    // As the devkit looks null up: among the tokens, where the last null is.
    if (const uint32_t* null_row = polygon_.tokens.null_row()) return *null_row;
    record.Complain("polygon_token", "is null, but no polygon has the token null");
    return MapRecords::kNone;
  }
  const uint32_t row = record.Reference("polygon_token", polygon_.tokens);
  if (row == MapRecords::kNone) return row;
  if (const size_t corners = map_.polygons[row].exterior.size(); corners < 3) {
    record.Complain("polygon_token", fmt::format("names polygon[{}], which has {} corners where an "
                                                 "area needs 3",
                                                 row, corners));
  }
  return row;
}

uint32_t MapReader::Loose(MapRecord& record, Layer layer, std::string_view field,
                          const MapTokens& tokens) {
  std::string unknown;
  const uint32_t row = record.Reference(field, tokens, Null::kAllow, &unknown);
  if (!unknown.empty()) {
    map_.unresolved.push_back({.layer = layer,
                               .row = static_cast<uint32_t>(record.place().index),
                               .field = std::string(field),
                               .token = std::move(unknown)});
  }
  return row;
}

std::vector<DividerSegment> MapReader::Segments(MapRecord& record, std::string_view field) {
  std::vector<DividerSegment> segments;
  for (const element value : record.Elements(field)) {
    const MapPlace place{.parent = &record.place(), .name = field, .index = segments.size()};
    MapRecord segment(value, place, complaints_);
    segments.push_back({.node = segment.Reference("node_token", node_.tokens),
                        .type = segment.String("segment_type")});
    segment.ReportOthers(std::string(record.place().name) + "." + std::string(field), ignored_);
  }
  return segments;
}

std::array<double, 6> MapReader::SixPose(MapRecord& record, std::string_view field) {
  const auto value = record.Find(field);
  if (!value) return {};
  const MapPlace place{.parent = &record.place(), .name = field};
  MapRecord pose(*value, place, complaints_);
  const std::array<double, 6> numbers = {pose.Number("tx"), pose.Number("ty"), pose.Number("tz"),
                                         pose.Number("rx"), pose.Number("ry"), pose.Number("rz")};
  pose.ReportOthers(std::string("traffic_light.") + std::string(field), ignored_);
  return numbers;
}

/// Reads an object whose names are the tokens of lanes and lane connectors, each once.
template <typename Visit>
void MapReader::EachElement(std::string_view field, Visit&& visit) {
  const auto value = root_.Find(field);
  if (!value) return;
  simdjson::dom::object entries;
  if (value->get(entries) != simdjson::SUCCESS) {
    root_.Complain(field, "must be an object, but is " + DescribeMapValue(*value));
    return;
  }
  const MapPlace parent{.name = field};
  std::vector<bool> seen(map_.element_count());
  for (const auto entry : entries) {
    uint32_t storage = 0;
    const MapPlace place{.parent = &parent, .name = entry.key, .is_token = true};
    if (const uint32_t* found = FindElement(entry.key, storage); found == nullptr) {
      complaints_.AddWhole(place.ToString() + " belongs to no lane and no lane_connector");
    } else if (seen[*found]) {
      complaints_.AddWhole(place.ToString() + " occurs twice");
    } else {
      seen[*found] = true;
      visit(*found, entry.value, place);
    }
  }
  for (uint32_t i = 0; i < seen.size(); ++i) {
    if (!seen[i]) root_.Complain(field, "has no entry for " + Quoted(map_.ElementToken(i)));
  }
}

void MapReader::ReadPaths() {
  map_.paths.resize(map_.element_count());
  EachElement("arcline_path_3", [&](uint32_t index, element value, const MapPlace& place) {
    simdjson::dom::array paths;
    if (value.get(paths) != simdjson::SUCCESS) {
      complaints_.AddWhole(place.ToString() + " must be an array, but is " +
                           DescribeMapValue(value));
      return;
    }
    MapPlace at = place;
    at.index = 0;
    for (const element path : paths) {
      map_.paths[index].push_back(Path(path, at));
      ++at.index;
    }
  });
  if (path_length_ > kLongestPaths)
    root_.Complain("arcline_path_3", fmt::format("holds {:.0f} km of paths, more than the 4000 km "
                                                 "that are read",
                                                 path_length_ / 1000));
}

ArcPath MapReader::Path(element value, const MapPlace& place) {
  static constexpr std::array<std::string_view, 6> kShapes = {"LRL", "RLR", "LSL",
                                                              "LSR", "RSL", "RSR"};
  const size_t complaints_before = complaints_.count();
  MapRecord record(value, place, complaints_);
  ArcPath path{.start = record.Numbers<3>("start_pose"),
               .end = record.Numbers<3>("end_pose"),
               .radius = record.Number("radius"),
               .lengths = record.Numbers<3>("segment_length")};
  if (const auto shape_value = record.Find("shape")) {
    std::string_view name;
    const bool is_text = shape_value->get(name) == simdjson::SUCCESS;
    const auto shape = std::find(kShapes.begin(), kShapes.end(), name);
    if (!is_text || shape == kShapes.end()) {
      record.Complain("shape", "must be LRL, RLR, LSL, LSR, RSL or RSR, but is " +
                                   DescribeMapValue(*shape_value));
    } else {
      path.shape = static_cast<ArcPath::Shape>(shape - kShapes.begin());
    }
  }
  record.ReportOthers("arcline_path_3", ignored_);
  // Values are judged only where they are there.
  if (complaints_.count() != complaints_before) return path;
  for (const auto& [field, pose] : {std::pair("start_pose", path.start), {"end_pose", path.end}}) {
    if (std::abs(pose[0]) > kFarthest || std::abs(pose[1]) > kFarthest)
      record.Complain(field, "is farther than 10^6 m");
    if (std::abs(pose[2]) > kFarthest) record.Complain(field, "has a yaw beyond 10^6");
  }
  if (!(path.radius > kRounding) || path.radius > 1e12)
    record.Complain("radius", fmt::format("must be from 10^-6 to 10^12 m, but is {}", path.radius));
  for (const double length : path.lengths) {
    if (length < -kRounding || length > kLongestPaths)
      record.Complain("segment_length",
                      fmt::format("has {}, which is not from 0 to 4 10^6 m", length));
    path_length_ += std::abs(length);
  }
  return path;
}

void MapReader::ReadConnectivity() {
  map_.incoming.resize(map_.element_count());
  map_.outgoing.resize(map_.element_count());
  EachElement("connectivity", [&](uint32_t index, element value, const MapPlace& place) {
    MapRecord record(value, place, complaints_);
    map_.incoming[index] = Neighbours(record, index, /*outgoing=*/false);
    map_.outgoing[index] = Neighbours(record, index, /*outgoing=*/true);
    record.ReportOthers("connectivity", ignored_);
  });
  // In the elements' order, whichever way the file goes: so that writing gives the same again.
  std::stable_sort(map_.dangling.begin(), map_.dangling.end(), [](const auto& a, const auto& b) {
    return std::pair(a.element, a.outgoing) < std::pair(b.element, b.outgoing);
  });
}

std::vector<uint32_t> MapReader::Neighbours(MapRecord& record, uint32_t of, bool outgoing) {
  const char* field = outgoing ? "outgoing" : "incoming";
  std::vector<uint32_t> neighbours;
  size_t index = 0;
  for (const element value : record.Elements(field)) {
    std::string_view token;
    uint32_t storage = 0;
    if (value.get(token) != simdjson::SUCCESS || token.empty()) {
      const MapPlace place{.parent = &record.place(), .name = field, .index = index};
      complaints_.AddWhole(place.ToString() +
                           " must be the token of a lane or lane_connector, but is " +
                           DescribeMapValue(value));
    } else if (const uint32_t* found = FindElement(token, storage)) {
      neighbours.push_back(*found);
    } else {
      map_.dangling.push_back({.element = of, .outgoing = outgoing, .token = std::string(token)});
    }
    ++index;
  }
  return neighbours;
}

const uint32_t* MapReader::FindElement(std::string_view token, uint32_t& storage) const {
  if (const uint32_t* lane = lane_.tokens.Find(token)) return lane;
  const uint32_t* connector = lane_connector_.tokens.Find(token);
  if (connector == nullptr) return nullptr;
  storage = static_cast<uint32_t>(map_.lanes.size()) + *connector;
  return &storage;
}

/// Reads on after an error only as far as the error: for the byte at which it stands.
class Syntax final : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string&,
                   const nlohmann::detail::exception& error) override {
    problem = JsonSyntaxProblem(error);
    return false;
  }

  std::string problem;
};

[[noreturn]] void ThrowSyntaxError(std::string_view text, const std::string& where,
                                   simdjson::error_code error) {
  Syntax syntax;
  size_t read = 0;
  // simdjson does not say where; what only it refuses (depth, long integers) stays without a place.
  if (error != simdjson::DEPTH_ERROR) ReadJsonEvents(text, &read, &syntax);
  const std::string problem = syntax.problem.empty()
                                  ? std::string(": ") + simdjson::error_message(error)
                                  : fmt::format(" at byte {}: {}", read, syntax.problem);
  throw DataError(where + ": not usable as JSON" + problem + (problem.ends_with('.') ? "" : ".") +
                  " Unpack the map expansion (version 1.3) again.");
}

}  // namespace

const std::string& MapRecords::ElementToken(uint32_t element) const {
  return element < lanes.size() ? lanes[element].token
                                : lane_connectors.at(element - lanes.size()).token;
}

MapRecords ParseMap(std::string_view text, const std::string& where) {
  if (text.size() > kMostBytes) {
    throw DataError(
        fmt::format("{}: has {} bytes, at most {} are read. Is it a map expansion (version 1.3)?",
                    where, text.size(), kMostBytes));
  }
  simdjson::dom::parser parser;
  element document;
  if (const auto error = parser.parse(text.data(), text.size()).get(document);
      error == simdjson::MEMALLOC) {
    throw DeviceError(where + ": there is not enough memory to read this map.");
  } else if (error != simdjson::SUCCESS) {
    ThrowSyntaxError(text, where, error);
  }
  Complaints complaints;
  MapRecords map = MapReader(document, complaints).Read();
  complaints.Throw(where, "Unpack the map expansion (version 1.3) again.");
  return map;
}

MapRecords ReadMap(const std::filesystem::path& path) {
  const MappedFile file(path);
  return ParseMap(file.text(), path.string());
}

}  // namespace occvla::data::nuscenes
