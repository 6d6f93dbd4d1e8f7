#pragma once
#include <cstddef>
#include <vector>

#include "occvla/world/town.h"
#include "occvla/world/town_lanes.h"
#include "occvla/world/town_plan.h"
#include "occvla/world/town_surface.h"

/// What lies along a town's roads: crossings between junctions, car parks, parking strips, walks.
namespace occvla::world {

/// Where nobody parks along a side of an edge.
struct NoParking {
  size_t edge = 0;
  bool left = false;
  double from = 0, to = 0;
};

struct MiddleCrossing {
  int crossing = kNoIndex;
  double s = 0;  ///< Along the edge's curve.
};
/// A crossing in the middle of some long roads; by edge.
std::vector<MiddleCrossing> AddMiddleCrossings(const Plan& plan, const RoadNet& net, Town& town,
                                               std::vector<NoParking>& no_parking);
/// Car parks beside some roads, one at least where there is room, with a drive to the road.
void AddCarparks(const Plan& plan, Town& town, std::vector<NoParking>& no_parking);
/// Places along the kerbs of the roads that have a parking strip.
void AddParkingStrips(const Plan& plan, const std::vector<NoParking>& no_parking, Town& town);
/// A walk along each side of each road; those that meet at a corner share their end point.
void AddWalks(const Plan& plan, const ArmCrossings& at_arms,
              const std::vector<MiddleCrossing>& in_middle, Town& town);
/// Lots behind the sidewalks, and how those of shops and works are paved.
void AddLots(const Plan& plan, Town& town);

}  // namespace occvla::world
