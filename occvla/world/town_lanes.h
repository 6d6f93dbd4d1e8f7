#pragma once
#include <vector>

#include "occvla/world/town.h"
#include "occvla/world/town_plan.h"

/// Lanes of the roads, and connectors through the junctions.
namespace occvla::world {

struct EdgeLanes {
  std::vector<int> forward, backward;  ///< Lane indices, from the right as their drivers see it.

  const std::vector<int>& Into(const Arm& arm) const { return arm.at_start ? backward : forward; }
  const std::vector<int>& OutOf(const Arm& arm) const { return arm.at_start ? forward : backward; }
};

/// Where a connector goes: arms of its node.
struct Movement {
  int connector = kNoIndex;  ///< Lane index.
  int in_arm = 0, out_arm = 0;
  int in_lane = 0;  ///< Counted from the right.
};

struct RoadNet {
  std::vector<EdgeLanes> edges;                  ///< As Plan::edges.
  std::vector<std::vector<Movement>> movements;  ///< By node.
};

/// Adds all lanes, then all connectors, to the town, joined and with their junctions: junction i
/// and segment `edges + i` belong to node i.
RoadNet AddLanes(const Plan& plan, uint64_t seed, Town& town);

/// A UUID that depends on seed, town and number alone.
std::string TownToken(uint64_t seed, const std::string& location, uint64_t number);

}  // namespace occvla::world
