#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "occvla/world/town.h"
#include "occvla/world/town_curve.h"

/// Where a town's roads run, before anything is built: junctions, the curves between them, and
/// every road's cross-section.
namespace occvla::world {

/// What a street is lined with.
enum class Quarter : uint8_t { kHouses, kDowntown, kPark, kWorks };

/// A road's cross-section, the same over its whole length. Drivers keep to the right.
struct Section {
  int forward = 1, backward = 1;  ///< Lanes.
  double lane_width = 3.4;
  double median = 0;                     ///< Width of a raised strip in the middle; 0 = none.
  double park_right = 0, park_left = 0;  ///< Width of a parking strip; 0 = none.
  double sidewalk = 3;      ///< Width, each side; lamps and trees stand in its kerb side.
  double speed_limit = 11;  ///< m/s.
  bool major = false;

  /// From the curve to either edge of the lanes' carriageway.
  double Half() const;
  /// From the curve to the outer edge of the sidewalk.
  double Outer(bool left) const;
  /// From the curve to the middle of where people walk, and how wide that is.
  double Walk(bool left) const;
  double WalkWidth() const;
  /// Offset of a lane's middle; `lane` counts from the right as its driver sees it.
  double LaneOffset(bool forward_lane, int lane) const;
};

struct Edge {
  int a = 0, b = 0;  ///< Nodes.
  Section section;
  Curve curve;              ///< From node to node; straight near both.
  double from = 0, to = 0;  ///< Arc lengths where the road begins and ends; junctions beyond.
  Quarter quarter_left = Quarter::kHouses, quarter_right = Quarter::kHouses;
};

/// The end of an edge at a node, looking away from the node.
struct Arm {
  int edge = 0;
  bool at_start = true;  ///< The edge's curve leaves the node.
  double yaw = 0;
  double half = 0, outer_left = 0, outer_right = 0;  ///< The section's, as seen from the node.
  double walk_left = 0, walk_right = 0;
  double reach = 0;  ///< From the node to where the road begins.
  bool crossing = false;
  bool gives_way = false;  ///< Its traffic waits for that of arms that do not.
};

/// Metres of an arm between a corner and the road's beginning, where a crossing lies.
inline constexpr double kCrossingZone = 5.2;
inline constexpr double kCrossingWidth = 3.2;
/// From the road's beginning to the crossing's middle.
inline constexpr double kCrossingBack = 2.8;

struct Node {
  Eigen::Vector2d p = Eigen::Vector2d::Zero();
  std::vector<Arm> arms;  ///< Counter-clockwise.
  double corner_radius = 7;
  Control control = Control::kNone;
  bool split_phases = false;  ///< Each arm has its own green.

  const Arm& Next(size_t arm) const { return arms[(arm + 1) % arms.size()]; }
  /// Angle from an arm to the next, (0, 2 pi).
  double Gap(size_t arm) const;
  /// From this angle on the side is taken as straight, without a corner.
  static constexpr double kStraightSide = 2.356;  // As a turn of less than 45 degrees.
};

/// Frame N of an arm: x away from the node, y left; a point of it in G.
Eigen::Vector2d OnArm(const Node& node, const Arm& arm, double x, double y);

/// The kerb's side of a sidewalk, for what stands there.
inline constexpr double kFurniture = 0.9;

/// One side of an edge. Distances are from the edge's curve outwards.
struct Side {
  const Edge& edge;  // Outlives the side.
  bool left;

  double sign() const { return left ? 1 : -1; }
  double Kerb() const { return edge.section.Half(); }
  double Park() const { return left ? edge.section.park_left : edge.section.park_right; }
  double Outer() const { return edge.section.Outer(left); }
  double Walk() const { return edge.section.Walk(left); }
  Quarter quarter() const { return left ? edge.quarter_left : edge.quarter_right; }
  Eigen::Vector2d Point(double s, double out) const { return edge.curve.Point(s, sign() * out); }
  /// Away from the road.
  Eigen::Vector2d Outwards(double s) const { return Point(s, 1) - Point(s, 0); }
  /// Between two distances, counter-clockwise.
  Polygon2 Strip(double from, double to, double near, double far) const;
};

struct Plan {
  double size = 0;  ///< The canvas' side.
  std::vector<Node> nodes;
  std::vector<Edge> edges;
};

Plan MakePlan(const TownOptions& options);

}  // namespace occvla::world
