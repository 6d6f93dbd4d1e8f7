#include "occvla/world/traffic/roads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "occvla/world/traffic/test_roads.h"

namespace occvla::world::traffic {
namespace {

using testing::SizeIs;

TEST(RoadsTest, PosesOfABendLieOnItsCircle) {
  Town town;
  town.lanes = {BentLane(2, 1, 8, 1.5)};
  const Roads roads(town);
  for (const double s : {0.1, 0.77, 3.3, 11.9}) {
    const auto pose = roads.At(0, s);
    EXPECT_NEAR(pose[0], 2 + 8 * std::sin(s / 8), 1e-5);
    EXPECT_NEAR(pose[1], 1 + 8 * (1 - std::cos(s / 8)), 1e-5);
    EXPECT_NEAR(pose[2], s / 8, 1e-9);
    EXPECT_NEAR(roads.Nearest(0, roads.Point(0, s, 1.5), s + 2, 5), s, 1e-3);
  }
  EXPECT_NEAR(roads.At(0, -2)[0], 0, 1e-9);  // Straight on beyond the end.
  EXPECT_NEAR(roads.LeastRadius(0), 8, 1e-6);
}

TEST(RoadsTest, BendsAreTakenAtTheComfortableLateralAcceleration) {
  Town town;
  town.lanes = {BentLane(0, 0, 18, 1.5), StraightLane(0, 0, 0, 50)};
  const Roads roads(town);
  const double v = roads.SpeedAt(0, 10);
  EXPECT_NEAR(v * v / 18, Roads::kLateral, 1e-6);
  EXPECT_EQ(roads.SpeedAt(1, 10), town.lanes[1].speed_limit);
}

TEST(RoadsTest, ConnectorsThatCrossOverlapWhereTheyMeet) {
  const Town town = CrossRoads(Control::kNone);
  const Roads roads(town);
  ASSERT_THAT(roads.Meetings(2), SizeIs(1));
  const Meeting& meeting = roads.Meetings(2)[0];
  EXPECT_EQ(meeting.other, 3);
  EXPECT_FALSE(meeting.fork);
  EXPECT_TRUE(meeting.waits && meeting.first);
  // Paths 3.01 m (0.86 lane widths) apart or nearer: within that of the middle at 10 m.
  EXPECT_NEAR(meeting.from, 7, 0.51);
  EXPECT_NEAR(meeting.to, 13, 0.51);
}

TEST(RoadsTest, CarsHaltBeforeTheStopLineAndTheCrossing) {
  Town town = CrossRoads(Control::kStopSigns);
  EXPECT_NEAR(Roads(town).StopAt(0), 78.5 - 0.3, 0.11);
  Town road = StraightRoad(2, 100);
  AddCrossing(road, 95);
  const Roads roads(road);
  ASSERT_THAT(roads.Crossings(1), SizeIs(1));
  EXPECT_NEAR(roads.Crossings(1)[0].from, 93.4, 0.26);
  EXPECT_NEAR(roads.Crossings(1)[0].to, 96.6, 0.26);
  EXPECT_NEAR(roads.StopAt(1), roads.Crossings(1)[0].from - 0.8, 1e-9);
}

TEST(RoadsTest, LongVehiclesNeedAWayOutOfALane) {
  Town town;
  town.lanes = {StraightLane(0, 0, 0, 50), BentLane(50, 0, 8, 1.5), BentLane(50, 0, 40, 0.3)};
  town.lanes[0].successors = {1};
  EXPECT_TRUE(Roads(town).HasWay(0, 8 - 1e-6));
  EXPECT_FALSE(Roads(town).HasWay(0, 30));
  town.lanes[0].successors = {1, 2};
  EXPECT_TRUE(Roads(town).HasWay(0, 30));
  EXPECT_TRUE(Roads(town).HasWay(1, 30));  // Its end.
}

TEST(RoadsTest, TheSameCrossSectionIsFoundOnTheNeighbour) {
  Town town;
  town.lanes = {BentLane(0, 0, 50, 1), BentLane(0, 3.5, 46.5, 1)};
  EXPECT_NEAR(Roads(town).Across(0, 25, 1), 25 * 46.5 / 50, 1e-3);
}

TEST(RoadsTest, InsideIsInside) {
  const Polygon2 corner{{{0, 0}, {4, 0}, {4, 1}, {1, 1}, {1, 4}, {0, 4}}};
  EXPECT_TRUE(Inside(corner, {0.5, 3}));
  EXPECT_TRUE(Inside(corner, {3, 0.5}));
  EXPECT_FALSE(Inside(corner, {2, 2}));
  EXPECT_FALSE(Inside(corner, {5, 0.5}));
}

}  // namespace
}  // namespace occvla::world::traffic
