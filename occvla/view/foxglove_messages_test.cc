#include "occvla/view/foxglove_messages.h"

#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "occvla/geom/voxel_grid.h"
#include "occvla/view/foxglove_schemas.h"

namespace occvla::view {
namespace {

using Json = nlohmann::json;

std::string Decoded(const std::string& text) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  uint32_t group = 0;
  int bits = 0;
  for (const char c : text) {
    if (c == '=') break;
    group = group << 6 | static_cast<uint32_t>(kDigits.find(c));
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>(group >> bits);
  }
  return bytes;
}

/// What in `value` a schema does not name or has with another type.
std::vector<std::string> Unlike(const Json& value, const Json& schema, const std::string& path) {
  std::vector<std::string> unlike;
  const auto add = [&](const Json& part, const Json& rule, const std::string& where) {
    for (auto& one : Unlike(part, rule, where)) unlike.push_back(std::move(one));
  };
  if (schema.contains("oneOf")) {
    for (const Json& choice : schema["oneOf"])
      if (choice["const"] == value) return {};
    return {path + " is none of the values"};
  }
  const std::string type = schema["type"];
  if (type == "object") {
    if (!value.is_object() || value.size() != schema["properties"].size())
      return {path + " differs in its fields"};
    for (const auto& [name, part] : value.items()) {
      if (!schema["properties"].contains(name)) return {path + "." + name + " is unknown"};
      add(part, schema["properties"][name], path + "." + name);
    }
  } else if (type == "array") {
    if (!value.is_array()) return {path + " is no list"};
    for (const Json& part : value) add(part, schema["items"], path + "[]");
  } else if ((type == "string" && !value.is_string()) || (type == "number" && !value.is_number()) ||
             (type == "integer" && !value.is_number_integer()) ||
             (type == "boolean" && !value.is_boolean())) {
    return {path + " is no " + type};
  }
  return unlike;
}

void ExpectLike(const std::string& message, const std::string& schema) {
  for (const auto& one : Unlike(Json::parse(message), Json::parse(schema), ""))
    ADD_FAILURE() << one;
}

data::Frame FrameWithBox() {
  data::Frame frame;
  frame.now = data::EgoMoment{.timestamp_us = 5, .X_GE = geom::Pose::Identity()};
  frame.now->X_GE.translation() = Eigen::Vector3d(100, 50, 0);
  data::Annotation car;
  car.token = "a";
  car.instance_token = "i";
  car.category = "vehicle.car";
  car.box_G.X_AB.translation() = Eigen::Vector3d(110, 52, 1);
  car.box_G.size = Eigen::Vector3d(4, 2, 1.5);
  car.velocity_G = Eigen::Vector3d(3, 0, 0);
  car.lidar_points = 7;
  frame.annotations.push_back(car);
  return frame;
}

TEST(FoxgloveMessagesTest, EveryMessageFollowsItsSchema) {
  const geom::PinholeCamera camera{.width_px = 320, .height_px = 180};
  ExpectLike(ImageMessage(7, "CAM_FRONT", "\xff\xd8", "jpeg"), CompressedImageSchema());
  ExpectLike(CalibrationMessage(7, "CAM_FRONT", camera), CameraCalibrationSchema());
  const std::vector<FramePlace> places = {{"map", "ego", geom::Pose::Identity()}};
  ExpectLike(TransformsMessage(7, places), FrameTransformsSchema());
  ExpectLike(BoxesMessage(7, FrameWithBox()), SceneUpdateSchema());
  LocalMap map;
  map.lines.push_back({LocalMap::LineKind::kLaneDivider, {{0, 0, 0}, {1, 0, 0}}});
  map.areas.push_back({data::nuscenes::Layer::kDrivableArea, {{{0, 0, 0}, {1, 0, 0}, {1, 1, 0}}}});
  ExpectLike(MapMessage(7, map), SceneUpdateSchema());
  const std::vector<PathPoint> path = {{{0, 0}, 0, 0}, {{5, 0}, 0.5, 0}, {{10, 0}, 1, 0}};
  ExpectLike(PathMessage(7, "planned", path, path, Rgb(0xffffff)), SceneUpdateSchema());
  ExpectLike(VoxelsMessage(7, std::vector<uint8_t>(geom::VoxelGrid::kCount, 17)),
             PointCloudSchema());
  ExpectLike(LogMessage(7, LogLevel::kWarning, "flag", "\xc3"), LogSchema());
}

TEST(FoxgloveMessagesTest, ABoxLiesInTheEgoFrameWithAnArrowAlongItsMotion) {
  const Json update = Json::parse(BoxesMessage(3'000'000'004, FrameWithBox()));
  EXPECT_EQ(update["deletions"][0]["type"], 1);
  const Json& entity = update["entities"].at(0);
  EXPECT_EQ(entity["timestamp"], (Json{{"sec", 3}, {"nsec", 4}}));
  EXPECT_EQ(entity["cubes"][0]["pose"]["position"], (Json{{"x", 10.0}, {"y", 2.0}, {"z", 1.0}}));
  EXPECT_EQ(entity["cubes"][0]["size"], (Json{{"x", 4.0}, {"y", 2.0}, {"z", 1.5}}));
  EXPECT_EQ(entity["arrows"][0]["shaft_length"], 3.0);
  EXPECT_EQ(entity["texts"][0]["text"], "car");
}

TEST(FoxgloveMessagesTest, VoxelsBecomePointsAtTheirCentresWithClassAndColour) {
  std::vector<uint8_t> labels(geom::VoxelGrid::kCount, 17);
  labels[(100 * 200 + 50) * 16 + 3] = 4;  // A car.
  const Json cloud = Json::parse(VoxelsMessage(0, labels));
  const std::string data = Decoded(cloud["data"]);
  ASSERT_EQ(data.size(), 17u);
  ASSERT_EQ(cloud["point_stride"], 17);
  std::array<float, 3> p_E{};
  std::memcpy(p_E.data(), data.data(), sizeof(p_E));
  EXPECT_FLOAT_EQ(p_E[0], 0.2f);
  EXPECT_FLOAT_EQ(p_E[1], -19.8f);
  EXPECT_FLOAT_EQ(p_E[2], 0.4f);
  EXPECT_EQ(data.substr(12), std::string("\xff\x9e\x00\xff\x04", 5));
}

TEST(FoxgloveMessagesTest, WhatLiesInsideOfASolidIsLeftOut) {
  std::vector<uint8_t> labels(geom::VoxelGrid::kCount, 17);
  for (size_t i = 10; i < 13; ++i)
    for (size_t j = 10; j < 13; ++j)
      for (size_t k = 5; k < 8; ++k) labels[(i * 200 + j) * 16 + k] = 15;
  const Json cloud = Json::parse(VoxelsMessage(0, labels));
  EXPECT_EQ(Decoded(cloud["data"]).size() / 17, 26u);
  // A full grid shows its outside: 200 x 200 x 16 less the inner 198 x 198 x 14.
  const Json full =
      Json::parse(VoxelsMessage(0, std::vector<uint8_t>(geom::VoxelGrid::kCount, 15)));
  EXPECT_EQ(Decoded(full["data"]).size() / 17, 640000u - 198u * 198u * 14u);
}

TEST(FoxgloveMessagesTest, ThePathIsALineWithABallAtEachMark) {
  const std::vector<PathPoint> path = {{{0, 0}, 0, 0}, {{5, 1}, 0.5, 0}, {{10, 3}, 1, 0}};
  const std::vector<PathPoint> marks = {{{5, 1}, 0.5, 2}};
  const Json entity = Json::parse(PathMessage(0, "planned", path, marks, Rgb(0)))["entities"][0];
  EXPECT_EQ(entity["lines"][0]["points"].size(), 3u);
  ASSERT_EQ(entity["spheres"].size(), 1u);
  EXPECT_EQ(entity["spheres"][0]["pose"]["position"], (Json{{"x", 5.0}, {"y", 1.0}, {"z", 2.1}}));
}

}  // namespace
}  // namespace occvla::view
