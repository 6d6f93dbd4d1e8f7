#include "occvla/data/nuscenes/write_tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "occvla/base/json.h"
#include "occvla/base/rng.h"
#include "occvla/base/test_folder.h"

namespace occvla::data::nuscenes {
namespace {

using ::testing::ElementsAre;

std::string Number(double value) {
  std::string json;
  AppendNumber(value, &json);
  return json;
}

std::vector<std::string> NamesInOrder(const std::string& json) {
  std::vector<std::string> names;
  const auto object = nlohmann::ordered_json::parse(json);
  for (const auto& [name, value] : object.items()) names.push_back(name);
  return names;
}

TEST(WriteTablesTest, NumbersAreShortAndStayFloats) {
  EXPECT_EQ(Number(0.1), "0.1");
  EXPECT_EQ(Number(3), "3.0");
  EXPECT_EQ(Number(-0.0), "-0.0");
  EXPECT_EQ(Number(1e22), "1e+22");
  EXPECT_EQ(Number(1266.417203046554), "1266.417203046554");
}

TEST(WriteTablesTest, NumbersReadBackAsTheSameDouble) {
  Rng rng(1, "numbers");
  for (int i = 0; i < 2000; ++i) {
    const double value = std::ldexp(rng.Uniform() - 0.5, static_cast<int>(rng.Below(200)) - 100);
    EXPECT_EQ(std::strtod(Number(value).c_str(), nullptr), value);
  }
}

TEST(WriteTablesTest, RowHasTheFieldsInTheOrderOfTheDocumentation) {
  EXPECT_EQ(ToJson(EgoPoseRecord{.token = "ab",
                                 .translation = {1, 2.5, 0},
                                 .rotation = {1, 0, 0, 0},
                                 .timestamp_us = 1532402927612460}),
            R"({"token": "ab", "translation": [1.0, 2.5, 0.0], "rotation": [1.0, 0.0, 0.0, 0.0], )"
            R"("timestamp": 1532402927612460})");
  EXPECT_THAT(
      NamesInOrder(ToJson(SampleDataRecord{})),
      ElementsAre("token", "sample_token", "ego_pose_token", "calibrated_sensor_token", "filename",
                  "fileformat", "width", "height", "timestamp", "is_key_frame", "next", "prev"));
  EXPECT_THAT(NamesInOrder(ToJson(SampleAnnotationRecord{})),
              ElementsAre("token", "sample_token", "instance_token", "attribute_tokens",
                          "visibility_token", "translation", "size", "rotation", "num_lidar_pts",
                          "num_radar_pts", "next", "prev"));
}

TEST(WriteTablesTest, EveryTableGivesOneJsonObject) {
  for (const auto& json :
       {ToJson(AttributeRecord{}), ToJson(CalibratedSensorRecord{}), ToJson(CategoryRecord{}),
        ToJson(EgoPoseRecord{}), ToJson(InstanceRecord{}), ToJson(LogRecord{}), ToJson(MapRecord{}),
        ToJson(SampleRecord{}), ToJson(SampleAnnotationRecord{}), ToJson(SampleDataRecord{}),
        ToJson(SceneRecord{}), ToJson(SensorRecord{}), ToJson(VisibilityRecord{})}) {
    EXPECT_TRUE(ParseJson(json, "row").is_object()) << json;
    EXPECT_EQ(json.find('\n'), std::string::npos) << json;
  }
}

TEST(WriteTablesTest, CameraHasThreeByThreeAndLidarAnEmptyList) {
  CalibratedSensorRecord record{.token = "t", .sensor_token = "s"};
  EXPECT_EQ(ParseJson(ToJson(record), "row")["camera_intrinsic"], nlohmann::json::array());
  record.camera_intrinsic = {{1, 2, 3, 4, 5, 6, 7, 8, 9}};
  EXPECT_EQ(ParseJson(ToJson(record), "row")["camera_intrinsic"],
            nlohmann::json::parse("[[1.0,2.0,3.0],[4.0,5.0,6.0],[7.0,8.0,9.0]]"));
}

TEST(WriteTablesTest, TextIsEscaped) {
  const auto json = ToJson(SceneRecord{.token = "t", .description = "a \"b\" \\ \n\x01 ü"});
  EXPECT_EQ(ParseJson(json, "row")["description"], "a \"b\" \\ \n\x01 ü");
}

TEST(WriteTablesTest, SaysWhichRowAndFieldJsonCannotHold) {
  EgoPoseRecord pose{.token = "00ff", .translation = {0, NAN, 0}};
  try {
    (void)ToJson(pose);
    FAIL() << "NaN was written";
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(),
                 "ego_pose, record \"00ff\": \"translation\" is not finite at [1], which JSON "
                 "cannot hold.");
  }
  try {
    (void)ToJson(LogRecord{.token = "00ff", .vehicle = "n\xff"});
    FAIL() << "a text that is not UTF-8 was written";
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(), "log, record \"00ff\": \"vehicle\" is not UTF-8: n\\xff.");
  }
}

TEST(WriteTablesTest, TableIsAnArrayOfItsRows) {
  const TestFolder folder;
  {
    TableWriter writer(folder.path(), "sensor");
    for (int i = 0; i < 30'000; ++i)  // More than one buffer.
      writer.Add(
          SensorRecord{.token = std::to_string(i), .channel = "CAM_FRONT", .modality = "camera"});
    EXPECT_EQ(writer.rows(), 30'000u);
    writer.Commit();
  }
  const auto table = ReadJsonFile(folder / "sensor.json");
  ASSERT_EQ(table.size(), 30'000u);
  EXPECT_EQ(table[29'999]["token"], "29999");
}

TEST(WriteTablesTest, TableWithoutRowsIsAnEmptyArray) {
  const TestFolder folder;
  TableWriter writer(folder.path(), "log");
  writer.Commit();
  EXPECT_EQ(ReadJsonFile(folder / "log.json"), nlohmann::json::array());
}

TEST(WriteTablesTest, TableThatWasNotFinishedLeavesNothing) {
  const TestFolder folder;
  { TableWriter(folder.path(), "log").AddRow("{}"); }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace occvla::data::nuscenes
