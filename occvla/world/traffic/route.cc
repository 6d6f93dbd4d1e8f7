#include "occvla/world/traffic/route.h"

#include <algorithm>

namespace occvla::world::traffic {

namespace {

using data::Direction;

constexpr double kChangeRoom = 42;  // Metres of lane that one lane change wants.

bool IsNeighbour(const Lane& lane, int other) {
  return other != kNoIndex && (lane.left == other || lane.right == other);
}

// Lane changes for their own sake on a lane: the wished side, first the other where there is none.
void AddChanges(const Roads& roads, std::vector<int>& route, double room, bool left) {
  while (room > kChangeRoom) {
    const Lane& lane = roads.lane(route.back());
    const int wished = left ? lane.left : lane.right, other = left ? lane.right : lane.left;
    if (wished != kNoIndex) {
      route.push_back(wished);
    } else if (other != kNoIndex && room > 2 * kChangeRoom) {
      route.push_back(other);
    } else {
      return;
    }
    room -= kChangeRoom;
  }
}

struct Option {
  std::vector<int> lanes;  // Neighbours to change to, then the connector.
  double score = 0;
};

std::vector<Option> OptionsFrom(const Roads& roads, int lane, double room,
                                std::optional<Direction> wish, Rng& rng) {
  std::vector<Option> options;
  const auto add = [&](const std::vector<int>& changes, int at) {
    for (const int next : roads.lane(at).successors) {
      Option option{changes, 3 * rng.Uniform() - 2.5 * static_cast<double>(changes.size())};
      option.lanes.push_back(next);
      const Turn turn = roads.lane(next).turn;
      if ((wish == Direction::kTurnLeft && turn == Turn::kLeft) ||
          (wish == Direction::kTurnRight && turn == Turn::kRight))
        option.score += 10;
      if (wish == Direction::kGoStraight && turn == Turn::kStraight) option.score += 4;
      if (roads.lane(next).successors.empty()) {
        option.score -= 20;
      } else if (wish == Direction::kChangeLaneLeft || wish == Direction::kChangeLaneRight) {
        const Lane& exit = roads.lane(roads.lane(next).successors.front());
        if (exit.left != kNoIndex || exit.right != kNoIndex) option.score += 6;
        if (turn == Turn::kStraight) option.score += 2;
      }
      options.push_back(std::move(option));
    }
  };
  add({}, lane);
  for (const bool left : {true, false}) {
    std::vector<int> changes;
    int at = lane;
    while (room > kChangeRoom * static_cast<double>(changes.size() + 1)) {
      at = left ? roads.lane(at).left : roads.lane(at).right;
      if (at == kNoIndex) break;
      changes.push_back(at);
      add(changes, at);
    }
  }
  return options;
}

}  // namespace

std::vector<int> PlanRoute(const Roads& roads, int start, double s, double length,
                           std::optional<Direction> wish, Rng& rng) {
  std::vector<int> route{start};
  double covered = -s;
  while (covered < length) {
    const Lane& lane = roads.lane(route.back());
    double room = lane.length() - (route.size() == 1 ? s : 0.0);
    if (!lane.connector &&
        (wish == Direction::kChangeLaneLeft || wish == Direction::kChangeLaneRight)) {
      const size_t before = route.size();
      AddChanges(roads, route, room, wish == Direction::kChangeLaneLeft);
      room -= kChangeRoom * static_cast<double>(route.size() - before);
    }
    covered += lane.length();
    const auto options = OptionsFrom(roads, route.back(), room, wish, rng);
    const auto best =
        std::max_element(options.begin(), options.end(),
                         [](const Option& a, const Option& b) { return a.score < b.score; });
    if (best == options.end()) break;
    route.insert(route.end(), best->lanes.begin(), best->lanes.end());
  }
  return route;
}

double ScoreOf(const Roads& roads, const std::vector<int>& route, double s,
               std::optional<Direction> wish) {
  if (!wish) return 0;
  double score = 0, covered = -s;
  for (size_t k = 0; k < route.size(); ++k) {
    const Lane& lane = roads.lane(route[k]);
    const double worth = covered > 220 ? 0 : 1;
    const bool neighbour = k > 0 && IsNeighbour(roads.lane(route[k - 1]), route[k]);
    if (neighbour) {
      const bool left = roads.lane(route[k - 1]).left == route[k];
      if (wish == (left ? Direction::kChangeLaneLeft : Direction::kChangeLaneRight)) score += worth;
    } else if (k > 0) {
      covered += roads.lane(route[k - 1]).length();
    }
    if ((wish == Direction::kTurnLeft && lane.turn == Turn::kLeft) ||
        (wish == Direction::kTurnRight && lane.turn == Turn::kRight))
      score += worth;
    if (wish == Direction::kStop && lane.connector &&
        roads.town().junctions[static_cast<size_t>(lane.junction)].control == Control::kLights)
      score += worth;
  }
  return score;
}

std::vector<Eigen::Vector2d> PointsAlong(const Roads& roads, const std::vector<int>& route,
                                         double s, double step) {
  std::vector<Eigen::Vector2d> points;
  for (size_t k = 0; k < route.size(); ++k) {
    if (k + 1 < route.size() && IsNeighbour(roads.lane(route[k]), route[k + 1])) continue;
    for (double at = k == 0 ? s : 0; at < roads.lane(route[k]).length(); at += step)
      points.push_back(roads.Point(route[k], at, 0));
  }
  return points;
}

}  // namespace occvla::world::traffic
