#pragma once
#include <Eigen/Core>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/data/nuscenes/map.h"

/// A town: roads, what lies beside them, and how high the ground is. Everything that sensors and
/// traffic need; `ToMapRecords` writes it as a map expansion. Frame G: metres, x east, y north, z
/// up.
namespace occvla::world {

/// A reference to nothing.
inline constexpr int kNoIndex = -1;

/// Gentle hills: a sum of a few long waves, so that height and slope are exact everywhere.
struct Ground {
  struct Wave {
    double amplitude = 0, kx = 0, ky = 0, phase = 0;  // amplitude * sin(kx x + ky y + phase).
  };
  std::vector<Wave> waves;

  double Height(double x, double y) const;
  Eigen::Vector2d Slope(double x, double y) const;  ///< d height / dx, dy.
  Eigen::Vector3d Normal(double x, double y) const;
};

enum class Turn : uint8_t { kStraight, kLeft, kRight };

/// A lane of a road, or a connector through a junction. Traffic follows its centreline.
struct Lane {
  std::string token;  ///< As in the map expansion (UUID).
  bool connector = false;
  Turn turn = Turn::kStraight;  ///< Of a connector; a curved road is straight.
  std::vector<data::nuscenes::ArcPath> paths;
  /// The centreline about every 0.5 m: x, y, yaw; `arc_lengths[i]` metres from the start.
  std::vector<std::array<double, 3>> centreline;
  std::vector<double> arc_lengths;
  double width = 3.5;
  double speed_limit = 13.9;                  ///< m/s.
  std::vector<int> successors, predecessors;  ///< Lane indices.
  int left = kNoIndex,
      right = kNoIndex;         ///< Neighbour of the same direction that may be changed to.
  int junction = kNoIndex;      ///< A connector's.
  int stop_line = kNoIndex;     ///< At the lane's end.
  int road_segment = kNoIndex;  ///< Index into Town::segments.

