#include "occvla/world/traffic/intents.h"

#include <gtest/gtest.h>

#include "occvla/world/traffic/test_roads.h"

namespace occvla::world::traffic {
namespace {

using data::Direction;
using data::MetaAction;
using data::Velocity;

constexpr double kStepS = 0.05;
constexpr size_t kWindowSteps = 60;

// Lane 0: a left turn through a junction; 1: a straight lane.
Town TurnTown() {
  Town town;
  town.lanes = {BentLane(0, 0, 10, 1.57), StraightLane(0, 0, 0, 100)};
  town.lanes[0].connector = true;
  return town;
}

template <typename Fill>
MetaAction IntentOf(const Fill& fill) {
  const Town town = TurnTown();
  const Roads roads(town);
  std::vector<Decision> decisions(kWindowSteps + 1);
  for (size_t i = 0; i < decisions.size(); ++i) {
    decisions[i].lane = 1;
    fill(static_cast<double>(i) * kStepS, decisions[i]);
  }
  return Intents(roads, decisions, 1, kStepS)[0];
}

TEST(IntentsTest, SpeedsAreJudgedByTheMeanAcceleration) {
  const auto at = [](double v, double a) {
    return IntentOf([&](double t, Decision& d) { d.speed = v + a * t; });
  };
  EXPECT_EQ(at(8, 0.39), (MetaAction{Velocity::kMaintain, Direction::kGoStraight}));
  EXPECT_EQ(at(8, 0.41).velocity, Velocity::kAccelerate);
  EXPECT_EQ(at(8, -0.41).velocity, Velocity::kDecelerate);
}

TEST(IntentsTest, RestInTheLastSecondIsStop) {
  const auto braking = IntentOf([](double t, Decision& d) { d.speed = std::max(0., 4 - 2.1 * t); });
  EXPECT_EQ(braking, (MetaAction{Velocity::kDecelerate, Direction::kStop}));
  const auto late = IntentOf([](double t, Decision& d) { d.speed = std::max(0., 6 - 2 * t); });
  EXPECT_EQ(late.direction, Direction::kGoStraight);
  const auto standing = IntentOf([](double, Decision& d) { d.speed = 0.2; });
  EXPECT_EQ(standing, (MetaAction{Velocity::kMaintain, Direction::kStop}));
}

TEST(IntentsTest, ATurnNeedsAConnectorOrAWideAngle) {
  const auto turning = [](int lane, double angle) {
    return IntentOf([&](double t, Decision& d) {
      d.speed = 5;
      d.yaw = angle * t / 3;
      if (t > 1) d.lane = lane;
    });
  };
  EXPECT_EQ(turning(0, 0.6).direction, Direction::kTurnLeft);
  EXPECT_EQ(turning(0, 0.2).direction, Direction::kTurnLeft);     // Partial: 11 degrees.
  EXPECT_EQ(turning(0, 0.15).direction, Direction::kGoStraight);  // 9 degrees.
  EXPECT_EQ(turning(1, 0.6).direction, Direction::kGoStraight);   // A bent road.
  EXPECT_EQ(turning(1, -0.8).direction, Direction::kTurnRight);   // 46 degrees.
  EXPECT_EQ(turning(0, -0.3).direction, Direction::kGoStraight);  // Against the connector.
}

TEST(IntentsTest, ALaneChangeShiftsByAtLeastOneAndAHalfMetres) {
  const auto shifting = [](double metres, double angle) {
    return IntentOf([&](double t, Decision& d) {
      d.speed = 9;
      d.lateral = metres * t / 3;
      d.yaw = angle * t / 3;
    });
  };
  EXPECT_EQ(shifting(1.6, 0).direction, Direction::kChangeLaneLeft);
  EXPECT_EQ(shifting(-1.6, 0).direction, Direction::kChangeLaneRight);
  EXPECT_EQ(shifting(1.4, 0).direction, Direction::kGoStraight);
  EXPECT_EQ(shifting(3.4, 0.4).direction, Direction::kGoStraight);  // 23 degrees.
}

TEST(HeadingChangeTest, AddsUpOverTheLane) {
  EXPECT_NEAR(HeadingChange(BentLane(0, 0, 10, 1.57)), 1.57, 1e-9);
  EXPECT_EQ(HeadingChange(StraightLane(0, 0, 3, 10)), 0);
}

}  // namespace
}  // namespace occvla::world::traffic
