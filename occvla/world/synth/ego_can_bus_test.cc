#include "occvla/world/synth/ego_can_bus.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace occvla::world::synth {
namespace {

/// Three lanes along x of 100 m each, one after the other.
Town StraightTown() {
  Town town;
  for (int i = 0; i < 3; ++i) {
    Lane lane;
    for (int j = 0; j <= 200; ++j) {
      lane.centreline.push_back({100.0 * i + 0.5 * j, 0, 0});
      lane.arc_lengths.push_back(0.5 * j);
    }
    if (i < 2) lane.successors = {i + 1};
    if (i > 0) lane.predecessors = {i - 1};
    town.lanes.push_back(lane);
  }
  return town;
}

/// Ten metres a second along the middle lane, from its start, turning `yaw_rate`.
Drive Steady(double yaw_rate) {
  Drive drive;
  for (int i = 0; i <= 100; ++i) {
    EgoState ego;
    const double time_s = drive.step_s * i;
    ego.X_GE.translation() = Eigen::Vector3d(100 + 10 * time_s, 0.2, 0);
    ego.X_GE.linear() =
        Eigen::AngleAxisd(yaw_rate * time_s, Eigen::Vector3d::UnitZ()).toRotationMatrix();
    ego.speed = 10;
    ego.yaw_rate = yaw_rate;
    ego.steering = 0.1;
    ego.indicator = 1;
    ego.lane = 1;
    drive.ego.push_back(ego);
  }
  return drive;
}

constexpr SceneSpan kSpan{.begin_s = 0.5, .end_s = 4.5, .start_us = 1'700'000'000'000'000};

TEST(EgoCanBusTest, MessagesComeAtTheirRates) {
  const auto bus = EgoCanBus(StraightTown(), Steady(0), kSpan);
  EXPECT_EQ(bus.ms_imu.size(), 401u);
  EXPECT_EQ(bus.pose.size(), 201u);
  EXPECT_EQ(bus.steeranglefeedback.size(), 401u);
  EXPECT_EQ(bus.vehicle_monitor.size(), 9u);
  EXPECT_EQ(bus.zoesensors.size(), 3201u);
  EXPECT_EQ(bus.zoe_veh_info.size(), 401u);
  EXPECT_EQ(bus.pose.front().utime, 1'700'000'000'500'000);
  EXPECT_EQ(bus.pose.back().utime, 1'700'000'004'500'000);
  EXPECT_EQ(bus.pose[1].utime - bus.pose[0].utime, 20'000);
}

TEST(EgoCanBusTest, ValuesAreTheSimulatedOnesInTheFilesUnits) {
  const auto bus = EgoCanBus(StraightTown(), Steady(0.2), kSpan);
  const auto& pose = bus.pose[50];
  EXPECT_NEAR(pose.pos[0], 115, 1e-9);
  EXPECT_EQ(pose.vel, (std::array<double, 3>{10, 0, 0}));
  EXPECT_NEAR(pose.rotation_rate[2], 0.2, 1e-6);
  EXPECT_NEAR(bus.ms_imu[10].linear_accel[2], 9.81, 1e-9);
  EXPECT_NEAR(bus.vehicle_monitor[3].vehicle_speed, 36, 1e-9);
  EXPECT_NEAR(bus.vehicle_monitor[3].yaw_rate, 0.2 * 180 / std::numbers::pi, 1e-6);
  EXPECT_EQ(bus.vehicle_monitor[3].left_signal, 1);
  EXPECT_EQ(bus.vehicle_monitor[3].right_signal, 0);
  EXPECT_GT(bus.steeranglefeedback[0].value, 1);  // To the left: positive.
  // In a left turn the right wheels go farther.
  const auto& wheels = bus.zoe_veh_info[5].wheel_rpm;
  EXPECT_LT(wheels[0], wheels[1]);
  EXPECT_LT(wheels[2], wheels[3]);
}

TEST(EgoCanBusTest, RouteFollowsTheLaneFiftyMetresBeyondBothEnds) {
  const auto bus = EgoCanBus(StraightTown(), Steady(0), kSpan);
  ASSERT_GT(bus.route.size(), 100u);
  EXPECT_NEAR(bus.route.front()[0], 105 - 50, 0.6);
  EXPECT_NEAR(bus.route.back()[0], 145 + 50, 0.6);
  for (size_t i = 0; i < bus.route.size(); ++i) {
    EXPECT_EQ(bus.route[i][1], 0);
    if (i > 0) {
      EXPECT_GE(bus.route[i][0], bus.route[i - 1][0]);
    }
  }
}

TEST(EgoCanBusTest, RouteEndsWhereTheRoadsEnd) {
  auto town = StraightTown();
  town.lanes[1].successors.clear();
  town.lanes[1].predecessors.clear();
  auto drive = Steady(0);
  const auto bus = EgoCanBus(town, drive, kSpan);
  EXPECT_NEAR(bus.route.front()[0], 100, 1e-9);
  EXPECT_NEAR(bus.route.back()[0], 195, 0.6);
}

}  // namespace
}  // namespace occvla::world::synth