  double length() const { return arc_lengths.empty() ? 0 : arc_lengths.back(); }
};

enum class Control : uint8_t { kNone, kLights, kStopSigns, kYield };

struct Junction {
  Eigen::Vector2d centre = Eigen::Vector2d::Zero();
  Control control = Control::kNone;
  std::vector<int> connectors;  ///< Lane indices.
  /// With lights: groups of connectors that are green together, in order, each for `green_s`, then
  /// `amber_s`, then all red for `clear_s`.
  std::vector<std::vector<int>> phases;
  double green_s = 12, amber_s = 3, clear_s = 1.5, offset_s = 0;
  /// Pairs of connectors whose paths cross or merge: (waits, goes first) where one has priority
  /// (major road, oncoming before left turn), both ways listed where neither has.
  std::vector<std::array<int, 2>> conflicts;
};

enum class LightState : uint8_t { kGreen, kAmber, kRed };
/// The light for a connector of a junction with lights at `time_s` since the scene's start.
LightState LightOf(const Junction& junction, int connector, double time_s);

struct Polygon2 {
  std::vector<Eigen::Vector2d> points;  ///< Simple, counter-clockwise, not closed.
};

struct StopLine {
  Polygon2 area;
  std::string type;  ///< TRAFFIC_LIGHT, STOP_SIGN, YIELD, PED_CROSSING.
  std::vector<int> lanes;
  int junction = kNoIndex, crossing = kNoIndex;
};

/// A zebra crossing, painted with bars along the traffic: people walk from `from` to `to` (both on
/// the sidewalk) across the lanes.
struct Crossing {
  Polygon2 area;
  Eigen::Vector2d from = Eigen::Vector2d::Zero(), to = Eigen::Vector2d::Zero();
  struct Cut {
    int lane = kNoIndex;
    double s = 0;  ///< Arc length on the lane where the crossing's middle line cuts it.
  };
  std::vector<Cut> cuts;
  int junction = kNoIndex;
  int segment = kNoIndex;
};

/// Where people walk: a path along a sidewalk's middle.
struct Walk {
  std::vector<Eigen::Vector2d> path;
  double width = 2;
  std::vector<int> crossings;  ///< That begin or end on it.
  bool road_on_left = false;   ///< As one walks along the path.
};

/// A parking place: pose of a parked car's centre.
struct Slot {
  double x = 0, y = 0, yaw = 0;
  bool roadside = false;
};

/// What the ground is made of. Areas that cover each other are listed bottom first.
enum class Surface : uint8_t { kTerrain, kSidewalk, kOtherFlat, kRoad, kCarpark };
struct Area {
  Surface surface = Surface::kTerrain;
  Polygon2 outline;
  double raised = 0;  ///< Metres above the ground (a kerb's 0.12 for sidewalks).
};

/// Paint on the road: a band of `width` along a line. A crossing's bars follow from the crossing
/// and are no markings.
struct Marking {
  enum class Colour : uint8_t { kWhite, kYellow };
  std::vector<Eigen::Vector2d> line;
  double width = 0.12;
  double dash = 0, gap = 0;  ///< Metres; 0 = continuous.
  Colour colour = Colour::kWhite;
};

/// A road or a junction: a road_segment of the map.
struct Segment {
  Polygon2 outline;
  bool intersection = false;
  int junction = kNoIndex;
};

/// What stands on a lot.
enum class LotUse : uint8_t { kHouse, kBlock, kWorks, kPark, kPlaza };

/// A place beside the roads where scenery may build.
struct Lot {
  LotUse use = LotUse::kHouse;
  Polygon2 outline;
  double frontage_yaw = 0;  ///< Towards the nearest road.
};

struct TrafficLightPost {
  Eigen::Vector2d at = Eigen::Vector2d::Zero();
  double yaw = 0;  ///< Direction in which the lamps face: against the traffic.
  int junction = kNoIndex;
  std::vector<int> connectors;  ///< That obey it.
};

struct StopSignPost {
  Eigen::Vector2d at = Eigen::Vector2d::Zero();
  double yaw = 0;
};

struct Town {
  std::string location;  ///< One of the devkit's four names: see docs/decisions.
  uint64_t seed = 0;
  std::array<double, 2> canvas{};  ///< Width, height; metres.
  Ground ground;
  std::vector<Lane> lanes;
  std::vector<Junction> junctions;
  std::vector<Segment> segments;
  std::vector<StopLine> stop_lines;
  std::vector<Crossing> crossings;
  std::vector<Walk> walks;
  std::vector<Slot> slots;
  std::vector<Area> areas;
  std::vector<Marking> markings;
  std::vector<Lot> lots;
  std::vector<TrafficLightPost> lights;
  std::vector<StopSignPost> signs;
  data::nuscenes::MapRecords map;  ///< The same as a map expansion; lanes first, then connectors.
};

struct TownOptions {
  uint64_t seed = 0;
  std::string location = "boston-seaport";  ///< One of kTownLocations.
  double size_m = 800;                      ///< Of the canvas, each side; 480 to 3000.
  double spacing_m = 120;  ///< About that far from junction to junction; 100 to 200.
};

/// The names that the devkit's map class opens.
inline constexpr std::array<std::string_view, 4> kTownLocations = {
    "singapore-onenorth", "singapore-hollandvillage", "singapore-queenstown", "boston-seaport"};

/// A town that depends on the options alone. Vehicles keep to the right in every location
/// (docs/decisions). Lanes come first in `lanes`, then connectors; segments first roads, then one a
/// junction. Throws ConfigError that names each option out of range.
Town MakeTown(const TownOptions& options);

/// What contradicts itself in a town: lanes that do not join or leave the canvas, roads that
/// overlap, lanes from which the rest is out of reach, and the like. Empty for a sound town.
std::vector<std::string> CheckTown(const Town& town);

}  // namespace occvla::world
