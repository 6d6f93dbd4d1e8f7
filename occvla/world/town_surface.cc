#include "occvla/world/town_surface.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace occvla::world {

namespace {

using Eigen::Vector2d;

constexpr double kKerb = 0.12;        // Height of sidewalks and islands.
constexpr double kIslandNose = 1.5;   // From a road's end to its median's.
constexpr double kStopLineDepth = 2;  // Of a stop line's area.
constexpr double kPaint = 0.12;       // Width of a painted line.

/// Where the edges of two neighbouring arms meet: distances from the node along either.
std::array<double, 2> Meet(double left, double right, double gap) {
  return {(right + left * std::cos(gap)) / std::sin(gap),
          (left + right * std::cos(gap)) / std::sin(gap)};
}

void AddArea(Surface surface, Polygon2 outline, double raised, Town& town) {
  town.areas.push_back({surface, std::move(outline), raised});
}

Polygon2 JunctionOutline(const Node& node) {
  Polygon2 outline;
  for (size_t k = 0; k < node.arms.size(); ++k) {
    const Corner corner = CornerOf(node, k);
    outline.points.push_back(OnArm(node, node.arms[k], node.arms[k].reach, -node.arms[k].half));
    outline.points.insert(outline.points.end(), corner.kerb.begin(), corner.kerb.end() - 1);
  }
  return outline;
}

void AddRoadPaint(const Edge& edge, Town& town) {
  const Section& s = edge.section;
  const auto line = [&](double left, Marking::Colour colour, double dash, double gap) {
    town.markings.push_back({.line = Polyline(edge.curve, edge.from, edge.to, left),
                             .width = kPaint,
                             .dash = dash,
                             .gap = gap,
                             .colour = colour});
  };
  using enum Marking::Colour;
  for (const bool forward : {true, false}) {
    const int lanes = forward ? s.forward : s.backward;
    for (int i = 1; i < lanes; ++i)
      line((s.LaneOffset(forward, i - 1) + s.LaneOffset(forward, i)) / 2, kWhite, 3, 5);
  }
  const double side = s.Half() - 0.35;
  if (s.backward > 0) {
    const double middle = std::max(0.14, s.median / 2 - 0.1);
    line(middle, kYellow, 0, 0);
    line(-middle, kYellow, 0, 0);
    line(side, kWhite, 0, 0);
  } else {
    line(side, kYellow, 0, 0);
  }
  line(-side, kWhite, 0, 0);
}

void AddRoads(const Plan& plan, Town& town) {
  for (size_t e = 0; e < plan.edges.size(); ++e) {
    const Edge& edge = plan.edges[e];
    const Section& s = edge.section;
    AddArea(Surface::kSidewalk, Band(edge.curve, edge.from, edge.to, -s.Outer(false), -s.Half()),
            kKerb, town);
    AddArea(Surface::kSidewalk, Band(edge.curve, edge.from, edge.to, s.Half(), s.Outer(true)),
            kKerb, town);
    town.segments.push_back({.outline = Band(edge.curve, edge.from, edge.to, -s.Half(), s.Half())});
  }
  for (size_t n = 0; n < plan.nodes.size(); ++n) {
    const Node& node = plan.nodes[n];
    for (size_t k = 0; k < node.arms.size(); ++k) {
      const Corner corner = CornerOf(node, k);
      Polygon2 outline{corner.outer};
      outline.points.insert(outline.points.end(), corner.kerb.rbegin(), corner.kerb.rend());
      AddArea(Surface::kSidewalk, std::move(outline), kKerb, town);
    }
    town.segments.push_back(
        {.outline = JunctionOutline(node), .intersection = true, .junction = static_cast<int>(n)});
  }
  for (const Segment& segment : town.segments) AddArea(Surface::kRoad, segment.outline, 0, town);
  for (const Edge& edge : plan.edges) {
    if (edge.section.median > 0) {
      const double half = edge.section.median / 2 - 0.3;
      AddArea(Surface::kOtherFlat,
              Band(edge.curve, edge.from + kIslandNose, edge.to - kIslandNose, -half, half), kKerb,
              town);
    }
    AddRoadPaint(edge, town);
  }
}

void AddCuts(const Junction& junction, const Vector2d& a, const Vector2d& b, Town& town,
             Crossing& crossing) {
  const Vector2d along = b - a;
  for (const int c : junction.connectors) {
    const Lane& lane = town.lanes[static_cast<size_t>(c)];
    for (size_t i = 0; i + 1 < lane.centreline.size(); ++i) {
      const Vector2d p(lane.centreline[i][0], lane.centreline[i][1]);
      const Vector2d q(lane.centreline[i + 1][0], lane.centreline[i + 1][1]);
      const auto side = [&](const Vector2d& r) {
        return along.x() * (r.y() - a.y()) - along.y() * (r.x() - a.x());
      };
      const double sp = side(p), sq = side(q);
      if ((sp < 0) == (sq < 0)) continue;
      const double t = sp / (sp - sq);
      const double where = (p + t * (q - p) - a).dot(along) / along.squaredNorm();
      if (where < 0 || where > 1) continue;
      crossing.cuts.push_back(
          {c, lane.arc_lengths[i] + t * (lane.arc_lengths[i + 1] - lane.arc_lengths[i])});
    }
  }
}

int AddCrossing(const Plan& plan, size_t n, const Arm& arm, Town& town) {
  const Node& node = plan.nodes[n];
  const double middle = arm.reach - kCrossingBack;
  const double near = middle - kCrossingWidth / 2, far = middle + kCrossingWidth / 2;
  Crossing crossing;
  crossing.junction = static_cast<int>(n);
  crossing.segment = static_cast<int>(plan.edges.size() + n);
  crossing.area.points = {OnArm(node, arm, near, -arm.half), OnArm(node, arm, far, -arm.half),
                          OnArm(node, arm, far, arm.half), OnArm(node, arm, near, arm.half)};
  crossing.from = OnArm(node, arm, middle, arm.walk_left);
  crossing.to = OnArm(node, arm, middle, -arm.walk_right);
  AddCuts(town.junctions[n], crossing.from, crossing.to, town, crossing);
  town.crossings.push_back(crossing);
  return static_cast<int>(town.crossings.size()) - 1;
}

void AddStopLine(const Plan& plan, size_t n, const Arm& arm, const std::vector<int>& lanes,
                 int crossing, Town& town) {
  const Node& node = plan.nodes[n];
  const Section& section = plan.edges[static_cast<size_t>(arm.edge)].section;
  StopLine line;
  if (node.control == Control::kLights) {
    line.type = "TRAFFIC_LIGHT";
  } else if (arm.gives_way) {
    line.type = node.control == Control::kStopSigns ? "STOP_SIGN" : "YIELD";
  } else if (crossing != kNoIndex) {
    line.type = "PED_CROSSING";
  } else {
    return;
  }
  line.lanes = lanes;
  line.junction = static_cast<int>(n);
  line.crossing = crossing;
  double low = std::numeric_limits<double>::max(), high = -low;
  for (size_t i = 0; i < lanes.size(); ++i) {
    const double offset = section.LaneOffset(!arm.at_start, static_cast<int>(i));
    const double y = arm.at_start ? offset : -offset;
    low = std::min(low, y - section.lane_width / 2);
    high = std::max(high, y + section.lane_width / 2);
  }
  line.area.points = {
      OnArm(node, arm, arm.reach, low), OnArm(node, arm, arm.reach + kStopLineDepth, low),
      OnArm(node, arm, arm.reach + kStopLineDepth, high), OnArm(node, arm, arm.reach, high)};
  const bool teeth = line.type == "YIELD" || line.type == "PED_CROSSING";
  town.markings.push_back({.line = {OnArm(node, arm, arm.reach + 0.2, low + 0.1),
                                    OnArm(node, arm, arm.reach + 0.2, high - 0.1)},
                           .width = 0.4,
                           .dash = teeth ? 0.6 : 0.0,
                           .gap = teeth ? 0.4 : 0.0});
  for (const int lane : lanes)
    town.lanes[static_cast<size_t>(lane)].stop_line = static_cast<int>(town.stop_lines.size());
  town.stop_lines.push_back(line);
}

}  // namespace

