#pragma once
#include <Eigen/Core>
#include <vector>

#include "occvla/world/town.h"
#include "occvla/world/town_lanes.h"
#include "occvla/world/town_plan.h"

/// The ground of a town's roads: carriageways, sidewalks, crossings, paint.
namespace occvla::world {

/// The corner of a node between an arm and the next one.
struct Corner {
  std::vector<Eigen::Vector2d> kerb;               ///< From the arm's road to the next arm's road.
  std::vector<Eigen::Vector2d> outer;              ///< The sidewalk's far side, likewise.
  Eigen::Vector2d walk = Eigen::Vector2d::Zero();  ///< Where the sidewalks' middles meet.
};
Corner CornerOf(const Node& node, size_t arm);

/// Index of the arm with which an edge begins (ends) among its node's arms.
size_t ArmOf(const Plan& plan, size_t edge, bool at_start);

/// By node and arm: the crossing there, or kNoIndex.
using ArmCrossings = std::vector<std::vector<int>>;

/// Segments, areas of roads and sidewalks, junction crossings, stop lines and paint. The terrain is
/// the first area.
ArmCrossings AddSurfaces(const Plan& plan, const RoadNet& net, Town& town);

}  // namespace occvla::world
