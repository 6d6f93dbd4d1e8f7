#pragma once
#include <Eigen/Core>
#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The nuScenes map expansion, version 1.3 (facts/data-and-metrics.md A.8): one location's vector
/// map. Coordinates are metres east and north of the map's south-west corner: frame G without z.
namespace occvla::data::nuscenes {

/// Three pieces of constant curvature one after the other (a Dubins path).
struct ArcPath {
  enum class Shape : uint8_t { kLRL, kRLR, kLSL, kLSR, kRSL, kRSR };
  std::array<double, 3> start{};  ///< x, y, yaw.
  std::array<double, 3> end{};
  Shape shape = Shape::kLSL;
  double radius = 1;  ///< Metres, of every L and R piece.
  std::array<double, 3> lengths{};

  double length() const { return lengths[0] + lengths[1] + lengths[2]; }
  /// Pose (x, y, yaw in [-pi, pi)) at arc length s from the start.
  std::array<double, 3> At(double s) const;
  /// Unsigned curvature at arc length s: 0 on S pieces, else 1/radius.
  double Curvature(double s) const;
};

/// Poses along the paths, about `step` metres apart, each path's both ends included (so joints
/// occur twice), exactly as the devkit's discretize_lane.
std::vector<std::array<double, 3>> Discretise(std::span<const ArcPath> paths, double step);

/// Unsigned curvature at arc length s along the paths, as the devkit's
/// get_curvature_at_distance_along_lane; beyond the end that of the last piece, 0 without paths.
double CurvatureAlong(std::span<const ArcPath> paths, double s);

/// Layers whose records are areas or lines; the names are the file's.
enum class Layer : uint8_t {
  kDrivableArea,
  kRoadSegment,
  kRoadBlock,
  kLane,
  kLaneConnector,
  kPedCrossing,
  kWalkway,
  kStopLine,
  kCarparkArea,
  kRoadDivider,
  kLaneDivider,
  kTrafficLight
};
inline constexpr std::array<std::string_view, 12> kLayerNames = {
    "drivable_area",  "road_segment", "road_block",   "lane",
    "lane_connector", "ped_crossing", "walkway",      "stop_line",
    "carpark_area",   "road_divider", "lane_divider", "traffic_light"};

struct MapPolygon {
  std::vector<Eigen::Vector2d> exterior;  ///< Not closed.
  std::vector<std::vector<Eigen::Vector2d>> holes;
};

struct DividerSegment {
  uint32_t node = 0;  ///< Index into MapRecords::nodes.
  std::string type;   ///< "DOUBLE_DASHED_WHITE", "NIL", ...
};

/// Everything that the file says, with tokens resolved to indices into the vectors here. Shared by
/// the reader (ReadMap), the writer (WriteMap) and whoever makes a map.
struct MapRecords {
  static constexpr uint32_t kNone = UINT32_MAX;  ///< "" or null in the file.

  struct Node {
    std::string token;
    double x = 0, y = 0;
  };
  struct Line {
    std::string token;
    std::vector<uint32_t> nodes;
  };
  struct Polygon {
    /// "" = null in the file: in hollandvillage and queenstown every road block names such a
    /// polygon.
    std::string token;
    std::vector<uint32_t> exterior;
    std::vector<std::vector<uint32_t>> holes;
  };
  struct DrivableArea {
    std::string token;
    std::vector<uint32_t> polygons;
  };
  struct RoadSegment {
    std::string token;
    uint32_t polygon = kNone;
    bool is_intersection = false;
    uint32_t drivable_area = kNone;
  };
  struct RoadBlock {
    std::string token;
    uint32_t polygon = kNone, from_edge_line = kNone, to_edge_line = kNone, road_segment = kNone;
  };
  struct Lane {
    std::string token;
    uint32_t polygon = kNone;
    std::string lane_type = "CAR";
    uint32_t from_edge_line = kNone, to_edge_line = kNone;
    std::vector<DividerSegment> left_divider, right_divider;
  };
  struct LaneConnector {
    std::string token;
    uint32_t polygon = kNone;
  };
  struct PedCrossing {
    std::string token;
    uint32_t polygon = kNone, road_segment = kNone;
  };
  struct Walkway {
    std::string token;
    uint32_t polygon = kNone;
  };
  struct StopLine {
    std::string token;
    uint32_t polygon = kNone;
    std::string type;  ///< PED_CROSSING, TURN_STOP, TRAFFIC_LIGHT, STOP_SIGN, YIELD.
    std::vector<uint32_t> ped_crossings, traffic_lights;
    uint32_t road_block = kNone;
  };
  struct CarparkArea {
    std::string token;
    uint32_t polygon = kNone;
    double orientation = 0;  ///< Radians.
    uint32_t road_block = kNone;
  };
  struct RoadDivider {
    std::string token;
    uint32_t line = kNone, road_segment = kNone;
  };
  struct LaneDivider {
    std::string token;
    uint32_t line = kNone;
    std::vector<DividerSegment> segments;
  };
  struct TrafficLight {
    struct Item {
      std::string color, shape;
      std::array<double, 6> rel_pos{};  ///< tx, ty, tz, rx, ry, rz.
      std::vector<uint32_t> to_road_blocks;
    };
    std::string token;
    uint32_t line = kNone;
    std::string type;  ///< VERTICAL or HORIZONTAL.
    uint32_t from_road_block = kNone;
    std::vector<Item> items;
    std::array<double, 6> pose{};  ///< tx, ty, tz, rx, ry, rz.
  };

