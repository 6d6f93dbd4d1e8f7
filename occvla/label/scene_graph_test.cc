#include "occvla/label/scene_graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "occvla/base/error.h"
#include "occvla/data/nuscenes/map.h"
#include "occvla/data/nuscenes/test_map.h"

namespace occvla::label {
namespace {

using data::nuscenes::Map;
using data::nuscenes::TestMap;

data::Frame FrameAt(double x, double y, double yaw, const Map* map) {
  data::Frame frame;
  frame.token = "0000000000000000000000000000000b";
  data::EgoMoment now;
  now.X_GE.translation() = Eigen::Vector3d(x, y, 0);
  now.X_GE.linear() = Eigen::AngleAxisd(yaw, Eigen::Vector3d::UnitZ()).toRotationMatrix();
  frame.now = now;
  frame.map = map;
  frame.ego.velocity_E = std::array<double, 2>{5, 0};
  return frame;
}

void Add(data::Frame& frame, const std::string& category, const std::string& attribute, double x,
         double y) {
  data::Annotation box;
  box.token = std::to_string(frame.annotations.size());
  box.category = category;
  if (!attribute.empty()) box.attributes = {attribute};
  box.visibility = 4;
  box.lidar_points = 3;
  box.box_G.size = {4, 2, 1.5};
  box.box_G.X_AB = frame.now->X_GE * Eigen::Translation3d(x, y, 1);
  frame.annotations.push_back(box);
}

TEST(SceneGraphTest, SectorsAreSixtyDegreesWideAroundTheCarsHeading) {
  const auto at = [](double degrees) {
    const double angle = degrees * std::numbers::pi / 180;
    return SectorOf({std::cos(angle), std::sin(angle)});
  };
  EXPECT_EQ(at(0), Sector::kFront);
  EXPECT_EQ(at(29), Sector::kFront);
  EXPECT_EQ(at(31), Sector::kFrontLeft);
  EXPECT_EQ(at(89), Sector::kFrontLeft);
  EXPECT_EQ(at(91), Sector::kBackLeft);
  EXPECT_EQ(at(151), Sector::kBack);
  EXPECT_EQ(at(-151), Sector::kBack);
  EXPECT_EQ(at(-149), Sector::kBackRight);
  EXPECT_EQ(at(-89), Sector::kFrontRight);
  EXPECT_NEAR(DegreesFromBorder({1, 0}), 30, 1e-9);
  EXPECT_NEAR(DegreesFromBorder({0, 1}), 0, 1e-9);
}

TEST(SceneGraphTest, ThingsBearNuscenesQaNamesInTheCarsFrame) {
  data::Frame frame = FrameAt(100, 200, 2, nullptr);
  Add(frame, "vehicle.bus.rigid", "vehicle.stopped", 12, -3);
  Add(frame, "human.pedestrian.adult", "pedestrian.sitting_lying_down", 5, 5);
  Add(frame, "vehicle.emergency.police", "vehicle.moving", -8, 0);
  Add(frame, "animal", "", 3, 3);
  Add(frame, "vehicle.car", "", 60, 0);
  Add(frame, "vehicle.truck", "vehicle.parked", 0, 52);
  const SceneGraph graph = GraphOf(frame, {});
  ASSERT_EQ(graph.things.size(), 4u) << "animals have no name, and 60 m is too far";
  EXPECT_EQ(graph.things[0].thing_class, ThingClass::kPedestrian);
  EXPECT_EQ(graph.things[0].status, Status::kNotStanding);
  EXPECT_EQ(graph.things[1].thing_class, ThingClass::kCar);
  EXPECT_FALSE(graph.things[1].sure) << "some call a police car a car";
  EXPECT_EQ(graph.things[2].thing_class, ThingClass::kBus);
  EXPECT_TRUE(graph.things[2].sure);
  EXPECT_NEAR(graph.things[2].p_E.x(), 12, 1e-9);
  EXPECT_NEAR(graph.things[2].p_E.y(), -3, 1e-9);
  EXPECT_FALSE(graph.things[3].sure) << "beyond 50 m";
}

TEST(SceneGraphTest, FindsTheRoadAheadOnTheMap) {
  TestMap records;
  const Map map(records.map);
  const SceneGraph graph = GraphOf(FrameAt(20, 10.2, 0.05, &map), {});
  const Road& road = graph.road;
  EXPECT_TRUE(road.known);
  ASSERT_TRUE(road.stop);
  EXPECT_EQ(road.stop->kind, StopKind::kTrafficLight);
  EXPECT_NEAR(road.stop->along, 23, 0.6);  // At x = 43.
  ASSERT_TRUE(road.crossing);
  EXPECT_NEAR(*road.crossing, 25, 0.6);
  ASSERT_TRUE(road.junction);
  EXPECT_NEAR(*road.junction, 30, 0.6);
  EXPECT_EQ(road.bend, Bend::kStraight) << "without a future the straightest way";
  EXPECT_EQ(road.lanes_left + road.lanes_right, 0);
}

TEST(SceneGraphTest, RouteTakesTheForkThatTheCarTook) {
  TestMap records;
  const Map map(records.map);
  data::Frame frame = FrameAt(45, 10, 0, &map);
  const double places[6][2] = {{50, 10}, {55, 11.3}, {58.6, 15}, {60, 19}, {60, 22}, {60, 25}};
  for (size_t i = 0; i < 6; ++i) {
    data::EgoMoment moment = *frame.now;
    moment.X_GE.translation() = Eigen::Vector3d(places[i][0], places[i][1], 0);
    frame.future[i] = moment;
  }
  EXPECT_EQ(GraphOf(frame, {}).road.bend, Bend::kLeft);
}

TEST(SceneGraphTest, LeadIsTheNearestOnTheRouteAndNotBesideIt) {
  data::Frame frame = FrameAt(0, 0, 0, nullptr);
  Add(frame, "vehicle.car", "vehicle.moving", 30, 0.5);
  Add(frame, "vehicle.truck", "vehicle.moving", 20, -1);
  Add(frame, "vehicle.car", "vehicle.parked", 10, 3);
  Add(frame, "vehicle.car", "vehicle.moving", -10, 0);
  const SceneGraph graph = GraphOf(frame, {});
  ASSERT_TRUE(graph.lead);
  EXPECT_EQ(graph.things[*graph.lead].thing_class, ThingClass::kTruck);
  EXPECT_NEAR(graph.lead_gap, 20 - 2 - kFrontReach, 1e-9);
}

TEST(SceneGraphTest, WalkersStepTowardsTheRouteOrAreOnIt) {
  data::Frame frame = FrameAt(0, 0, 0, nullptr);
  const auto add = [&](double x, double y, double vy) {
    Add(frame, "human.pedestrian.adult", "pedestrian.moving", x, y);
    frame.annotations.back().velocity_G = Eigen::Vector3d(0, vy, 0);
  };
  add(12, 4, -1.2);  // Steps in.
  add(14, 4, 1.2);   // Walks away.
  add(16, 0.5, 0);   // On it.
  add(-5, 0, 0);     // Behind.
  const SceneGraph graph = GraphOf(frame, {});
  ASSERT_EQ(graph.walkers.size(), 2u);
  EXPECT_NEAR(graph.things[graph.walkers[0]].p_E.x(), 12, 1e-9);
  EXPECT_NEAR(graph.things[graph.walkers[1]].p_E.x(), 16, 1e-9);
}

TEST(SceneGraphTest, NotesComeFromTheDescription) {
  EXPECT_TRUE(SceneNotes::From("Night, after rain, peds").night);
  EXPECT_TRUE(SceneNotes::From("Night, after rain, peds").rain);
  EXPECT_FALSE(SceneNotes::From("Parked cars, turn left").night);
}

TEST(SceneGraphTest, FrameWithoutAPoseIsRefused) {
  data::Frame frame;
  frame.token = "t";
  try {
    (void)GraphOf(frame, {});
    FAIL() << "a frame without a pose was accepted";
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(),
                 "keyframe \"t\" has no ego pose, so nothing can be said of what is where. Use a "
                 "keyframe of a data set.");
  }
}

}  // namespace
}  // namespace occvla::label