Corner CornerOf(const Node& node, size_t arm_index) {
  const Arm& arm = node.arms[arm_index];
  const Arm& next = node.Next(arm_index);
  const double gap = node.Gap(arm_index);
  Corner corner;
  corner.kerb.push_back(OnArm(node, arm, arm.reach, arm.half));
  corner.outer.push_back(OnArm(node, arm, arm.reach, arm.outer_left));
  if (gap > Node::kStraightSide) {
    // The lanes beside it glide from arm to arm just so.
    const auto glide = [&](double left, double right) {
      const Vector2d from = OnArm(node, arm, arm.reach, left);
      const Vector2d to = OnArm(node, next, next.reach, -right);
      const auto curve = Gliding({from.x(), from.y(), WrapAngle(arm.yaw + std::numbers::pi)},
                                 {to.x(), to.y(), next.yaw}, 5);
      return curve ? Polyline(*curve, 0, curve->length(), 0) : std::vector<Vector2d>{from, to};
    };
    corner.kerb = glide(arm.half, next.half);
    corner.outer = glide(arm.outer_left, next.outer_right);
    corner.walk = (corner.kerb[corner.kerb.size() / 2] + corner.outer[corner.outer.size() / 2]) / 2;
    return corner;
  }
  // The kerb's arc turns right, as seen by who leaves the arm for the next one.
  const double tangent = node.corner_radius / std::tan(gap / 2);
  const auto kerb = Meet(arm.half, next.half, gap);
  const Vector2d start = OnArm(node, arm, kerb[0] + tangent, arm.half);
  const Curve arc({start.x(), start.y(), arm.yaw + std::numbers::pi},
                  {{-1 / node.corner_radius, node.corner_radius * (std::numbers::pi - gap)}});
  const int n = std::max(3, static_cast<int>(arc.length() / 0.8));
  for (int i = 0; i <= n; ++i) corner.kerb.push_back(arc.Point(arc.length() * i / n, 0));
  const Vector2d arc_middle = arc.Point(arc.length() / 2, 0);
  corner.kerb.push_back(OnArm(node, next, next.reach, -next.half));
  const auto outer = Meet(arm.outer_left, next.outer_right, gap);
  const double chamfer = 3;
  const Vector2d a = OnArm(node, arm, outer[0] + chamfer, arm.outer_left);
  const Vector2d b = OnArm(node, next, outer[1] + chamfer, -next.outer_right);
  for (const Vector2d& p : {a, b, OnArm(node, next, next.reach, -next.outer_right)})
    if ((p - corner.outer.back()).norm() > 1e-6) corner.outer.push_back(p);
  corner.walk = (arc_middle + (a + b) / 2) / 2;
  return corner;
}

