#include "occvla/world/traffic/ego.h"

#include <gtest/gtest.h>

#include <cmath>

namespace occvla::world::traffic {
namespace {

// On a circle the rear axle runs on a smaller one: R_rear^2 = R_front^2 - wheelbase^2.
TEST(EgoStatesTest, ACircleGivesTheBicycleModelsSteering) {
  constexpr double kRadius = 15, kSpeed = 5, kStepS = 0.05;
  std::vector<EgoStep> steps(400);
  for (size_t i = 0; i < steps.size(); ++i) {
    const double angle = kSpeed * kStepS * static_cast<double>(i) / kRadius;
    steps[i].front_axle_G = {kRadius * std::sin(angle), kRadius * (1 - std::cos(angle))};
  }
  const auto states = EgoStates({}, steps, 0, kStepS);
  ASSERT_EQ(states.size(), 398u);
  const EgoState& late = states.back();
  const double rear = std::sqrt(kRadius * kRadius - kEgoWheelbase * kEgoWheelbase);
  EXPECT_NEAR(late.yaw_rate, kSpeed / kRadius, 1e-6);
  EXPECT_NEAR(late.speed, kSpeed * rear / kRadius, 5e-3);
  EXPECT_NEAR(late.steering, std::atan(kEgoWheelbase / rear), 2e-3);
  EXPECT_NEAR(late.lateral_acceleration, late.speed * late.yaw_rate, 1e-12);
  for (size_t i = 200; i + 1 < states.size(); ++i) {
    // The rear wheels do not slip sideways.
    const Eigen::Vector3d moved =
        states[i + 1].X_GE.translation() - states[i - 1].X_GE.translation();
    EXPECT_NEAR((states[i].X_GE.linear().transpose() * moved).y(), 0, 2e-3);
    EXPECT_NEAR(moved.norm() / (2 * kStepS), states[i].speed, 1e-9);
  }
}

TEST(EgoStatesTest, ACarAtRestKeepsItsWheels) {
  std::vector<EgoStep> steps(100);
  for (size_t i = 0; i < steps.size(); ++i) {
    const double angle = 0.02 * static_cast<double>(std::min<size_t>(i, 60));
    steps[i].front_axle_G = {10 * std::sin(angle), 10 * (1 - std::cos(angle))};
  }
  const auto states = EgoStates({}, steps, 0, 0.05);
  EXPECT_EQ(states.back().speed, 0);
  EXPECT_EQ(states.back().yaw_rate, 0);
  EXPECT_GT(states.back().steering, 0.1);
}

TEST(OnGroundTest, StandsUprightOnTheSlope) {
  Ground ground;
  ground.waves = {{3, 0.05, 0.02, 0.4}};
  const geom::Pose X_GA = OnGround(ground, {12, -7}, 2.2, 0.12);
  EXPECT_NEAR((X_GA.linear().col(2) - ground.Normal(12, -7)).norm(), 0, 1e-12);
  EXPECT_NEAR(std::atan2(X_GA(1, 0), X_GA(0, 0)), 2.2, 5e-3);
  EXPECT_NEAR(X_GA.linear().determinant(), 1, 1e-12);
  EXPECT_NEAR((X_GA.linear() * X_GA.linear().transpose() - Eigen::Matrix3d::Identity()).norm(), 0,
              1e-12);
  EXPECT_NEAR(X_GA.translation().z(), ground.Height(12, -7) + 0.12, 1e-12);
}

}  // namespace
}  // namespace occvla::world::traffic
