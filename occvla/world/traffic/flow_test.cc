#include "occvla/world/traffic/flow.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "occvla/world/traffic/collisions.h"
#include "occvla/world/traffic/test_roads.h"

namespace occvla::world::traffic {
namespace {

Vehicle Car(int lane, double s, double speed) {
  Vehicle car;
  car.category = kCar;
  car.size = {4.5, 1.9, 1.6};
  car.legs = {{lane, 0}};
  car.front = s;
  car.speed = speed;
  return car;
}

Rectangle RectangleOf(const Vehicle& vehicle) {
  const BodyPose body = BodyOf(vehicle);
  return {body.p_G, body.yaw, vehicle.size.x(), vehicle.size.y()};
}

void Proceed(Flow& flow, double seconds) {
  for (double t = 0; t < seconds; t += 0.05) {
    flow.Step(t, 0.05);
    for (size_t i = 0; i < flow.vehicles.size(); ++i) {
      for (size_t j = i + 1; j < flow.vehicles.size(); ++j) {
        if (flow.vehicles[i].gone || flow.vehicles[j].gone) continue;
        ASSERT_FALSE(Overlap(RectangleOf(flow.vehicles[i]), RectangleOf(flow.vehicles[j])))
            << i << " and " << j << " at " << t;
      }
    }
  }
}

TEST(FlowTest, AQueueFormsBeforeAClosedLane) {
  const Town town = StraightRoad(1, 200);
  const Roads roads(town);
  Flow flow(roads);
  flow.closures = {{0, 120, 140}};
  for (const double s : {60.0, 40.0, 20.0}) flow.Add(Car(0, s, 8));
  Proceed(flow, 30);
  EXPECT_LT(flow.vehicles[0].front, 120);
  EXPECT_GT(flow.vehicles[0].front, 100);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(flow.vehicles[i].speed, 0);
  for (size_t i = 1; i < 3; ++i) {
    const double gap = flow.vehicles[i - 1].rear() - flow.vehicles[i].front;
    EXPECT_GT(gap, 1.5);
    EXPECT_LT(gap, 4);
  }
}

TEST(FlowTest, CarsChangeLaneRoundAClosure) {
  const Town town = StraightRoad(2, 300);
  const Roads roads(town);
  Flow flow(roads);
  flow.closures = {{0, 120, 140}};
  flow.Add(Car(0, 60, 9));
  flow.Add(Car(0, 35, 9));
  Proceed(flow, 14);
  for (const Vehicle& car : flow.vehicles) {
    EXPECT_EQ(car.lane(roads), 1);
    EXPECT_FALSE(car.changing());
    EXPECT_NEAR(RectangleOf(car).centre_G.y(), 3.5, 0.05);
    EXPECT_GT(car.front, 120);
  }
}

TEST(FlowTest, ALaneChangeIsSmoothAndKeepsTheSpeed) {
  Town town;
  town.lanes = {BentLane(0, 0, 80, 2), BentLane(0, 3.5, 76.5, 2)};
  town.lanes[0].left = 1;
  town.lanes[1].right = 0;
  const Roads roads(town);
  Flow flow(roads);
  flow.closures = {{0, 90, 95}};
  flow.Add(Car(0, 20, 8));
  Eigen::Vector2d last_G = flow.vehicles[0].front_axle_G;
  for (double t = 0; t < 8; t += 0.05) {
    const double v = flow.vehicles[0].speed;
    flow.Step(t, 0.05);
    const Eigen::Vector2d now_G = flow.vehicles[0].front_axle_G;
    // Along and, while changing, also a little sideways.
    EXPECT_NEAR((now_G - last_G).norm() / 0.05, 0.5 * (v + flow.vehicles[0].speed), 0.25) << t;
    last_G = now_G;
  }
  EXPECT_EQ(flow.vehicles[0].lane(roads), 1);
}

TEST(FlowTest, ABusKeepsItsOldLaneUntilItsRearHasLeft) {
  const Town town = StraightRoad(2, 300);
  const Roads roads(town);
  Flow flow(roads);
  flow.closures = {{0, 120, 140}};
  Vehicle bus = Car(0, 50, 8);
  bus.size = {17, 2.6, 3.2};
  flow.Add(bus);
  bool began = false;
  for (double t = 0; t < 20; t += 0.05) {
    flow.Step(t, 0.05);
    const BodyPose body = BodyOf(flow.vehicles[0]);
    began |= flow.vehicles[0].changing();
    if (!began || flow.vehicles[0].changing()) continue;
    // Done: the whole body is in the new lane.
    EXPECT_NEAR(body.p_G.y(), 3.5, 0.25);
    EXPECT_NEAR(body.yaw, 0, 0.03);
    break;
  }
  EXPECT_TRUE(began && !flow.vehicles[0].changing());
}

class CrossRoadsTest : public testing::TestWithParam<Control> {};

TEST_P(CrossRoadsTest, BothPassOneAfterTheOther) {
  const Town town = CrossRoads(GetParam());
  const Roads roads(town);
  Flow flow(roads);
  flow.Add(Car(0, 40, 8));
  flow.Add(Car(1, 40, 8));
  flow.Add(Car(0, 25, 8));
  flow.Add(Car(1, 25, 8));
  Proceed(flow, GetParam() == Control::kLights ? 45 : 38);
  for (const Vehicle& car : flow.vehicles) EXPECT_TRUE(car.gone || car.front > 100) << car.front;
}

INSTANTIATE_TEST_SUITE_P(Controls, CrossRoadsTest,
                         testing::Values(Control::kNone, Control::kYield, Control::kStopSigns,
                                         Control::kLights));

TEST(FlowTest, AStopSignIsAFullStop) {
  const Town town = CrossRoads(Control::kStopSigns);
  const Roads roads(town);
  Flow flow(roads);
  flow.Add(Car(0, 30, 9));
  double slowest = 9;
  for (double t = 0; t < 25 && flow.vehicles[0].front < 80; t += 0.05) {
    flow.Step(t, 0.05);
    slowest = std::min(slowest, flow.vehicles[0].speed);
  }
  EXPECT_LT(slowest, 0.15);
  EXPECT_GT(flow.vehicles[0].front, 79);
}

TEST(FlowTest, ARedLightIsNotPassed) {
  Town town = CrossRoads(Control::kLights);
  town.junctions[0].green_s = 20;
  town.junctions[0].phases = {{3}, {2}};
  const Roads roads(town);
  Flow flow(roads);
  flow.Add(Car(0, 30, 9));
  Proceed(flow, 22);
  EXPECT_LT(flow.vehicles[0].front, 80);
  EXPECT_NEAR(flow.vehicles[0].front, roads.StopAt(0), 0.5);
}

TEST(FlowTest, WhoHasPriorityGoesFirst) {
  Town town = CrossRoads(Control::kYield);
  town.junctions[0].conflicts = {{2, 3}};  // Traffic along x waits.
  const Roads roads(town);
  Flow flow(roads);
  flow.Add(Car(0, 69, 4));  // Nearer, and asks in the same step, yet second.
  flow.Add(Car(1, 60, 8));
  for (double t = 0; t < 20 && flow.vehicles[0].front < 80; t += 0.05) flow.Step(t, 0.05);
  EXPECT_GT(flow.vehicles[1].front, 95);
  EXPECT_GE(flow.vehicles[0].front, 80);
}

// Three roads that cross in one place, each of which waits for the next.
TEST(FlowTest, ACircleOfPrioritiesIsBroken) {
  Town town;
  Junction junction;
  junction.control = Control::kYield;
  for (int i = 0; i < 3; ++i) {
    const double yaw = 2 * EIGEN_PI / 3 * i;
    const auto at = [&](double s) { return Eigen::Vector2d(s * std::cos(yaw), s * std::sin(yaw)); };
    for (const auto& [from, length] : {std::pair{-90.0, 80.0}, {-10.0, 20.0}, {10.0, 80.0}})
      town.lanes.push_back(StraightLane(at(from).x(), at(from).y(), yaw, length));
    const auto lane = [&](int k) -> Lane& { return town.lanes[static_cast<size_t>(3 * i + k)]; };
    lane(0).successors = {3 * i + 1};
    lane(1).predecessors = {3 * i};
    lane(1).successors = {3 * i + 2};
    lane(2).predecessors = {3 * i + 1};
    lane(1).connector = true;
    lane(1).junction = 0;
    junction.connectors.push_back(3 * i + 1);
    junction.conflicts.push_back({3 * i + 1, 3 * ((i + 1) % 3) + 1});
  }
  town.junctions = {junction};
  const Roads roads(town);
  Flow flow(roads);
  for (int i = 0; i < 3; ++i) flow.Add(Car(3 * i, 60, 6));
  // Before patience ends: all wait for ever without the fallback, and only then by turns.
  Proceed(flow, 7);
  EXPECT_GT(std::max({flow.vehicles[0].front, flow.vehicles[1].front, flow.vehicles[2].front}), 85);
  Proceed(flow, 20);
  for (const Vehicle& car : flow.vehicles) EXPECT_GT(car.front, 100);
}

TEST(FlowTest, CarsHaltForPeopleOnACrossing) {
  Town town = StraightRoad(1, 150);
  AddCrossing(town, 80);
  const Roads roads(town);
  Flow flow(roads);
  flow.Add(Car(0, 20, 10));
  flow.claims[0] = 1;
  Proceed(flow, 15);
  EXPECT_LT(flow.vehicles[0].front, roads.Crossings(0)[0].from);
  EXPECT_GT(flow.vehicles[0].front, 70);
  flow.claims[0] = 0;
  Proceed(flow, 8);
  EXPECT_GT(flow.vehicles[0].front, 90);
}

TEST(FlowTest, ATrailerFollowsItsTruckApart) {
  Town town;
  town.lanes = {BentLane(0, 0, 90, 1.5)};
  const Roads roads(town);
  Flow flow(roads);
  Vehicle truck = Car(0, 30, 6);
  truck.size = {7, 2.4, 3};
  truck.trailer = {9, 2.4, 3.4};
  flow.Add(truck);
  for (double t = 0; t < 8; t += 0.05) {
    flow.Step(t, 0.05);
    const BodyPose trailer = TrailerOf(flow.vehicles[0]);
    const Rectangle towed{trailer.p_G, trailer.yaw, 9, 2.4};
    ASSERT_FALSE(Overlap(towed, RectangleOf(flow.vehicles[0]))) << t;
    EXPECT_NEAR((trailer.p_G - BodyOf(flow.vehicles[0]).p_G).norm(), 3.5 + 1.1 + 4.5, 0.2);
  }
}

}  // namespace
}  // namespace occvla::world::traffic