size_t ArmOf(const Plan& plan, size_t edge, bool at_start) {
  const Edge& e = plan.edges[edge];
  const auto& arms = plan.nodes[static_cast<size_t>(at_start ? e.a : e.b)].arms;
  const auto found = std::find_if(arms.begin(), arms.end(), [&](const Arm& arm) {
    return arm.edge == static_cast<int>(edge) && arm.at_start == at_start;
  });
  return static_cast<size_t>(found - arms.begin());
}

ArmCrossings AddSurfaces(const Plan& plan, const RoadNet& net, Town& town) {
  ArmCrossings crossings(plan.nodes.size());
  const double size = plan.size;
  AddArea(Surface::kTerrain, {{{0, 0}, {size, 0}, {size, size}, {0, size}}}, 0, town);
  AddRoads(plan, town);
  for (size_t n = 0; n < plan.nodes.size(); ++n) {
    for (const Arm& arm : plan.nodes[n].arms) {
      const int crossing = arm.crossing ? AddCrossing(plan, n, arm, town) : kNoIndex;
      crossings[n].push_back(crossing);
      const auto& lanes = net.edges[static_cast<size_t>(arm.edge)].Into(arm);
      if (!lanes.empty()) AddStopLine(plan, n, arm, lanes, crossing, town);
    }
  }
  return crossings;
}

}  // namespace occvla::world
