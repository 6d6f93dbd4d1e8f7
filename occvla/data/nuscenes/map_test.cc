#include "occvla/data/nuscenes/map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "occvla/base/rng.h"
#include "occvla/data/nuscenes/test_map.h"

namespace occvla::data::nuscenes {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::SizeIs;

TEST(MapTest, FindsRowsByTokenWithinALayer) {
  const Map map(TestMap().map);
  EXPECT_THAT(map.Find(Layer::kRoadSegment, "junction"), Optional(1u));
  EXPECT_EQ(map.Find(Layer::kRoadSegment, "lane-a"), std::nullopt);
  EXPECT_EQ(map.Token(Layer::kRoadSegment, 1), "junction");
  EXPECT_THAT(map.FindElement("lane-b"), Optional(1u));
  EXPECT_THAT(map.FindElement("left"), Optional(3u));
  EXPECT_EQ(map.FindElement("nowhere"), std::nullopt);
  EXPECT_EQ(map.records().ElementToken(3), "left");
}

TEST(MapTest, NearGivesAreasThatMeetTheSquare) {
  const Map map(TestMap().map);
  EXPECT_THAT(map.Near(Layer::kLane, {55, 10}, 5), ElementsAre(0, 1));  // Touched.
  EXPECT_THAT(map.Near(Layer::kLane, {55, 10}, 4.9), IsEmpty());
  EXPECT_THAT(map.Near(Layer::kRoadSegment, {55, 10}, 1), ElementsAre(1));
  EXPECT_THAT(map.Near(Layer::kRoadBlock, {80, 10}, 1), ElementsAre(1));
  EXPECT_THAT(map.Near(Layer::kDrivableArea, {25, 16}, 1.9), IsEmpty());  // In the hole.
  EXPECT_THAT(map.Near(Layer::kDrivableArea, {25, 16}, 2), ElementsAre(0));
  EXPECT_THAT(map.Near(Layer::kDrivableArea, {115, 45}, 1), ElementsAre(0));  // Its second part.
  EXPECT_THAT(map.Near(Layer::kDrivableArea, {105, 30}, 4), IsEmpty());       // Between its parts.
}

TEST(MapTest, NearGivesLinesThatPassThroughTheSquare) {
  const Map map(TestMap().map);
  EXPECT_THAT(map.Near(Layer::kLaneDivider, {25, 10}, 1), ElementsAre(0));  // No node inside.
  EXPECT_THAT(map.Near(Layer::kLaneDivider, {25, 12}, 1), IsEmpty());
  EXPECT_THAT(map.Near(Layer::kTrafficLight, {60, 10}, 1), ElementsAre(0));
  EXPECT_THAT(map.Near(Layer::kRoadDivider, {0, 0}, 1e6), ElementsAre(0));
  EXPECT_THAT(map.Near(Layer::kRoadDivider, {0, 0}, -1), IsEmpty());
}

TEST(MapTest, ContainingIncludesTheBoundaryButNotHoles) {
  const Map map(TestMap().map);
  EXPECT_THAT(map.Containing(Layer::kLane, {50, 10}), ElementsAre(0));
  EXPECT_THAT(map.Containing(Layer::kLaneConnector, {50, 10}), ElementsAre(0, 1));
  EXPECT_THAT(map.Containing(Layer::kDrivableArea, {25, 16}), IsEmpty());
  EXPECT_THAT(map.Containing(Layer::kDrivableArea, {25, 14}), ElementsAre(0));
  EXPECT_THAT(map.Containing(Layer::kRoadDivider, {25, 8}), IsEmpty());
}

TEST(MapTest, GivesGeometry) {
  const Map map(TestMap().map);
  const auto drivable = map.Polygons(Layer::kDrivableArea, 0);
  ASSERT_THAT(drivable, SizeIs(2));
  EXPECT_EQ(drivable[0].exterior[2], Eigen::Vector2d(100, 20));
  EXPECT_EQ(drivable[0].holes[0][0], Eigen::Vector2d(20, 14));
  EXPECT_THAT(map.Polygons(Layer::kRoadDivider, 0), IsEmpty());
  EXPECT_THAT(map.Line(Layer::kRoadDivider, 0), SizeIs(3));
  EXPECT_THAT(map.Line(Layer::kLaneDivider, 1), IsEmpty());
  EXPECT_THAT(map.Line(Layer::kLane, 1), IsEmpty());
}

TEST(MapTest, CentrelineIsTheDiscretisedPath) {
  const Map map(TestMap().map);
  EXPECT_THAT(map.Centreline(0), SizeIs(102));  // Two paths of 25 m.
  EXPECT_EQ(map.Centreline(3).back()[1], Discretise(map.records().paths[3], 0.5).back()[1]);
}

TEST(MapTest, ClosestElementIsThatWithTheNearestPoint) {
  const Map map(TestMap().map);
  EXPECT_THAT(map.ClosestElement({30, 11}), Optional(0u));
  EXPECT_THAT(map.ClosestElement({59, 17}), Optional(3u));
  EXPECT_THAT(map.ClosestElement({61, 7}), Optional(1u));
  // The end of lane-a is the start of both connectors: the last of equal ones.
  EXPECT_THAT(map.ClosestElement({50, 9}), Optional(3u));
  EXPECT_EQ(map.ClosestElement({200, 200}), std::nullopt);
  // Its polygon is out of reach, though the lane is nearest.
  EXPECT_EQ(map.ClosestElement({30, 19}, 5), std::nullopt);
  EXPECT_THAT(map.ClosestElement({30, 19}, 8), Optional(0u));
}

TEST(MapTest, ElementWithoutPathIsNeverClosest) {
  TestMap test;
  test.map.paths[0].clear();
  EXPECT_EQ(Map(test.map).ClosestElement({20, 10}), std::nullopt);
}

// Against every record looked at by itself.
TEST(MapTest, IndexFindsWhatAScanFinds) {
  TestMap test;
  Rng rng(1, "walkways");
  for (uint32_t i = 1; i < 300; ++i) {
    const double x = 500 * rng.Uniform(), y = 500 * rng.Uniform();
    test.map.walkways.push_back({"walk-" + std::to_string(i),
                                 test.Box(x, y, x + 20 * rng.Uniform(), y + 9 * rng.Uniform())});
  }
  const Map map(test.map);
  for (int i = 0; i < 100; ++i) {
    const Eigen::Vector2d p_G(500 * rng.Uniform(), 500 * rng.Uniform());
    const double radius = 10 * rng.Uniform();
    std::vector<uint32_t> near, containing;
    for (uint32_t row = 0; row < test.map.walkways.size(); ++row) {
      const auto box = map.Polygons(Layer::kWalkway, row)[0].exterior;
      const auto holds = [&](double r) {
        return box[0].x() <= p_G.x() + r && p_G.x() - r <= box[2].x() &&
               box[0].y() <= p_G.y() + r && p_G.y() - r <= box[2].y();
      };
      if (holds(radius)) near.push_back(row);
      if (holds(0)) containing.push_back(row);
    }
    EXPECT_EQ(map.Near(Layer::kWalkway, p_G, radius), near);
    EXPECT_EQ(map.Containing(Layer::kWalkway, p_G), containing);
  }
}

}  // namespace
}  // namespace occvla::data::nuscenes
