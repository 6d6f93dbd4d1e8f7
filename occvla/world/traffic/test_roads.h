#pragma once
#include <cmath>
#include <utility>
#include <vector>

#include "occvla/world/town.h"

/// Small towns by hand for tests.
namespace occvla::world::traffic {

/// A lane along points of a curve given by x, y, yaw at arc length s in [0, length].
template <typename Curve>
Lane LaneAlong(double length, const Curve& curve) {
  Lane lane;
  const int n = static_cast<int>(std::ceil(length / 0.5));
  for (int i = 0; i <= n; ++i) {
    const double s = length * i / n;
    lane.centreline.push_back(curve(s));
    lane.arc_lengths.push_back(s);
  }
  return lane;
}

inline Lane StraightLane(double x, double y, double yaw, double length) {
  return LaneAlong(length, [=](double s) {
    return std::array<double, 3>{x + s * std::cos(yaw), y + s * std::sin(yaw), yaw};
  });
}

/// A left bend of the radius from (x, y) at yaw 0.
inline Lane BentLane(double x, double y, double radius, double angle) {
  return LaneAlong(radius * angle, [=](double s) {
    const double yaw = s / radius;
    return std::array<double, 3>{x + radius * std::sin(yaw), y + radius * (1 - std::cos(yaw)), yaw};
  });
}

/// `count` parallel lanes along x, lane 0 the rightmost (y = 0), 3.5 m apart.
inline Town StraightRoad(int count, double length) {
  Town town;
  for (int i = 0; i < count; ++i) {
    Lane lane = StraightLane(0, 3.5 * i, 0, length);
    if (i > 0) lane.right = i - 1;
    if (i + 1 < count) lane.left = i + 1;
    town.lanes.push_back(std::move(lane));
  }
  return town;
}

/// Two one-lane roads that cross at the origin: lanes 0 (along x) and 1 (along y) of 80 m, the
/// connectors 2 and 3 of 20 m over the junction, lanes 4 and 5 of 80 m beyond. Neither has
/// priority.
inline Town CrossRoads(Control control) {
  constexpr double kRight = 1.5707963267948966;
  Town town;
  town.lanes = {StraightLane(-90, 0, 0, 80), StraightLane(0, -90, kRight, 80),
                StraightLane(-10, 0, 0, 20), StraightLane(0, -10, kRight, 20),
                StraightLane(10, 0, 0, 80),  StraightLane(0, 10, kRight, 80)};
  for (int i = 0; i < 2; ++i) {
    const auto at = [&](int k) -> Lane& { return town.lanes[static_cast<size_t>(k)]; };
    at(i).successors = {i + 2};
    at(i + 2).predecessors = {i};
    at(i + 2).successors = {i + 4};
    at(i + 4).predecessors = {i + 2};
    at(i + 2).connector = true;
    at(i + 2).junction = 0;
  }
  Junction junction;
  junction.control = control;
  junction.connectors = {2, 3};
  junction.conflicts = {{2, 3}, {3, 2}};
  if (control == Control::kLights) junction.phases = {{2}, {3}};
  town.junctions = {junction};
  if (control == Control::kStopSigns) {
    for (int i = 0; i < 2; ++i) {
      StopLine line;
      line.type = "STOP_SIGN";
      line.lanes = {i};
      line.junction = 0;
      const auto& end = town.lanes[static_cast<size_t>(i)].centreline.back();
      const double x = end[0], y = end[1];
      line.area.points = {
          {x - 1.5, y - 1.5}, {x + 1.5, y - 1.5}, {x + 1.5, y + 1.5}, {x - 1.5, y + 1.5}};
      town.lanes[static_cast<size_t>(i)].stop_line = i;
      town.stop_lines.push_back(line);
    }
  }
  return town;
}

/// A zebra crossing over all lanes of a straight road at x.
inline void AddCrossing(Town& town, double x) {
  const double top = 3.5 * static_cast<double>(town.lanes.size()) - 1.75;
  Crossing crossing;
  crossing.area.points = {{x - 1.6, -1.75}, {x + 1.6, -1.75}, {x + 1.6, top}, {x - 1.6, top}};
  crossing.from = {x, -3};
  crossing.to = {x, top + 1.25};
  for (size_t i = 0; i < town.lanes.size(); ++i) crossing.cuts.push_back({static_cast<int>(i), x});
  town.crossings.push_back(crossing);
  const int index = static_cast<int>(town.crossings.size()) - 1;
  for (const double y : {-3.0, top + 1.25})
    town.walks.push_back({{{0, y}, {town.lanes[0].length(), y}}, 2.4, {index}});
}

}  // namespace occvla::world::traffic
