#include "occvla/world/traffic/occupancy.h"

#include <gtest/gtest.h>

#include "occvla/world/traffic/test_roads.h"

namespace occvla::world::traffic {
namespace {

// Lane 0 of 50 m forks into the connectors 1 (straight on) and 2 (a bend to the left).
Town Fork() {
  Town town;
  town.lanes = {StraightLane(0, 0, 0, 50), StraightLane(50, 0, 0, 30), BentLane(50, 0, 15, 1.5)};
  town.lanes[0].successors = {1, 2};
  for (size_t c : {1u, 2u}) {
    town.lanes[c].connector = true;
    town.lanes[c].junction = 0;
    town.lanes[c].predecessors = {0};
  }
  Junction junction;
  junction.connectors = {1, 2};
  town.junctions = {junction};
  return town;
}

TEST(NearestAheadTest, WhoGoesAnotherWayCountsWhileBesideThis) {
  const Town town = Fork();
  const Roads roads(town);
  Occupancy occupancy(town.lanes.size());
  occupancy.Add(2, {1, 5.5, 3, 7});
  const std::vector<Leg> legs{{0, 0}, {1, 50}};
  Ahead ahead = NearestAhead(roads, occupancy, legs, 40, 0, 60);
  EXPECT_EQ(ahead.vehicle, 7);
  EXPECT_NEAR(ahead.gap, 11, 1e-9);
  EXPECT_EQ(ahead.speed, 3);
  occupancy.Clear();
  occupancy.Add(2, {15, 19.5, 3, 7});  // 7 m aside by then.
  EXPECT_EQ(NearestAhead(roads, occupancy, legs, 40, 0, 60).gap, Ahead{}.gap);
}

TEST(NearestAheadTest, OnlyWithinTheHorizonAndNotOneself) {
  const Town town = StraightRoad(1, 200);
  const Roads roads(town);
  Occupancy occupancy(1);
  occupancy.Add(0, {36, 40, 5, 3});
  occupancy.Add(0, {96, 100, 6, 4});
  const Leg leg{0, 0};
  EXPECT_EQ(NearestAhead(roads, occupancy, {&leg, 1}, 40, 3, 100).vehicle, 4);
  EXPECT_EQ(NearestAhead(roads, occupancy, {&leg, 1}, 40, 3, 50).vehicle, kNoIndex);
  EXPECT_EQ(NearestAhead(roads, occupancy, {&leg, 1}, 20, 9, 100).vehicle, 3);
}

TEST(NearestBehindTest, LooksIntoTheLanesBefore) {
  const Town town = Fork();
  const Roads roads(town);
  Occupancy occupancy(town.lanes.size());
  occupancy.Add(0, {30, 35, 8, 2});
  const Ahead behind = NearestBehind(roads, occupancy, 1, 5, 0, 40);
  EXPECT_EQ(behind.vehicle, 2);
  EXPECT_NEAR(behind.gap, 20, 1e-9);
  EXPECT_EQ(NearestBehind(roads, occupancy, 1, 5, 0, 10).vehicle, kNoIndex);
}

TEST(OccupancyTest, WhoChangesLanesTakesUpBoth) {
  const Town town = StraightRoad(2, 100);
  const Roads roads(town);
  Vehicle bus;
  bus.size = {12, 2.6, 3};
  bus.legs = {{1, 0}};
  bus.front = 50;
  Occupancy occupancy(2);
  occupancy.Add(roads, bus, 0);
  EXPECT_EQ(occupancy.On(0).size(), 0u);
  ASSERT_EQ(occupancy.On(1).size(), 1u);
  EXPECT_NEAR(occupancy.On(1)[0].rear, 38, 1e-9);
  bus.from_lane = 0;
  occupancy.Clear();
  occupancy.Add(roads, bus, 0);
  ASSERT_EQ(occupancy.On(0).size(), 1u);
  EXPECT_NEAR(occupancy.On(0)[0].rear, 38, 1e-3);
  EXPECT_NEAR(occupancy.On(0)[0].front, 50, 1e-3);
}

}  // namespace
}  // namespace occvla::world::traffic
