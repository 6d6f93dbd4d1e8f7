#include "occvla/world/town_roadside.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "occvla/base/rng.h"

namespace occvla::world {

namespace {

using Eigen::Vector2d;

constexpr double kLeastForCrossing = 62;  // Length of a road that has a crossing in its middle.
constexpr double kSlotLength = 6.2, kTaper = 1.8;
constexpr double kFromJunction = 9;  // Where parking begins.

Marking Tick(const Vector2d& a, const Vector2d& b) { return {.line = {a, b}, .width = 0.1}; }

void AddSlots(const Side& side, double from, double to, Town& town) {
  const double kerb = side.Kerb(), wide = side.Park();
  const bool against = side.left && side.edge.section.backward > 0;
  const int n = static_cast<int>((to - from - 2 * kTaper) / kSlotLength);
  if (n < 1) return;
  const double slack = (to - from - 2 * kTaper - n * kSlotLength) / 2;
  for (int i = 0; i <= n; ++i) {
    const double s = from + kTaper + slack + i * kSlotLength;
    town.markings.push_back(Tick(side.Point(s, kerb + 0.1), side.Point(s, kerb + wide - 0.2)));
    if (i == n) break;
    const Vector2d p = side.Point(s + kSlotLength / 2, kerb + wide / 2);
    const double yaw = side.edge.curve.At(s + kSlotLength / 2)[2];
    town.slots.push_back({.x = p.x(),
                          .y = p.y(),
                          .yaw = against ? WrapAngle(yaw + std::numbers::pi) : yaw,
                          .roadside = true});
  }
}

/// A strip of parking places with slanting ends.
void AddStrip(const Side& side, double from, double to, Town& town) {
  const Curve& curve = side.edge.curve;
  const double near = side.sign() * side.Kerb(), far = side.sign() * (side.Kerb() + side.Park());
  auto points = Polyline(curve, from, to, near);
  const auto back = Polyline(curve, from + kTaper, to - kTaper, far);
  points.insert(points.end(), back.rbegin(), back.rend());
  if (!side.left) std::reverse(points.begin(), points.end());
  town.areas.push_back({Surface::kRoad, {std::move(points)}, 0});
  AddSlots(side, from, to, town);
}

void AddMiddleCrossing(const Plan& plan, const RoadNet& net, size_t e, double s, Town& town) {
  const Edge& edge = plan.edges[e];
  const Section& section = edge.section;
  const double from = s - kCrossingWidth / 2, to = s + kCrossingWidth / 2;
  Crossing crossing;
  crossing.segment = static_cast<int>(e);
  crossing.area = Band(edge.curve, from, to, -section.Half(), section.Half());
  crossing.from = edge.curve.Point(s, section.Walk(true));
  crossing.to = edge.curve.Point(s, -section.Walk(false));
  const int index = static_cast<int>(town.crossings.size());
  for (const bool forward : {true, false}) {
    const auto& lanes = forward ? net.edges[e].forward : net.edges[e].backward;
    if (lanes.empty()) continue;
    double low = 1e9, high = -1e9;
    for (size_t i = 0; i < lanes.size(); ++i) {
      const Lane& lane = town.lanes[static_cast<size_t>(lanes[i])];
      const double offset = section.LaneOffset(forward, static_cast<int>(i));
      low = std::min(low, offset - section.lane_width / 2);
      high = std::max(high, offset + section.lane_width / 2);
      const double along = forward ? edge.curve.Between(edge.from, s).Offset(offset).length()
                                   : edge.curve.Between(s, edge.to).Offset(offset).length();
      crossing.cuts.push_back({lanes[i], std::min(along, lane.length())});
    }
    StopLine line;
    line.type = "PED_CROSSING";
    line.lanes = lanes;
    line.crossing = index;
    const double near = forward ? from - 1 : to + 1, far = near + (forward ? -1.5 : 1.5);
    line.area = Band(edge.curve, std::min(near, far), std::max(near, far), low, high);
    town.markings.push_back(
        {.line = {edge.curve.Point(near, low + 0.1), edge.curve.Point(near, high - 0.1)},
         .width = 0.4,
         .dash = 0.6,
         .gap = 0.4});
    town.stop_lines.push_back(std::move(line));
  }
  town.crossings.push_back(std::move(crossing));
}

}  // namespace

std::vector<MiddleCrossing> AddMiddleCrossings(const Plan& plan, const RoadNet& net, Town& town,
                                               std::vector<NoParking>& no_parking) {
  std::vector<MiddleCrossing> crossings;
  for (size_t e = 0; e < plan.edges.size(); ++e) {
    const Edge& edge = plan.edges[e];
    Rng rng(town.seed, "town crossings " + town.location, 0, e);
    const double length = edge.to - edge.from;
    crossings.emplace_back();
    // Nobody steps over a raised strip.
    if (length < kLeastForCrossing || edge.section.median > 0 || rng.Uniform() > 0.35) continue;
    const double s = edge.from + length * (0.4 + 0.2 * rng.Uniform());
    crossings.back() = {static_cast<int>(town.crossings.size()), s};
    AddMiddleCrossing(plan, net, e, s, town);
    for (const bool left : {true, false}) no_parking.push_back({e, left, s - 7, s + 7});
  }
  return crossings;
}

void AddParkingStrips(const Plan& plan, const std::vector<NoParking>& no_parking, Town& town) {
  for (size_t e = 0; e < plan.edges.size(); ++e) {
    const Edge& edge = plan.edges[e];
    for (const bool left : {true, false}) {
      const Side side{edge, left};
      if (side.Park() <= 0) continue;
      std::vector<std::array<double, 2>> gaps;
      for (const NoParking& gap : no_parking)
        if (gap.edge == e && gap.left == left) gaps.push_back({gap.from, gap.to});
      gaps.push_back({edge.to - kFromJunction, edge.to});
      std::sort(gaps.begin(), gaps.end());
      double from = edge.from + kFromJunction;
      for (const auto& gap : gaps) {
        if (gap[0] - from > kSlotLength + 2 * kTaper) AddStrip(side, from, gap[0], town);
        from = std::max(from, gap[1]);
      }
    }
  }
}

void AddWalks(const Plan& plan, const ArmCrossings& at_arms,
              const std::vector<MiddleCrossing>& in_middle, Town& town) {
  for (size_t e = 0; e < plan.edges.size(); ++e) {
    const Edge& edge = plan.edges[e];
    const auto &a = plan.nodes[static_cast<size_t>(edge.a)],
               &b = plan.nodes[static_cast<size_t>(edge.b)];
    const size_t arm_a = ArmOf(plan, e, true), arm_b = ArmOf(plan, e, false);
    const auto before = [](const Node& node, size_t arm) {
      return (arm + node.arms.size() - 1) % node.arms.size();
    };
    for (const bool left : {true, false}) {
      const Side side{edge, left};
      Walk walk;
      walk.width = edge.section.WalkWidth();
      walk.road_on_left = !left;
      const auto add = [&](double s) { walk.path.push_back(side.Point(s, side.Walk())); };
      const auto meet = [&](int crossing, double s) {
        if (crossing == kNoIndex) return;
        walk.crossings.push_back(crossing);
        add(s);
      };
      walk.path.push_back(CornerOf(a, left ? arm_a : before(a, arm_a)).walk);
      meet(at_arms[static_cast<size_t>(edge.a)][arm_a], edge.from - kCrossingBack);
      const MiddleCrossing& middle = in_middle[e];
      bool crossed = middle.crossing == kNoIndex;
      for (const double s : edge.curve.Stations(edge.from, edge.to)) {
        if (!crossed && s > middle.s) {
          meet(middle.crossing, middle.s);
          crossed = true;
        }
        add(s);
      }
      meet(at_arms[static_cast<size_t>(edge.b)][arm_b], edge.to + kCrossingBack);
      walk.path.push_back(CornerOf(b, left ? before(b, arm_b) : arm_b).walk);
      town.walks.push_back(std::move(walk));
    }
  }
}

}  // namespace occvla::world
