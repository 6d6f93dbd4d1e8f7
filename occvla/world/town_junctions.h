#pragma once
#include "occvla/world/town.h"
#include "occvla/world/town_lanes.h"
#include "occvla/world/town_plan.h"

/// Who waits for whom in a town's junctions, and what tells them.
namespace occvla::world {

/// Fills the junctions: control, light phases, conflicts; adds traffic lights and stop signs.
void AddPriorities(const Plan& plan, const RoadNet& net, Town& town);

/// Whether cars of the common width on the two lanes' centrelines would touch somewhere.
bool SweptPathsMeet(const Lane& a, const Lane& b);

}  // namespace occvla::world
