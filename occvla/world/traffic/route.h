#pragma once
#include <optional>
#include <vector>

#include "occvla/base/rng.h"
#include "occvla/data/meta_action.h"
#include "occvla/world/traffic/roads.h"

/// Where the ego car is to go.
namespace occvla::world::traffic {

/// Lanes from `start`, from `s` metres on it, over at least `length` metres where the roads allow:
/// each follows the one before or is its neighbour. Turns and lane changes are those of `wish`
/// where there is a choice.
std::vector<int> PlanRoute(const Roads& roads, int start, double s, double length,
                           std::optional<data::Direction> wish, Rng& rng);

/// How well a route serves the wish: its first manoeuvre of that kind soon, and more of them.
double ScoreOf(const Roads& roads, const std::vector<int>& route, double s,
               std::optional<data::Direction> wish);

/// Points about every `step` metres along the lanes of a route.
std::vector<Eigen::Vector2d> PointsAlong(const Roads& roads, const std::vector<int>& route,
                                         double s, double step);

}  // namespace occvla::world::traffic