  std::string version = "1.3";
  std::array<double, 2> canvas_edge{};  ///< Width, height; metres.
  std::vector<Node> nodes;
  std::vector<Line> lines;
  std::vector<Polygon> polygons;
  std::vector<DrivableArea> drivable_areas;
  std::vector<RoadSegment> road_segments;
  std::vector<RoadBlock> road_blocks;
  std::vector<Lane> lanes;
  std::vector<LaneConnector> lane_connectors;
  std::vector<PedCrossing> ped_crossings;
  std::vector<Walkway> walkways;
  std::vector<StopLine> stop_lines;
  std::vector<CarparkArea> carpark_areas;
  std::vector<RoadDivider> road_dividers;
  std::vector<LaneDivider> lane_dividers;
  std::vector<TrafficLight> traffic_lights;

  /// Per lane, then per lane connector (element index: lanes first): its centreline and neighbours.
  std::vector<std::vector<ArcPath>> paths;
  std::vector<std::vector<uint32_t>> incoming, outgoing;  ///< Element indices.
  /// References of `connectivity` to tokens that the file does not have (the real onenorth has 16):
  /// kept, so that writing gives back what was read.
  struct Dangling {
    uint32_t element = 0;
    bool outgoing = false;
    std::string token;
  };
  std::vector<Dangling> dangling;
  /// The same for single references between layers that the devkit never follows when it opens a
  /// map: a road segment's drivable area, a road block's edge lines and segment, a car park's
  /// block, a road divider's segment. The field itself is kNone.
  struct Unresolved {
    Layer layer = Layer::kDrivableArea;
    uint32_t row = 0;
    std::string field, token;
  };
  std::vector<Unresolved> unresolved;
  /// Names of layers and fields ("lane.turn_type") that the file has beyond the format, sorted, at
  /// most a hundred. All that the format has is required, so that none of them hides a misspelling;
  /// they are not read.
  std::vector<std::string> ignored;

  size_t element_count() const { return lanes.size() + lane_connectors.size(); }
  const std::string& ElementToken(uint32_t element) const;
};

/// Reads and checks `maps/expansion/<location>.json`, at most 128 MiB of it: every complaint of the
/// file (the first hundred, and how many more) in one DataError. Tokens are unique in their layer,
/// lanes and lane connectors together; every lane and connector has an entry in `arcline_path_3`
/// and `connectivity`; areas have three corners or more; coordinates are within 10^6 m and the
/// paths together within 4000 km. Lines may be empty, as some of queenstown are.
MapRecords ReadMap(const std::filesystem::path& path);
/// The same from text; `where` opens the complaint.
MapRecords ParseMap(std::string_view text, const std::string& where);
/// Writes the same format, atomically; the same records give the same bytes, and reading gives the
/// same records but for `ignored`. Indices out of range throw std::out_of_range.
void WriteMap(const std::filesystem::path& path, const MapRecords& records);
std::string MapText(const MapRecords& records);

/// A map with an index for queries. Immutable; any thread may use it.
class Map {
 public:
  explicit Map(MapRecords records);
  ~Map();
  Map(Map&&) noexcept;
  Map& operator=(Map&&) noexcept;

  const MapRecords& records() const;
  /// The token of a row of a layer; throws std::out_of_range beyond its rows.
  std::string_view Token(Layer layer, uint32_t row) const;
  /// Row by token within a layer.
  std::optional<uint32_t> Find(Layer layer, std::string_view token) const;
  /// Lane or lane connector by token: an element index.
  std::optional<uint32_t> FindElement(std::string_view token) const;

  /// Rows of an area layer whose polygon meets the square of +-radius around p_G (the devkit's
  /// get_records_in_radius); likewise lines that meet it, of which the devkit names only those with
  /// a node strictly inside.
  std::vector<uint32_t> Near(Layer layer, const Eigen::Vector2d& p_G, double radius) const;
  /// The polygons of one record (drivable areas have several; line layers none).
  std::vector<MapPolygon> Polygons(Layer layer, uint32_t row) const;
  /// The line of a divider or traffic light.
  std::vector<Eigen::Vector2d> Line(Layer layer, uint32_t row) const;
  /// Rows of an area layer that hold the point, boundary included (the devkit's layers_on_point
  /// excludes it and gives the first).
  std::vector<uint32_t> Containing(Layer layer, const Eigen::Vector2d& p_G) const;

  /// The centreline of an element at 0.5 m, made once.
  const std::vector<std::array<double, 3>>& Centreline(uint32_t element) const;
  /// The devkit's get_closest_lane: candidates whose polygon meets the square, smallest distance to
  /// a 0.5 m point, ties to the last candidate, lanes first. Elements without paths are none.
  std::optional<uint32_t> ClosestElement(const Eigen::Vector2d& p_G, double radius = 5) const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

}  // namespace occvla::data::nuscenes
