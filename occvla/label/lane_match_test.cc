#include "occvla/label/lane_match.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numbers>

#include "occvla/data/nuscenes/map.h"

namespace occvla::label {
namespace {

using data::nuscenes::ArcPath;
using data::nuscenes::Map;
using data::nuscenes::MapRecords;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr double kDegree = std::numbers::pi / 180;

ArcPath Straight(double x, double y, double yaw, double length) {
  ArcPath path;
  path.start = {x, y, yaw};
  path.radius = 1000;
  path.lengths = {0, length, 0};
  path.end = path.At(length);
  return path;
}

MapRecords Lanes(const std::vector<ArcPath>& paths) {
  MapRecords map;
  for (size_t i = 0; i < paths.size(); ++i) {
    map.lanes.emplace_back().token = "lane-" + std::to_string(i);
    map.paths.push_back({paths[i]});
  }
  map.incoming.resize(paths.size());
  map.outgoing.resize(paths.size());
  return map;
}

std::vector<LanePlace> Places(const LaneNetwork& lanes, const std::vector<PlanePose>& poses) {
  std::vector<LanePlace> places;
  for (const PlanePose& pose : poses) places.push_back(lanes.Place(pose));
  return places;
}

TEST(LaneNetworkTest, APlaceSaysWhereItIsOnEachLaneNear) {
  const Map map(Lanes({Straight(0, 0, 0, 50), Straight(0, 3.5, 0, 50), Straight(0, 9, 0, 50),
                       Straight(50, -1, std::numbers::pi, 50)}));
  const LaneNetwork lanes(map, {});
  const LanePlace place = lanes.Place({{12.3, 1}, 6 * kDegree});
  ASSERT_EQ(place.candidates.size(), 2U) << "not the far one, not the oncoming one";
  EXPECT_EQ(place.candidates[1].element, 1U);
  EXPECT_NEAR(place.candidates[0].at.s, 12.3, 1e-9);
  EXPECT_NEAR(place.candidates[0].at.offset, 1, 1e-9);
  EXPECT_NEAR(place.candidates[1].at.offset, -2.5, 1e-9);
  EXPECT_NEAR(place.candidates[1].cost, 2.5 + 2 * 6.0 / 30, 1e-9);
  EXPECT_NEAR(lanes.Place({{52, 1}, 0}).candidates[0].at.beyond, 2, 1e-9);
}

TEST(LaneNetworkTest, LanesOneWayAreBesideEachOtherAndOthersAreNot) {
  MapRecords records = Lanes({Straight(0, 0, 0, 50), Straight(0, 3.5, 0, 50),
                              Straight(0, -3.5, std::numbers::pi, 50), Straight(50, 0, 0, 50)});
  records.outgoing[0] = {3};
  records.incoming[3] = {0};
  const Map map(records);
  const LaneNetwork lanes(map, {});
  EXPECT_TRUE(lanes.Beside(0, 1));
  EXPECT_FALSE(lanes.Beside(0, 2)) << "oncoming";
  EXPECT_FALSE(lanes.Beside(0, 3)) << "ahead";
  EXPECT_TRUE(lanes.Follows(0, 3));
  EXPECT_FALSE(lanes.Follows(3, 0));
}

// Going over to the lane beside costs more than a pose that lies a little nearer to it.
TEST(LaneNetworkTest, OnePoseAsideDoesNotChangeTheLane) {
  const Map map(Lanes({Straight(0, 0, 0, 50), Straight(0, 3.5, 0, 50)}));
  const LaneNetwork lanes(map, {});
  EXPECT_THAT(
      lanes.Match(Places(lanes, {{{5, 0}, 0}, {{10, 0.2}, 0}, {{15, 2.2}, 0}, {{20, 0}, 0}})),
      Each(0U));
  EXPECT_THAT(
      lanes.Match(Places(
          lanes, {{{5, 0}, 0}, {{10, 0.2}, 0}, {{15, 3}, 0}, {{20, 3.5}, 0}, {{25, 3.5}, 0}})),
      ElementsAre(0U, 0U, 1U, 1U, 1U));
}

TEST(LaneNetworkTest, OfCrossingLanesTheHeadingDecides) {
  const Map map(Lanes({Straight(0, 0, 0, 50), Straight(10, -0.3, 40 * kDegree, 50)}));
  const LaneNetwork lanes(map, {});
  EXPECT_THAT(lanes.Match(Places(lanes, {{{10, -0.3}, 0}})), ElementsAre(0U));
}

TEST(LaneNetworkTest, PosesFarFromLanesHaveNone) {
  const Map map(Lanes({Straight(0, 0, 0, 50)}));
  const LaneNetwork lanes(map, {});
  const auto places = Places(lanes, {{{5, 0}, 0}, {{10, 30}, 0}, {{15, 0}, 0}});
  EXPECT_THAT(places[1].candidates, IsEmpty());
  EXPECT_THAT(lanes.Match(places), ElementsAre(0U, kNoElement, 0U));
}

// Without a bound, lanes of no length that follow each other in a ring would be walked for ever.
TEST(LaneNetworkTest, ARingOfLanesWithoutLengthEnds) {
  MapRecords records = Lanes({Straight(0, 0, 0, 5), Straight(5, 0, 0, 0), Straight(5, 0, 0, 0)});
  records.outgoing = {{1, 2}, {1, 2}, {1, 2}};
  records.incoming = {{}, {0, 1, 2}, {0, 1, 2}};
  const Map map(records);
  const LaneNetwork lanes(map, {});
  const auto places = Places(lanes, {{{1, 0}, 0}, {{4, 0.5}, 0}});
  const auto shift = lanes.ShiftOf(places, lanes.Match(places), 30);
  ASSERT_TRUE(shift);
  EXPECT_NEAR(shift->metres, 0.5, 1e-9);
}

}  // namespace
}  // namespace occvla::label
