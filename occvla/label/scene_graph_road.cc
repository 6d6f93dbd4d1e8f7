#include "occvla/label/scene_graph_road.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>

#include "occvla/base/error.h"
#include "occvla/data/nuscenes/map.h"
#include "occvla/geom/polygon.h"

namespace occvla::label {
namespace {

using data::nuscenes::Layer;
using data::nuscenes::Map;
using Eigen::Vector2d;

constexpr double kDegree = std::numbers::pi / 180;
constexpr double kLaneReach = 3.5;  // Farther from a centreline the car is on no lane.

double Wrapped(double angle) { return std::remainder(angle, 2 * std::numbers::pi); }

// The flat part of a pose.
struct Flat {
  Vector2d p_G;
  double yaw;
  explicit Flat(const geom::Pose& X_GE)
      : p_G(X_GE.translation().head<2>()),
        yaw(std::atan2(X_GE.linear()(1, 0), X_GE.linear()(0, 0))) {}
  Vector2d ToE(const Vector2d& q_G) const {
    const Vector2d d = q_G - p_G;
    return {std::cos(yaw) * d.x() + std::sin(yaw) * d.y(),
            -std::sin(yaw) * d.x() + std::cos(yaw) * d.y()};
  }
};

std::vector<Vector2d> FuturePositions_G(const data::Frame& frame) {
  std::vector<Vector2d> positions_G;
  for (const auto& moment : frame.future)
    if (moment) positions_G.push_back(moment->X_GE.translation().head<2>());
  return positions_G;
}

struct OnLane {
  uint32_t element = 0;
  size_t point = 0;  // Of its centreline, the nearest.
  double cost = 0;
};

// The nearest point of an element's centreline; nothing where it is too far or points elsewhere.
std::optional<OnLane> Match(const Map& map, uint32_t element, const Flat& ego) {
  const auto& line = map.Centreline(element);
  double best = kLaneReach;
  std::optional<OnLane> match;
  for (size_t i = 0; i < line.size(); ++i) {
    const double distance = (Vector2d(line[i][0], line[i][1]) - ego.p_G).norm();
    if (distance >= best) continue;
    const double turned = std::abs(Wrapped(line[i][2] - ego.yaw));
    if (turned > 60 * kDegree) continue;
    best = distance;
    match = OnLane{element, i, distance + 2 * turned / (30 * kDegree)};
  }
  return match;
}

// How badly an element fits where the car goes: the mean distance of the positions to its
// centreline, and a little for turning, which decides where nothing is known.
double Misfit(const Map& map, uint32_t element, const std::vector<Vector2d>& future_G) {
  const auto& line = map.Centreline(element);
  if (line.empty()) return 1e9;
  double sum = 0.01 * std::abs(Wrapped(line.back()[2] - line.front()[2]));
  for (const Vector2d& p_G : future_G) {
    double nearest = 1e9;
    for (const auto& [x, y, yaw] : line) nearest = std::min(nearest, (Vector2d(x, y) - p_G).norm());
    sum += nearest / static_cast<double>(future_G.size());
  }
  return sum;
}

std::optional<OnLane> StartOf(const Map& map, const Flat& ego,
                              const std::vector<Vector2d>& future_G) {
  std::optional<OnLane> best;
  double least = 1e9;
  const auto lanes = static_cast<uint32_t>(map.records().lanes.size());
  for (const Layer layer : {Layer::kLane, Layer::kLaneConnector}) {
    for (const uint32_t row : map.Near(layer, ego.p_G, kLaneReach + 1)) {
      const uint32_t element = layer == Layer::kLane ? row : lanes + row;
      auto match = Match(map, element, ego);
      if (!match) continue;
      // Connectors of one junction lie over each other: the future tells which.
      const double cost = match->cost + 0.3 * std::min(Misfit(map, element, future_G), 10.0);
      if (cost >= least) continue;
      least = cost;
      best = match;
    }
  }
  return best;
}

void StraightRoute(const Flat& ego, const std::vector<Vector2d>& future_G, Road& road) {
  road.route_E = {Vector2d::Zero()};
  for (const Vector2d& p_G : future_G) {
    const Vector2d p_E = ego.ToE(p_G);
    if ((p_E - road.route_E.back()).norm() > 0.5) road.route_E.push_back(p_E);
  }
  const size_t count = road.route_E.size();
  const Vector2d end = road.route_E.back();
  Vector2d ahead(1, 0);
  if (count > 1) ahead = (end - road.route_E[count - 2]).normalized();
  for (double s = 0.5; s + end.norm() < kRouteLength; s += 0.5)
    road.route_E.push_back(end + s * ahead);
}

// Follows the lanes from the start on; notes the first connector that bends.
void LaneRoute(const Map& map, const Flat& ego, const OnLane& start,
               const std::vector<Vector2d>& future_G, Road& road) {
  const auto lanes = static_cast<uint32_t>(map.records().lanes.size());
  uint32_t element = start.element;
  size_t first = start.point;
  double length = 0;
  std::set<uint32_t> seen;
  while (length < kRouteLength && seen.insert(element).second) {
    const auto& line = map.Centreline(element);
    if (element >= lanes && road.bend == Bend::kStraight && !line.empty()) {
      const double turned = Wrapped(line.back()[2] - line.front()[2]);
      if (std::abs(turned) >= 30 * kDegree && length < 30)
        road.bend = turned > 0 ? Bend::kLeft : Bend::kRight;
    }
    for (size_t i = first; i < line.size() && length < kRouteLength; ++i) {
      const Vector2d p_E = ego.ToE({line[i][0], line[i][1]});
      if (!road.route_E.empty()) {
        const double step = (p_E - road.route_E.back()).norm();
        if (step < 1e-3) continue;  // Joints occur twice.
        length += step;
      }
      road.route_E.push_back(p_E);
    }
    first = 0;
    double least = 1e9;
    uint32_t next = element;
    for (const uint32_t candidate : map.records().outgoing[element]) {
      const double misfit = Misfit(map, candidate, future_G);
      if (misfit < least) {
        least = misfit;
        next = candidate;
      }
    }
    element = next;  // Seen already where there is none: the route ends.
  }
}

// The first place of the route that a record of the layer holds, from `from` metres on.
struct Meeting {
  double along = 0;
  uint32_t row = 0;
};
std::vector<Meeting> Meetings(const Map& map, Layer layer, const Flat& ego, const Road& road,
                              const auto& wanted) {
  std::vector<Meeting> meetings;
  for (const uint32_t row : map.Near(layer, ego.p_G, kRouteLength)) {
    if (!wanted(row)) continue;
    const auto polygons = map.Polygons(layer, row);
    double along = 0;
    for (size_t i = 0; i < road.route_E.size(); ++i) {
      if (i > 0) along += (road.route_E[i] - road.route_E[i - 1]).norm();
      const Vector2d& p_E = road.route_E[i];
      const Vector2d p_G =
          ego.p_G + Vector2d(std::cos(ego.yaw) * p_E.x() - std::sin(ego.yaw) * p_E.y(),
                             std::sin(ego.yaw) * p_E.x() + std::cos(ego.yaw) * p_E.y());
      const bool holds = std::any_of(polygons.begin(), polygons.end(), [&](const auto& polygon) {
        return geom::Contains(polygon.exterior, polygon.holes, p_G);
      });
      if (!holds) continue;
      meetings.push_back({along, row});
      break;
    }
  }
  std::sort(meetings.begin(), meetings.end(),
            [](const Meeting& a, const Meeting& b) { return a.along < b.along; });
  return meetings;
}

std::optional<StopKind> KindOf(const std::string& type) {
  if (type == "TRAFFIC_LIGHT") return StopKind::kTrafficLight;
  if (type == "STOP_SIGN") return StopKind::kStopSign;
  if (type == "YIELD") return StopKind::kYield;
  if (type == "PED_CROSSING") return StopKind::kPedestrianCrossing;
  if (type == "TURN_STOP") return StopKind::kTurn;
  return std::nullopt;
}

void FindMarks(const Map& map, const Flat& ego, Road& road) {
  const auto any = [](uint32_t) { return true; };
  const auto& records = map.records();
  for (const Meeting& meeting : Meetings(map, Layer::kStopLine, ego, road, any)) {
    const auto kind = KindOf(records.stop_lines[meeting.row].type);
    // A line is a metre or two deep: below 1 m of the origin it is behind the front wheels.
    if (!kind || meeting.along < 1) continue;
    road.stop = StopAhead{*kind, meeting.along};
    break;
  }
  const auto crossings = Meetings(map, Layer::kPedCrossing, ego, road, any);
  if (!crossings.empty()) road.crossing = crossings.front().along;
  const auto junctions = Meetings(map, Layer::kRoadSegment, ego, road, [&](uint32_t row) {
    return records.road_segments[row].is_intersection;
  });
  if (!junctions.empty()) road.junction = junctions.front().along;
}

// Lanes beside the car's: their centreline passes at a whole number of widths, in its direction.
void CountLanes(const Map& map, const Flat& ego, double own_across, Road& road) {
  std::vector<double> left, right;
  for (const uint32_t row : map.Near(Layer::kLane, ego.p_G, 12)) {
    const auto& line = map.Centreline(row);
    for (const auto& [x, y, yaw] : line) {
      const Vector2d p_E = ego.ToE({x, y});
      if (std::abs(p_E.x()) > 0.3 || std::abs(Wrapped(yaw - ego.yaw)) > 30 * kDegree) continue;
      const double gap = p_E.y() - own_across;
      if (std::abs(gap) < 2 || std::abs(gap) > 11) break;
      (gap > 0 ? left : right).push_back(std::abs(gap));
      break;
    }
  }
  const auto count = [](std::vector<double>& gaps) {
    std::sort(gaps.begin(), gaps.end());
    int lanes = 0;
    double last = 0;
    for (const double gap : gaps) {
      if (gap - last < 2) continue;  // The same lane in two pieces.
      if (gap - last > 5.5) break;   // A median between: another road.
      last = gap;
      ++lanes;
    }
    return lanes;
  };
  road.lanes_left = count(left);
  road.lanes_right = count(right);
}

}  // namespace

Road RoadOf(const data::Frame& frame) {
  Road road;
  const Flat ego(frame.now->X_GE);
  const std::vector<Vector2d> future_G = FuturePositions_G(frame);
  const auto start = frame.map ? StartOf(*frame.map, ego, future_G) : std::nullopt;
  if (!start) {
    StraightRoute(ego, future_G, road);
    return road;
  }
  road.known = true;
  LaneRoute(*frame.map, ego, *start, future_G, road);
  FindMarks(*frame.map, ego, road);
  const auto& [x, y, yaw] = frame.map->Centreline(start->element)[start->point];
  CountLanes(*frame.map, ego, ego.ToE({x, y}).y(), road);
  return road;
}

Place PlaceOn(const std::vector<Vector2d>& route_E, const Vector2d& p_E) {
  Place place;
  if (route_E.size() < 2) return {p_E.x(), p_E.y()};
  double best = 1e18, along = 0;
  for (size_t i = 0; i + 1 < route_E.size(); ++i) {
    const Vector2d edge = route_E[i + 1] - route_E[i];
    const double length = edge.norm();
    const Vector2d ahead = edge / length;
    const Vector2d d = p_E - route_E[i];
    // Beyond its ends the route goes on straight.
    const double low = i == 0 ? -1e9 : 0, high = i + 2 == route_E.size() ? 1e9 : length;
    const double s = std::clamp(d.dot(ahead), low, high);
    const double distance = (d - s * ahead).norm();
    if (distance < best) {
      best = distance;
      place = {along + s, ahead.x() * d.y() - ahead.y() * d.x()};
    }
    along += length;
  }
  return place;
}

}  // namespace occvla::label
