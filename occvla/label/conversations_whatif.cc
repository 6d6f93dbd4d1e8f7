#include "occvla/label/conversations_whatif.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "occvla/data/nuscenes/map.h"
#include "occvla/geom/polygon.h"

namespace occvla::label {
namespace {

using data::nuscenes::Layer;
using data::nuscenes::PlanningAgent;
using data::nuscenes::PlanningTruth;
using Eigen::Vector2d;
using Ring = std::array<Vector2d, 4>;

constexpr double kSmaller = 0.3, kLarger = 0.4;
constexpr int kTrialsAStep = 5, kTrials = 30;

Ring Rectangle(const Vector2d& centre, double yaw, double length, double width) {
  const Vector2d ahead(std::cos(yaw), std::sin(yaw)), left(-ahead.y(), ahead.x());
  const Vector2d a = ahead * (length / 2), l = left * (width / 2);
  return {centre + a + l, centre + a - l, centre - a - l, centre - a + l};
}

struct State {
  Vector2d p_E = Vector2d::Zero();
  double yaw_E = 0;
};

// The car at every tenth of a second, from 0.1 s on. It faces where it drives.
std::array<State, kTrials> Drive(const data::PlannedPath& path_E) {
  std::array<State, kTrials> states;
  Vector2d from(0, 0);
  double yaw = 0;
  for (size_t step = 0; step < path_E.size(); ++step) {
    const Vector2d to(path_E[step][0], path_E[step][1]);
    const Vector2d way = to - from;
    if (way.norm() > 0.3) yaw = std::atan2(way.y(), way.x());
    for (int i = 1; i <= kTrialsAStep; ++i) {
      states[step * kTrialsAStep + static_cast<size_t>(i) - 1] = {
          from + way * (static_cast<double>(i) / kTrialsAStep), yaw};
    }
    from = to;
  }
  return states;
}

Ring CarAt(const State& state, double margin) {
  const Vector2d ahead(std::cos(state.yaw_E), std::sin(state.yaw_E));
  return Rectangle(state.p_E + kCarCentre * ahead, state.yaw_E, kCarLength + 2 * margin,
                   kCarWidth + 2 * margin);
}

const PlanningAgent* Find(const std::vector<PlanningAgent>& agents, const std::string& id) {
  for (const PlanningAgent& agent : agents)
    if (agent.id == id) return &agent;
  return nullptr;
}

Ring BoxBetween(const PlanningAgent& a, const PlanningAgent& b, double share) {
  const double turned = std::remainder(b.yaw_E - a.yaw_E, 2 * M_PI);
  return Rectangle({a.x_E + share * (b.x_E - a.x_E), a.y_E + share * (b.y_E - a.y_E)},
                   a.yaw_E + share * turned, a.length, a.width);
}

// Boxes of one moment. Something that only one of the two keyframes around it knows stands where
// that one saw it.
void ForBoxes(const PlanningTruth& truth, int trial, const auto& visit) {
  const auto step = static_cast<size_t>((trial - 1) / kTrialsAStep);
  const double share =
      static_cast<double>(trial - static_cast<int>(step) * kTrialsAStep) / kTrialsAStep;
  const auto& before = step == 0 ? truth.agents_now : truth.agents[step - 1];
  const auto& after = truth.agents[step];
  for (const PlanningAgent& agent : before) {
    const PlanningAgent* next = Find(after, agent.id);
    visit(agent, BoxBetween(agent, next ? *next : agent, share));
  }
  for (const PlanningAgent& agent : after)
    if (!Find(before, agent.id)) visit(agent, BoxBetween(agent, agent, 0));
}

void FindHits(const PlanningTruth& truth, const std::array<State, kTrials>& states,
              Outcome& outcome) {
  bool brushed = false;
  for (int trial = 1; trial <= kTrials && !outcome.hit; ++trial) {
    if (!truth.valid[static_cast<size_t>((trial - 1) / kTrialsAStep)]) break;
    const State& state = states[static_cast<size_t>(trial) - 1];
    const Ring small = CarAt(state, -kSmaller), large = CarAt(state, kLarger);
    ForBoxes(truth, trial, [&](const PlanningAgent& agent, const Ring& box) {
      if (outcome.hit || !geom::Overlap(large, box)) return;
      if (!geom::Overlap(small, box)) {
        brushed = true;
        return;
      }
      const PlanningAgent* now = Find(truth.agents_now, agent.id);
      const PlanningAgent& seen = now ? *now : agent;
      outcome.hit = Hit{kTrialStep * trial, agent.category, {seen.x_E, seen.y_E}};
      // Something that is not there yet cannot be pointed at.
      if (!now) outcome.clear = false;
    });
  }
  if (!outcome.hit && brushed) outcome.clear = false;
}

bool Holds(const std::vector<data::nuscenes::MapPolygon>& polygons, const Vector2d& p_G) {
  return std::any_of(polygons.begin(), polygons.end(), [&](const auto& polygon) {
    return geom::Contains(polygon.exterior, polygon.holes, p_G);
  });
}

// The map within a path's reach.
struct Ground {
  struct Area {
    geom::Bounds2 bounds;
    data::nuscenes::MapPolygon polygon;
  };
  struct Line {
    StopKind kind;
    std::vector<data::nuscenes::MapPolygon> polygons;
  };
  geom::Pose X_GE;
  std::vector<Area> areas;
  std::vector<Line> lines;

