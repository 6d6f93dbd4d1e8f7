#include "occvla/world/traffic/route.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "occvla/world/traffic/test_roads.h"

namespace occvla::world::traffic {
namespace {

using data::Direction;
using testing::ElementsAre;

// Two lanes (1 left of 0); from the left one a left turn (2), from the right one a right turn (3);
// both go on in lane 4.
Town Fork() {
  Town town;
  town.lanes = {StraightLane(0, 0, 0, 120), StraightLane(0, 3.5, 0, 120),
                BentLane(120, 3.5, 12, 1.5), BentLane(120, 0, 12, 1.5),
                StraightLane(300, 0, 0, 300)};
  town.lanes[0].left = 1;
  town.lanes[1].right = 0;
  town.lanes[0].successors = {3};
  town.lanes[1].successors = {2};
  for (size_t c : {2u, 3u}) {
    town.lanes[c].connector = true;
    town.lanes[c].junction = 0;
    town.lanes[c].successors = {4};
  }
  town.lanes[2].turn = Turn::kLeft;
  town.lanes[3].turn = Turn::kRight;
  town.junctions.resize(1);
  return town;
}

TEST(PlanRouteTest, ATurnIsReachedByChangingLanes) {
  const Town town = Fork();
  const Roads roads(town);
  Rng rng(1, "route");
  EXPECT_THAT(PlanRoute(roads, 0, 10, 300, Direction::kTurnLeft, rng), ElementsAre(0, 1, 2, 4));
  EXPECT_THAT(PlanRoute(roads, 0, 10, 300, Direction::kTurnRight, rng), ElementsAre(0, 3, 4));
  // Too late to change.
  EXPECT_THAT(PlanRoute(roads, 0, 100, 200, Direction::kTurnLeft, rng), ElementsAre(0, 3, 4));
}

TEST(PlanRouteTest, WantedLaneChangesAreMadeWhereThereIsRoom) {
  const Town town = StraightRoad(2, 110);
  const Roads roads(town);
  Rng rng(1, "route");
  EXPECT_THAT(PlanRoute(roads, 0, 5, 400, Direction::kChangeLaneLeft, rng), ElementsAre(0, 1));
  // From the left lane first to the right.
  EXPECT_THAT(PlanRoute(roads, 1, 5, 400, Direction::kChangeLaneLeft, rng), ElementsAre(1, 0, 1));
}

TEST(ScoreOfTest, CountsWhatIsWanted) {
  const Town town = Fork();
  const Roads roads(town);
  EXPECT_EQ(ScoreOf(roads, {0, 1, 2, 4}, 10, Direction::kTurnLeft), 1);
  EXPECT_EQ(ScoreOf(roads, {0, 1, 2, 4}, 10, Direction::kChangeLaneLeft), 1);
  EXPECT_EQ(ScoreOf(roads, {0, 3, 4}, 10, Direction::kTurnLeft), 0);
}

TEST(PointsAlongTest, FollowsTheLastOfNeighbours) {
  const Town town = Fork();
  const auto points = PointsAlong(Roads(town), {0, 1, 2}, 100, 5);
  EXPECT_NEAR(points.front().y(), 3.5, 1e-9);  // Lane 1: lane 0 is left at once.
  EXPECT_GT(points.back().y(), 10);
}

}  // namespace
}  // namespace occvla::world::traffic
