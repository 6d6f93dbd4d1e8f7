#include "occvla/world/synth/scene_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/json.h"
#include "occvla/base/test_folder.h"
#include "occvla/data/image/image.h"
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

nlohmann::json Rows(const SceneRecord& record, Part part) {
  auto rows = nlohmann::json::array();
  for (const auto& row : record[part]) rows.push_back(ParseJson(row, "row"));
  return rows;
}

/// TestTown's scene in tiny pictures: two keyframes of a standing car.
struct TinyScene {
  Config config;
  TestTown world;
  ScenePlan plan{.name = "scene-0001",
                 .logfile = "n008-2024-01-01-10-00-00-0500",
                 .date = "2024-01-01",
                 .start_us = 1'700'000'000'000'000};
  int keyframes = 0;  ///< Reported as done.

  TinyScene() {
    config.set.keyframes = 2;
    config.camera.image_scale = 0.03;
    world.drive.intents.assign(world.drive.ego.size(), {});
    world.town.lanes.resize(1);
  }
  SceneRecord Write(const fs::path& to, int threads, std::stop_token stop = {}) {
    Workers workers(threads);
    const SceneInput input{.config = config,
                           .seed = 7,
                           .index = 0,
                           .plan = plan,
                           .town = world.town,
                           .props = world.props,
                           .drive = world.drive,
                           .workers = workers};
    return WriteScene(input, to, stop, [this] { ++keyframes; });
  }
};

/// The scene, written once for all tests that only look at it.
class SceneWriterTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TestFolder>();
    record_ = std::make_unique<SceneRecord>(TinyScene().Write(folder_->path(), 3));
  }
  static void TearDownTestSuite() {
    folder_.reset();
    record_.reset();
  }

  inline static std::unique_ptr<const TestFolder> folder_;
  inline static std::unique_ptr<const SceneRecord> record_;
};

TEST_F(SceneWriterTest, SameBytesForAnyNumberOfThreads) {
  const TestFolder alone;
  TinyScene scene;
  const auto record = scene.Write(alone.path(), 1);
  EXPECT_EQ(FilesBelow(alone.path()), FilesBelow(folder_->path()));
  EXPECT_EQ(ToText(record), ToText(*record_));
  EXPECT_EQ(scene.keyframes, 2);
}

TEST_F(SceneWriterTest, EveryRowOfSampleDataHasItsFileAndItsPose) {
  const auto rows = Rows(*record_, Part::kSampleData), poses = Rows(*record_, Part::kEgoPose);
  ASSERT_EQ(rows.size(), 2u * 7 + 1);  // Two keyframes, and a sweep between them.
  ASSERT_EQ(poses.size(), rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::string name = rows[i]["filename"];
    const auto path = folder_->path() / name;
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
  std::map<std::string, int64_t> keyframes;
  for (const auto& sample : Rows(*record_, Part::kSample))
    keyframes[sample["token"]] = sample["timestamp"];
  int others = 0;
  for (const auto& row : Rows(*record_, Part::kSampleData)) {
    if (!row["is_key_frame"].get<bool>()) continue;
    const int64_t off = row["timestamp"].get<int64_t>() - keyframes.at(row["sample_token"]);
    EXPECT_LE(std::abs(off), 50'000);
    others += off != 0;
  }
  EXPECT_EQ(others, 12);  // The lidar's time is the keyframe's.
}

TEST_F(SceneWriterTest, AnnotationsCountTheirPoints) {
  const auto rows = Rows(*record_, Part::kSampleAnnotation);
  ASSERT_FALSE(rows.empty());
  int64_t points = 0;
  for (const auto& row : rows) {
    points += row["num_lidar_pts"].get<int64_t>();
    EXPECT_EQ(row["num_radar_pts"], 0);
  }
  EXPECT_GT(points, 100);  // A car at 14 m.
}

TEST_F(SceneWriterTest, LabelsLieWhereOcc3dHasThem) {
  const auto frames =
      ParseJson("{" + (*record_)[Part::kOccupancy][0] + "}", "frames")["scene-0001"];
  ASSERT_EQ(frames.size(), 2u);
  for (const auto& [token, frame] : frames.items()) {
    const std::string path = frame["gt_path"];
    EXPECT_EQ(path, "gts/scene-0001/" + token + "/labels.npz");
    EXPECT_EQ(data::occ3d::ReadLabels(folder_->path() / path).semantics.size(), 640'000u);
    EXPECT_EQ(frame["camera_sensor"].size(), 6u);
  }
}

TEST_F(SceneWriterTest, StopsWhenAsked) {
  const TestFolder folder;
  std::stop_source stop;
  stop.request_stop();
  TinyScene scene;
  EXPECT_THROW((void)scene.Write(folder.path(), 2, stop.get_token()), BusyError);
  EXPECT_EQ(scene.keyframes, 0);
}

}  // namespace
}  // namespace occvla::world::synth