  explicit Ground(const data::Frame& frame) : X_GE(frame.now->X_GE) {
    if (!frame.map) return;
    const Vector2d here_G = X_GE.translation().head<2>();
    for (const uint32_t row : frame.map->Near(Layer::kDrivableArea, here_G, 80)) {
      for (auto& polygon : frame.map->Polygons(Layer::kDrivableArea, row))
        areas.push_back({geom::BoundsOf(polygon.exterior), std::move(polygon)});
    }
    for (const uint32_t row : frame.map->Near(Layer::kStopLine, here_G, 80)) {
      const std::string& type = frame.map->records().stop_lines[row].type;
      if (type != "TRAFFIC_LIGHT" && type != "STOP_SIGN") continue;
      lines.push_back({type == "STOP_SIGN" ? StopKind::kStopSign : StopKind::kTrafficLight,
                       frame.map->Polygons(Layer::kStopLine, row)});
    }
  }
  Vector2d ToG(const Vector2d& p_E) const {
    return (X_GE * Eigen::Vector3d(p_E.x(), p_E.y(), 0)).head<2>();
  }
  bool IsDrivable(const Vector2d& p_E) const {
    const Vector2d p_G = ToG(p_E);
    return std::any_of(areas.begin(), areas.end(), [&](const Area& area) {
      return area.bounds.Contains(p_G) &&
             geom::Contains(area.polygon.exterior, area.polygon.holes, p_G);
    });
  }
  // All along the sides, for a traffic island may lie between the corners.
  bool IsDrivable(const Ring& ring) const {
    constexpr int kPieces = 8;
    for (size_t corner = 0; corner < ring.size(); ++corner) {
      const Vector2d side = ring[(corner + 1) % ring.size()] - ring[corner];
      for (int i = 0; i < kPieces; ++i)
        if (!IsDrivable(Vector2d(ring[corner] + side * i / kPieces))) return false;
    }
    return true;
  }
};

// Off the road: the smaller car's outline is not all on it. On it: the larger one's is.
void FindEdges(const Ground& ground, const std::array<State, kTrials>& states, Outcome& outcome) {
  outcome.road_known = !ground.areas.empty() && ground.IsDrivable(CarAt({}, kLarger));
  if (!outcome.road_known) return;
  for (int trial = 1; trial <= kTrials; ++trial) {
    const State& state = states[static_cast<size_t>(trial) - 1];
    if (ground.IsDrivable(CarAt(state, kLarger))) continue;
    if (!ground.IsDrivable(CarAt(state, -kLarger))) {
      outcome.off_road = kTrialStep * trial;
      return;
    }
    outcome.road_known = false;  // On the edge: nothing is said of it, unless it goes on over it.
  }
}

void FindStopLine(const Ground& ground, const std::array<State, kTrials>& states,
                  Outcome& outcome) {
  const auto front_G = [&](const State& state) {
    const Vector2d ahead(std::cos(state.yaw_E), std::sin(state.yaw_E));
    return ground.ToG(state.p_E + kFrontReach * ahead);
  };
  for (const Ground::Line& line : ground.lines) {
    if (Holds(line.polygons, front_G({}))) continue;  // The car stands on it already.
    for (int trial = 1; trial <= kTrials; ++trial) {
      if (!Holds(line.polygons, front_G(states[static_cast<size_t>(trial) - 1]))) continue;
      const double seconds = kTrialStep * trial;
      if (!outcome.stop_line || seconds < outcome.stop_line->second)
        outcome.stop_line = {line.kind, seconds};
      break;
    }
  }
}

// Speed changes by `acceleration` down to 0; the heading by `turn` radians over three seconds, or
// the car moves `aside` metres to the left.
data::PlannedPath Simulate(double speed, double acceleration, double turn, double aside) {
  data::PlannedPath path_E{};
  double x = 0, y = 0, v = speed;
  constexpr double kStep = 0.02;
  for (int i = 1; i <= 150; ++i) {
    const double t = kStep * i;
    const double yaw = turn * t / 3;
    v = std::max(0.0, v + acceleration * kStep);
    x += v * kStep * std::cos(yaw);
    y += v * kStep * std::sin(yaw);
    if (i % 25 != 0) continue;
    const double share = t / 3;
    const double smooth = share * share * (3 - 2 * share);
    path_E[static_cast<size_t>(i / 25) - 1] = {x, y + aside * smooth};
  }
  return path_E;
}

}  // namespace

struct PathTrial::Impl {
  const PlanningTruth& truth;  // Not owned.
  Ground ground;
};

PathTrial::PathTrial(const data::Frame& frame, const PlanningTruth& truth)
    : impl_(new Impl{truth, Ground(frame)}) {}
PathTrial::~PathTrial() = default;

Outcome PathTrial::Try(const data::PlannedPath& path_E) const {
  Outcome outcome;
  const auto states = Drive(path_E);
  FindHits(impl_->truth, states, outcome);
  FindEdges(impl_->ground, states, outcome);
  FindStopLine(impl_->ground, states, outcome);
  return outcome;
}

std::vector<Manoeuvre> ManoeuvresAt(double speed, const PlanningTruth& truth) {
  std::vector<Manoeuvre> all;
  if (std::all_of(truth.valid.begin(), truth.valid.end(), [](bool valid) { return valid; }))
    all.push_back({"followed this path", truth.positions_E});
  const double go = std::max(speed, 2.0);  // From rest, a turn needs some speed.
  all.push_back({"went straight ahead at its speed", Simulate(speed, 0, 0, 0)});
  all.push_back({"went straight ahead and sped up hard", Simulate(speed, 3, 0, 0)});
  all.push_back({"braked hard", Simulate(speed, -6, 0, 0)});
  all.push_back({"turned to the left", Simulate(go, 0, 1.2, 0)});
  all.push_back({"turned to the right", Simulate(go, 0, -1.2, 0)});
  if (speed > 3) {
    all.push_back({"moved one lane to the left", Simulate(speed, 0, 0, 3.5)});
    all.push_back({"moved one lane to the right", Simulate(speed, 0, 0, -3.5)});
  }
  return all;
}

}  // namespace occvla::label
