#include "occvla/world/synth/scene_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/json.h"
#include "occvla/base/test_folder.h"
#include "occvla/data/image/image.h"
#include "occvla/data/nuscenes/dataset.h"
#include "occvla/data/occ3d/labels.h"
#include "occvla/world/render/test_town.h"
#include "occvla/world/synth/annotate.h"

namespace occvla::world::synth {
namespace {

namespace fs = std::filesystem;

std::map<std::string, std::string> FilesBelow(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file())
      files[entry.path().lexically_relative(folder).generic_string()] = ReadTextFile(entry.path());
  return files;
}

/// TestTown's scene in tiny pictures: two keyframes of a standing car.
class SceneWriterTest : public ::testing::Test {
 protected:
  SceneWriterTest() {
    config_.set.keyframes = 2;
    config_.camera.image_scale = 0.03;
    world_.drive.intents.assign(world_.drive.ego.size(), {});
    world_.town.lanes.resize(1);
    plan_ = {.name = "scene-0001",
             .logfile = "n008-2024-01-01-10-00-00-0500",
             .date = "2024-01-01",
             .start_us = 1'700'000'000'000'000};
  }

  SceneRecord Write(const fs::path& to, int threads, std::stop_token stop = {}) {
    const SceneInput input{.config = config_,
                           .seed = 7,
                           .index = 0,
                           .plan = plan_,
                           .town = world_.town,
                           .props = world_.props,
                           .drive = world_.drive,
                           .threads = threads};
    return WriteScene(input, to, stop, [this] { ++keyframes_; });
  }

  nlohmann::json Rows(const SceneRecord& record, Part part) {
    auto rows = nlohmann::json::array();
    for (const auto& row : record[part]) rows.push_back(ParseJson(row, "row"));
    return rows;
  }

  Config config_;
  TestTown world_;
  ScenePlan plan_;
  int keyframes_ = 0;
};

TEST_F(SceneWriterTest, SameBytesForAnyNumberOfThreads) {
  const TestFolder one, three;
  const auto a = Write(one.path(), 1), b = Write(three.path(), 3);
  EXPECT_EQ(FilesBelow(one.path()), FilesBelow(three.path()));
  EXPECT_EQ(ToText(a), ToText(b));
  EXPECT_EQ(keyframes_, 4);
}

TEST_F(SceneWriterTest, EveryRowOfSampleDataHasItsFileAndItsPose) {
  const TestFolder folder;
  const auto record = Write(folder.path(), 2);
  const auto rows = Rows(record, Part::kSampleData), poses = Rows(record, Part::kEgoPose);
  ASSERT_EQ(rows.size(), 2u * 7 + 1);  // Two keyframes, and a sweep between them.
  ASSERT_EQ(poses.size(), rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::string name = rows[i]["filename"];
    const auto path = folder.path() / name;
    ASSERT_TRUE(fs::is_regular_file(path)) << path;
    EXPECT_EQ(rows[i]["ego_pose_token"], poses[i]["token"]);
    EXPECT_EQ(rows[i]["timestamp"], poses[i]["timestamp"]);
    EXPECT_TRUE(name.starts_with(rows[i]["is_key_frame"].get<bool>() ? "samples/" : "sweeps/"));
    if (rows[i]["fileformat"] == "jpg") {
      const auto size = data::ReadImageSize(path);
      EXPECT_EQ(rows[i]["width"], size.width_px);
      EXPECT_EQ(rows[i]["height"], size.height_px);
    } else {
      EXPECT_EQ(fs::file_size(path) % 20, 0u);
      EXPECT_GT(fs::file_size(path), 20u * 1000);
    }
  }
}

TEST_F(SceneWriterTest, CamerasFireWithinFiftyMillisecondsOfTheirKeyframe) {
  const TestFolder folder;
  const auto record = Write(folder.path(), 2);
  std::map<std::string, int64_t> keyframes;
  for (const auto& sample : Rows(record, Part::kSample))
    keyframes[sample["token"]] = sample["timestamp"];
  int others = 0;
  for (const auto& row : Rows(record, Part::kSampleData)) {
    if (!row["is_key_frame"].get<bool>()) continue;
    const int64_t off = row["timestamp"].get<int64_t>() - keyframes.at(row["sample_token"]);
    EXPECT_LE(std::abs(off), 50'000);
    others += off != 0;
  }
  EXPECT_EQ(others, 12);  // The lidar's time is the keyframe's.
}

TEST_F(SceneWriterTest, BoxesHoldThePointsThatTheyCount) {
  const TestFolder folder;
  const auto record = Write(folder.path(), 2);
  const auto rows = Rows(record, Part::kSampleAnnotation);
  ASSERT_FALSE(rows.empty());
  int64_t points = 0;
  for (const auto& row : rows) {
    points += row["num_lidar_pts"].get<int64_t>();
    EXPECT_EQ(row["num_radar_pts"], 0);
  }
  EXPECT_GT(points, 100);  // A car at 14 m.
}

TEST_F(SceneWriterTest, LabelsLieWhereOcc3dHasThem) {
  const TestFolder folder;
  const auto record = Write(folder.path(), 2);
  const auto frames = ParseJson("{" + record[Part::kOccupancy][0] + "}", "frames")["scene-0001"];
  ASSERT_EQ(frames.size(), 2u);
  for (const auto& [token, frame] : frames.items()) {
    const std::string path = frame["gt_path"];
    EXPECT_EQ(path, "gts/scene-0001/" + token + "/labels.npz");
    const auto labels = data::occ3d::ReadLabels(folder.path() / path);
    EXPECT_EQ(labels.semantics.size(), 640'000u);
    EXPECT_EQ(frame["camera_sensor"].size(), 6u);
  }
}

TEST_F(SceneWriterTest, StopsWhenAsked) {
  const TestFolder folder;
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW((void)Write(folder.path(), 2, stop.get_token()), BusyError);
  EXPECT_EQ(keyframes_, 0);
}

}  // namespace
}  // namespace occvla::world::synth
