#include "occvla/data/nuscenes/planning_export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numbers>
#include <stdexcept>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/json.h"
#include "occvla/base/test_folder.h"
#include "occvla/data/nuscenes/test_dataset.h"

namespace occvla::data::nuscenes {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr double kPi = std::numbers::pi;

class PlanningExportTest : public ::testing::Test {
 protected:
  Tables Read() const {
    made_.WriteTables(folder_.path(), "v1.0-made");
    return ReadTables(folder_.path(), "v1.0-made", CacheUse::kNone);
  }
  // The row of the k-th keyframe of the first scene.
  static Row KeyFrame(const Tables& tables, size_t k) {
    return *tables.FindSample(*Token::Parse(TestDataset::Token("sample", k)));
  }
  static std::string Instance(size_t number) { return TestDataset::Token("instance", number); }

  TestFolder folder_;
  TestDataset made_;
};

// The car stands at (100, 200) looking north, drives 2 m north, then turns a quarter to the left
// 1 m on, to the west.
TEST_F(PlanningExportTest, PutsTheFutureIntoTheFrameOfTheKeyFrame) {
  made_.AddScene("scene-0001",
                 {{100, 199, kPi / 2}, {100, 200, kPi / 2}, {100, 202, kPi / 2}, {99, 203, kPi}});
  // A car 10 m north and 3 m east, heading south; at the next keyframe 2 m nearer.
  made_.AddTrack(
      "vehicle.car",
      {{.keyframe = 1, .place = {103, 210, -kPi / 2}},
       {.keyframe = 2, .place = {103, 208, -kPi / 2}, .lidar_points = 3, .radar_points = 1}});
  const Tables tables = Read();
  const PlanningTruth truth = PlanningTruthOf(tables, KeyFrame(tables, 1));
  EXPECT_EQ(truth.scene, "scene-0001");
  EXPECT_EQ(truth.frames_before, 1);
  EXPECT_EQ(truth.frames_after, 2);
  EXPECT_THAT(truth.lidar_translation, ElementsAre(0.9, 0, 1.8));
  EXPECT_NEAR(truth.lidar_yaw, -kPi / 2, 1e-12);
  EXPECT_THAT(truth.valid, ElementsAre(true, true, false, false, false, false));
  EXPECT_NEAR(truth.positions_E[0][0], 2, 1e-9);
  EXPECT_NEAR(truth.positions_E[0][1], 0, 1e-9);
  EXPECT_NEAR(truth.positions_E[1][0], 3, 1e-9);
  EXPECT_NEAR(truth.positions_E[1][1], 1, 1e-9);
  EXPECT_NEAR(truth.yaws_E[0], 0, 1e-9);
  EXPECT_NEAR(truth.yaws_E[1], kPi / 2, 1e-9);
  EXPECT_EQ(truth.yaws_E[2], 0);

  ASSERT_EQ(truth.agents_now.size(), 1u);
  const PlanningAgent& now = truth.agents_now[0];
  EXPECT_NEAR(now.x_E, 10, 1e-9);
  EXPECT_NEAR(now.y_E, -3, 1e-9);
  EXPECT_EQ(now.length, 4);
  EXPECT_EQ(now.width, 2);
  EXPECT_NEAR(std::abs(now.yaw_E), kPi, 1e-9);
  EXPECT_EQ(now.category, "vehicle.car");
  EXPECT_EQ(now.id, Instance(0));
  EXPECT_EQ(now.lidar_points, 10);
  ASSERT_EQ(truth.agents[0].size(), 1u);
  EXPECT_NEAR(truth.agents[0][0].x_E, 8, 1e-9);  // Still in the frame of t0.
  EXPECT_EQ(truth.agents[0][0].lidar_points, 3);
  EXPECT_EQ(truth.agents[0][0].radar_points, 1);
  EXPECT_THAT(truth.agents[1], IsEmpty());
}

TEST_F(PlanningExportTest, SeenLooksBackTwoKeyFramesAndWantsLevelTwo) {
  made_.AddScene("scene-0001", {{0, 0, 0}, {1, 0, 0}, {2, 0, 0}, {3, 0, 0}, {4, 0, 0}});
  const auto add = [&](size_t keyframe, int visibility) {
    made_.AddTrack("vehicle.car", {{.keyframe = keyframe, .place = {}, .visibility = visibility}});
  };
  add(0, 4);  // Too long ago.
  add(1, 2);
  add(2, 1);  // Too hidden.
  add(3, 4);
  add(4, 4);  // Not yet.
  const Tables tables = Read();
  EXPECT_THAT(PlanningTruthOf(tables, KeyFrame(tables, 3)).seen,
              ElementsAre(Instance(1), Instance(3)));
}

TEST_F(PlanningExportTest, AtTheEndOfASceneNothingIsValid) {
  made_.AddScene("scene-0001", {{0, 0, 0}, {1, 0, 0}});
  made_.AddScene("scene-0002", {{5, 0, 0}});
  const Tables tables = Read();
  const PlanningTruth truth = PlanningTruthOf(tables, KeyFrame(tables, 1));
  EXPECT_EQ(truth.frames_after, 0);
  EXPECT_THAT(truth.valid, ElementsAre(false, false, false, false, false, false));
  EXPECT_THAT(truth.positions_E[5], ElementsAre(0, 0));
}

TEST_F(PlanningExportTest, WritesTheFormOfTheEvaluationsFile) {
  made_.AddScene("scene-0001", {{0, 0, 0}, {1.5, 0.25, 0}});
  made_.AddTrack("human.pedestrian.adult", {{.keyframe = 0, .place = {3, -2, 0.5}}});
  const Tables tables = Read();
  const std::vector<Row> keyframes = {KeyFrame(tables, 0), KeyFrame(tables, 1)};
  ExportPlanning(tables, keyframes, folder_ / "gt.json");
  const std::string text = ReadTextFile(folder_ / "gt.json");
  EXPECT_EQ(text.substr(0, 38), "{\n\"" + TestDataset::Token("sample", 0) + "\": ");
  const nlohmann::json document = ParseJson(text, "gt.json");
  EXPECT_EQ(document.size(), 2u);
  const nlohmann::json& record = document[TestDataset::Token("sample", 0)];
  EXPECT_EQ(record["case"], "scene-0001");
  EXPECT_EQ(record["lidar_in_ego"]["translation"][2], 1.8);
  EXPECT_EQ(record["gt"][0], nlohmann::json({1.5, 0.25}));
  EXPECT_EQ(record["gt"].size(), 6u);
  EXPECT_EQ(record["valid"], nlohmann::json({true, false, false, false, false, false}));
  const nlohmann::json& agent = record["agents_now"][0];
  EXPECT_EQ(agent.size(), 9u);
  EXPECT_EQ(agent[0], 3.0);
  EXPECT_NEAR(agent[4].get<double>(), 0.5, 1e-12);
  EXPECT_EQ(agent[5], "human.pedestrian.adult");
  EXPECT_EQ(record["agents"].size(), 6u);
  EXPECT_EQ(record["seen"], nlohmann::json({Instance(0)}));
  ExportPlanning(tables, keyframes, folder_ / "again.json");
  EXPECT_EQ(ReadTextFile(folder_ / "again.json"), text);
}

TEST_F(PlanningExportTest, AnExportThatIsStoppedLeavesNoFile) {
  made_.AddScene("scene-0001", {{0, 0, 0}});
  const Tables tables = Read();
  const std::vector<Row> keyframes = {KeyFrame(tables, 0)};
  EXPECT_THROW(ExportPlanning(tables, keyframes, folder_ / "gt.json",
                              [](uint64_t) { throw std::runtime_error("stop"); }),
               std::runtime_error);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "gt.json"));
}

TEST_F(PlanningExportTest, AKeyFrameWithoutLidarIsNamed) {
  made_.AddScene("scene-0001", {{0, 0, 0}});
  made_.sample_data.back().is_key_frame = false;
  const Tables tables = Read();
  try {
    (void)PlanningTruthOf(tables, KeyFrame(tables, 0));
    FAIL() << "a keyframe without lidar has no pose";
  } catch (const DataError& error) {
    EXPECT_EQ(std::string(error.what()),
              "keyframe " + TestDataset::Token("sample", 0) +
                  " has no LIDAR_TOP in sample_data: where the car was is not known. `occvla data "
                  "check` lists such keyframes.");
  }
}

}  // namespace
}  // namespace occvla::data::nuscenes
