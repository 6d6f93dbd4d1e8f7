#include "occvla/data/nuscenes/write_can_bus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "occvla/base/json.h"
#include "occvla/base/test_folder.h"

namespace occvla::data::nuscenes {
namespace {

using ::testing::DoubleEq;
using ::testing::UnorderedElementsAreArray;

CanBus TwoMessages() {
  CanBus bus;
  bus.ms_imu = {{.utime = 1'000'000, .linear_accel = {1, 0, 9.8}, .q = {1, 0, 0, 0}},
                {.utime = 1'010'000, .linear_accel = {3, 0, 9.8}, .q = {1, 0, 0, 0}}};
  bus.steeranglefeedback = {{.utime = 5, .value = -0.25}};
  bus.vehicle_monitor = {{.utime = 7, .brake = 12, .brake_switch = 2, .vehicle_speed = 36.5}};
  bus.zoe_veh_info = {{.utime = 9, .wheel_rpm = {1, 2, 3, 4}, .mean_effective_torque = -20.5}};
  bus.route = {{{1, 2}, {3.5, 4}}};
  return bus;
}

TEST(WriteCanBusTest, MakesTheFilesThatItNames) {
  const TestFolder folder;
  WriteCanBus(folder.path(), "scene-0001", TwoMessages());
  std::vector<std::string> made;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    made.push_back(entry.path().filename().string());
  EXPECT_EQ(made.size(), 8u);
  EXPECT_THAT(CanBusFiles("scene-0001"), UnorderedElementsAreArray(made));
}

TEST(WriteCanBusTest, FieldsHaveTheNamesOfTheExpansion) {
  const TestFolder folder;
  WriteCanBus(folder.path(), "scene-0001", TwoMessages());
  const auto imu = ReadJsonFile(folder / "scene-0001_ms_imu.json");
  EXPECT_EQ(imu[1]["utime"], 1'010'000);
  EXPECT_EQ(imu[1]["linear_accel"], (nlohmann::json{3.0, 0.0, 9.8}));
  const auto monitor = ReadJsonFile(folder / "scene-0001_vehicle_monitor.json");
  EXPECT_EQ(monitor[0]["brake"], 12);
  EXPECT_EQ(monitor[0]["vehicle_speed"], 36.5);
  EXPECT_EQ(monitor[0].size(), 15u);
  const auto info = ReadJsonFile(folder / "scene-0001_zoe_veh_info.json");
  EXPECT_EQ(info[0]["FR_wheel_speed"], 2.0);
  EXPECT_EQ(info[0]["meanEffTorque"], -20.5);
  EXPECT_EQ(info[0].size(), 18u);
  EXPECT_EQ(ReadJsonFile(folder / "scene-0001_pose.json"), nlohmann::json::array());
  EXPECT_EQ(ReadJsonFile(folder / "scene-0001_route.json"),
            nlohmann::json::parse("[[1.0, 2.0], [3.5, 4.0]]"));
}

TEST(WriteCanBusTest, MetaCountsAndMeasures) {
  const TestFolder folder;
  WriteCanBus(folder.path(), "scene-0001", TwoMessages());
  const auto meta = ReadJsonFile(folder / "scene-0001_meta.json");
  EXPECT_EQ(meta.size(), 6u);
  const auto& imu = meta["ms_imu"];
  EXPECT_EQ(imu["message_count"], 2);
  EXPECT_THAT(imu["message_freq"].get<double>(), DoubleEq(1 / 0.01));
  EXPECT_THAT(imu["timespan"].get<double>(), DoubleEq(0.01));
  const auto& acceleration = imu["var_stats"]["linear_accel"];
  EXPECT_EQ(acceleration["max"][0], 3.0);
  EXPECT_EQ(acceleration["mean"][0], 2.0);
  EXPECT_EQ(acceleration["min"][0], 1.0);
  EXPECT_EQ(acceleration["std"][0], 1.0);
  EXPECT_EQ(imu["var_stats"]["linear_accel_diff"]["max"][0], 2.0);
  EXPECT_EQ(meta["steeranglefeedback"]["var_stats"]["value"]["mean"], -0.25);
  EXPECT_EQ(meta["pose"]["message_count"], 0);
  EXPECT_EQ(meta["pose"]["var_stats"], nlohmann::json::object());
}

}  // namespace
}  // namespace occvla::data::nuscenes
