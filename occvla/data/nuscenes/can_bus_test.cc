#include "occvla/data/nuscenes/can_bus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "occvla/base/error.h"
#include "occvla/base/test_folder.h"

namespace occvla::data::nuscenes {
namespace {

namespace fs = std::filesystem;

CanBus SmallBus() {
  CanBus bus;
  for (int i = 0; i < 3; ++i) {
    const double x = 0.1 * i;
    const int64_t utime = 1'600'000'000'000'000 + 10'000 * i;
    bus.ms_imu.push_back({utime, {x, 1, 9.8}, {1, 0, 0, 0}, {0, 0, x}});
    bus.pose.push_back({utime, {x, 0, 0}, {0.6, 0, 0, 0.8}, {600, 1600 + x, 0}, {}, {8, 0, 0}});
    bus.steeranglefeedback.push_back({utime, -x});
    CanVehicleMonitor monitor;
    monitor.utime = utime;
    monitor.brake = i;
    monitor.vehicle_speed = 30.5 + x;
    bus.vehicle_monitor.push_back(monitor);
    bus.zoesensors.push_back({utime, 0.2, 0.21, 0.3 + x});
    CanZoeVehicleInfo info;
    info.utime = utime;
    info.wheel_rpm = {1, 2, 3, 4 + x};
    info.odom = 100 + i;
    bus.zoe_veh_info.push_back(info);
    bus.route.push_back({600 + x, 1600});
  }
  return bus;
}

class CanBusTest : public ::testing::Test {
 protected:
  void SetUp() override { WriteCanBus(folder_.path(), kScene, SmallBus()); }
  fs::path PathOf(const std::string& message) const {
    return folder_ / (std::string(kScene) + "_" + message + ".json");
  }
  void Put(const std::string& message, const std::string& text) const {
    std::ofstream(PathOf(message), std::ios::trunc) << text;
  }
  std::string Complaint() const {
    try {
      (void)ReadCanBus(folder_.path(), kScene);
    } catch (const DataError& error) {
      return error.what();
    }
    return "";
  }
  std::string One(const std::string& message, const std::string& problem) const {
    return "CAN bus of scene-0001:\n  - " + PathOf(message).string() + problem +
           "\nUnpack the CAN bus expansion again.";
  }
  static constexpr const char* kScene = "scene-0001";
  TestFolder folder_;
};

TEST_F(CanBusTest, GivesBackWhatWasWritten) {
  const auto read = ReadCanBus(folder_.path(), kScene);
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->missing.empty());
  // Written again, every field of every message must come out the same.
  TestFolder again;
  WriteCanBus(again.path(), kScene, read->bus);
  for (const std::string& name : CanBusFiles(kScene)) {
    std::ifstream a(folder_ / name), b(again / name);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(a), {}),
              std::string(std::istreambuf_iterator<char>(b), {}))
        << name;
  }
  EXPECT_EQ(read->bus.pose[1].orientation, (std::array<double, 4>{0.6, 0, 0, 0.8}));
  EXPECT_EQ(read->bus.zoe_veh_info[2].wheel_rpm[3], 4.2);
  EXPECT_EQ(read->bus.vehicle_monitor[2].brake, 2);
  EXPECT_EQ(read->bus.route.size(), 3);
  ASSERT_EQ(read->meta.size(), 6);
  EXPECT_EQ(read->meta[0].message, "ms_imu");
  EXPECT_EQ(read->meta[0].count, 3);
}

TEST_F(CanBusTest, ASceneWithoutAnyFileHasNoCanData) {
  EXPECT_FALSE(ReadCanBus(folder_.path(), "scene-0161"));
  EXPECT_FALSE(ReadCanBus(folder_ / "nowhere", kScene));
}

TEST_F(CanBusTest, WhatScenesLackByNatureIsListedAndTheRestComplainedOf) {
  fs::remove(PathOf("vehicle_monitor"));
  fs::remove(PathOf("route"));
  const auto read = ReadCanBus(folder_.path(), kScene);
  ASSERT_TRUE(read);
  EXPECT_THAT(read->missing, ::testing::ElementsAre("vehicle_monitor", "route"));
  fs::remove(PathOf("pose"));
  EXPECT_EQ(Complaint(), One("pose", " is missing, though the scene has other CAN files"));
}

TEST_F(CanBusTest, NamesFileRecordAndField) {
  const std::string good = R"({"utime": 1, "brake_sensor": 0.2, "steering_sensor": 0.2)";
  Put("zoesensors", "[" + good + R"(, "throttle_sensor": 0.3}, )" + good + "}]");
  EXPECT_EQ(Complaint(), One("zoesensors", ", record 1: \"throttle_sensor\" is missing"));
  Put("zoesensors", "[" + good + R"(, "throttle_sensor": "x"}])");
  EXPECT_EQ(Complaint(), One("zoesensors",
                             ", record 0: \"throttle_sensor\" must be a finite number, "
                             "but is \"x\""));
  Put("zoesensors", "[" + good + R"(, "throttle_sensor": 1, "more": 1}])");
  EXPECT_EQ(Complaint(), One("zoesensors", ", record 0: \"more\" is no field of this message"));
  Put("zoesensors", "[3]");
  EXPECT_EQ(Complaint(), One("zoesensors", ", record 0 must be an object, but is 3"));
  Put("zoesensors", "{}");
  EXPECT_EQ(Complaint(), One("zoesensors", ": must be a list, but is {}."));
  Put("zoesensors", "[]");
  Put("steeranglefeedback", R"([{"utime": 1.5, "value": 0}])");
  EXPECT_EQ(Complaint(), One("steeranglefeedback",
                             ", record 0: \"utime\" must be a whole number, but "
                             "is 1.5"));
  Put("steeranglefeedback", R"([{"utime": 5.0, "value": 0}])");
  EXPECT_EQ(ReadCanBus(folder_.path(), kScene)->bus.steeranglefeedback[0].utime, 5);
  Put("route", "[[1, 2], [3]]");
  EXPECT_EQ(Complaint(), One("route", ", record 1 must be [x, y], but is [3]"));
  Put("route", "[[1, 2]");
  EXPECT_THAT(Complaint(),
              ::testing::HasSubstr("scene-0001_route.json: not usable as JSON at byte"));
}

}  // namespace
}  // namespace occvla::data::nuscenes
