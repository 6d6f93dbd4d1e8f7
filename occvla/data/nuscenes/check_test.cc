#include "occvla/data/nuscenes/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"
#include "occvla/data/nuscenes/check_files.h"
#include "occvla/data/nuscenes/test_dataset.h"
#include "occvla/data/occ3d/labels.h"
#include "occvla/data/occ3d/layout.h"
#include "occvla/data/prediction.h"

namespace occvla::data::nuscenes {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Three scenes of two keyframes, all files there.
class CheckTest : public ::testing::Test {
 protected:
  CheckTest() {
    for (const char* scene : {"scene-0001", "scene-0002", "scene-0003"})
      made_.AddScene(scene, {{0, 0, 0}, {1, 0, 0}});
    made_.AddTrack("vehicle.car", {{.keyframe = 0, .place = {5, 0, 0}}});
    made_.WriteFiles(folder_.path());
  }

  CheckReport Check(FileCheck files = FileCheck::kHeader, size_t threads = 2) {
    made_.WriteTables(folder_.path(), "v1.0-made");
    CheckOptions options;
    options.dataset.dataroot = folder_.path();
    options.dataset.version = "v1.0-made";
    options.dataset.cache = CacheUse::kNone;
    options.dataset.questions = questions_;
    options.files = files;
    options.threads = threads;
    return CheckDataset(options);
  }
  static std::vector<std::string> Texts(const CheckReport& report, std::string_view part) {
    for (const CheckPart& one : report.parts)
      if (one.name == part) return one.texts;
    return {};
  }
  std::vector<std::string> FileProblems(FileCheck files = FileCheck::kHeader) {
    return Texts(Check(files), "files");
  }

  std::string Name(std::string_view channel, size_t scene, size_t keyframe) const {
    for (const SampleDataRecord& row : made_.sample_data) {
      if (row.filename.find("/" + std::string(channel) + "/") != std::string::npos &&
          row.sample_token == TestDataset::Token("sample", 2 * scene + keyframe))
        return row.filename;
    }
    return "";
  }
  void Remove(std::string_view channel, size_t scene, size_t keyframe) const {
    fs::remove(folder_.path() / Name(channel, scene, keyframe));
  }
  void RemoveScene(size_t scene) const {
    for (const SensorRecord& sensor : made_.sensors)
      for (const size_t keyframe : {0u, 1u}) Remove(sensor.channel, scene, keyframe);
  }

  TestFolder folder_;
  TestDataset made_;
  std::vector<fs::path> questions_;
};

TEST_F(CheckTest, AWholeDataSetIsClean) {
  const CheckReport report = Check(FileCheck::kRead);
  EXPECT_EQ(report.Problems(), 0u);
  EXPECT_EQ(report.scenes, 3u);
  EXPECT_EQ(report.keyframes, 6u);
  EXPECT_EQ(report.files, 42u);
  EXPECT_EQ(report.boxes, 1u);
  EXPECT_THAT(report.absent,
              ElementsAre("the map expansion (maps/expansion/): lanes in pictures, and labelling "
                          "meta actions",
                          "1 base map images (maps/): nothing here reads them",
                          "the CAN bus (can_bus/): nothing here needs it",
                          "occupancy labels (gts/): training and evaluation of occupancy"));
}

TEST_F(CheckTest, ASceneThatLacksAltogetherIsAPartialDownload) {
  RemoveScene(1);
  EXPECT_THAT(
      FileProblems(),
      ElementsAre("keyframe files of 1 of 3 scenes are not here (scene-0002; they are all scenes "
                  "of 1 of 3 logs): looks like a partial download. The other scenes are complete: "
                  "unpack the archives that are left, or work on a split of the scenes that are "
                  "here."));
}

TEST_F(CheckTest, ASingleLostFileIsNamed) {
  Remove("CAM_BACK", 1, 0);
  EXPECT_THAT(FileProblems(), ElementsAre(Name("CAM_BACK", 1, 0) +
                                          ": is missing, though other files of scene-0002 are "
                                          "here."));
}

TEST_F(CheckTest, APartialDownloadWithALostFileSaysBoth) {
  RemoveScene(0);
  Remove("LIDAR_TOP", 2, 1);
  const auto problems = FileProblems();
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_THAT(problems[0], HasSubstr("partial download. Of the other scenes some files are lost as "
                                     "well, see below."));
  EXPECT_THAT(problems[1], HasSubstr(Name("LIDAR_TOP", 2, 1)));
}

TEST_F(CheckTest, ASensorThatLacksEverywhereIsOneProblem) {
  for (const size_t scene : {0u, 1u, 2u})
    for (const size_t keyframe : {0u, 1u}) Remove("CAM_BACK", scene, keyframe);
  EXPECT_THAT(FileProblems(),
              ElementsAre("no keyframe file of CAM_BACK is here (6 files), in no scene: looks like "
                          "a download that left it out."));
}

TEST_F(CheckTest, ASensorThatLacksInOneSceneIsOneProblem) {
  Remove("CAM_BACK", 1, 0);
  Remove("CAM_BACK", 1, 1);
  EXPECT_THAT(FileProblems(),
              ElementsAre("scene-0002: none of its 2 keyframe files of CAM_BACK is here."));
}

TEST_F(CheckTest, TablesAloneSaySo) {
  fs::remove_all(folder_ / "samples");
  EXPECT_THAT(FileProblems(),
              ElementsAre("none of the 42 keyframe files is here: only the tables were unpacked. "
                          "Unpack the other archives into the same folder, or check --dataroot."));
  EXPECT_THAT(FileProblems(FileCheck::kNone), IsEmpty());
}

TEST_F(CheckTest, SweepsThatLackAreNoProblem) {
  for (size_t row = 0; row < made_.sample_data.size(); ++row) {
    SampleDataRecord& data = made_.sample_data[row];
    if (data.prev.empty() || data.filename.find("LIDAR_TOP") == std::string::npos) continue;
    // The second lidar file of each scene becomes a sweep that nobody downloaded.
    data.is_key_frame = false;
    fs::remove(folder_.path() / data.filename);
  }
  const CheckReport report = Check();
  EXPECT_THAT(Texts(report, "files"), IsEmpty());
  EXPECT_EQ(report.absent[0], "sweep files of LIDAR_TOP (3 files): nothing here reads them");
  EXPECT_THAT(Texts(report, "keyframes"),
              ElementsAre("LIDAR_TOP: 3 of 6 keyframes have none in sample_data, the first is " +
                          TestDataset::Token("sample", 1) + " of scene-0001."));
}

TEST_F(CheckTest, DamagedFilesAreToldByHowCloselyTheyAreLookedAt) {
  const std::string front = Name("CAM_FRONT", 0, 0), back = Name("CAM_BACK", 0, 1),
                    lidar = Name("LIDAR_TOP", 1, 0), empty = Name("LIDAR_TOP", 2, 0);
  const std::string image = ReadTextFile(folder_.path() / front);
  TestDataset::Write(folder_.path() / front, std::string_view(image).substr(0, image.size() - 9));
  TestDataset::Write(folder_.path() / back, EncodePng({2, 2, std::vector<uint8_t>(12)}));
  TestDataset::Write(folder_.path() / lidar, std::string_view("1234567"));
  TestDataset::Write(folder_.path() / empty, std::string_view(""));
  EXPECT_THAT(FileProblems(FileCheck::kExist), IsEmpty());
  EXPECT_THAT(
      FileProblems(),
      ElementsAre(front + ": stops before its end mark, it is cut off.",
                  back + ": is 2 x 2 pixels, but sample_data says 4 x 3.",
                  lidar + ": 7 bytes are no whole number of points of 20 bytes, it is cut off.",
                  empty + ": is empty."));
}

TEST_F(CheckTest, ReadingFindsWhatHeadersHide) {
  const std::string lidar = Name("LIDAR_TOP", 1, 0);
  TestDataset::Write(folder_.path() / lidar, std::string(20, '\xff'));  // Not a number.
  EXPECT_THAT(FileProblems(), IsEmpty());
  const auto problems = FileProblems(FileCheck::kRead);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_THAT(problems[0], HasSubstr(lidar));
}

TEST_F(CheckTest, TheReportIsTheSameForAnyNumberOfThreads) {
  RemoveScene(0);
  for (const size_t scene : {1u, 2u}) Remove("CAM_BACK", scene, scene % 2);
  const CheckReport one = Check(FileCheck::kHeader, 1), four = Check(FileCheck::kHeader, 4);
  EXPECT_EQ(Texts(one, "files"), Texts(four, "files"));
  EXPECT_EQ(Texts(one, "files").size(), 3u);
}

TEST_F(CheckTest, TablesThatCannotBeReadEndTheCheck) {
  made_.scenes[0].first_sample_token = TestDataset::Token("sample", 99);
  const CheckReport report = Check();
  ASSERT_EQ(report.parts.size(), 1u);
  EXPECT_EQ(report.Problems(), 1u);
  EXPECT_THAT(report.parts[0].texts[0], HasSubstr("scene.json"));
  EXPECT_THAT(report.parts[0].texts[0],
              HasSubstr("\nNothing else was checked: what the tables say comes first."));
}

TEST_F(CheckTest, FilesWhoseTimesRunBackwardsAreNamed) {
  made_.sample_data[7].timestamp_us = 5;  // CAM_FRONT of the second keyframe.
  EXPECT_THAT(Texts(Check(), "keyframes"),
              ElementsAre(made_.sample_data[0].filename +
                          ": its time 1600000000000000 is not before that of the next file of its "
                          "sensor (5)."));
}

TEST_F(CheckTest, SplitsAndMetaActionsMayNameOnlyWhatTheTablesHave) {
  made_.WriteTables(folder_.path(), "v1.0-made");
  const fs::path version = folder_ / "v1.0-made";
  TestDataset::Write(version / "splits.json",
                     R"({"train": ["scene-0001", "scene-9999"], "val": ["scene-0002"]})");
  const std::string known = TestDataset::Token("sample", 0),
                    unknown = TestDataset::Token("sample", 50);
  TestDataset::Write(version / "meta_actions.json", "{\"" + known + "\": \"Fly, Go Straight\", \"" +
                                                        unknown +
                                                        "\": \"Accelerate, Go Straight\"}");
  const CheckReport report = Check();
  EXPECT_THAT(Texts(report, "splits"),
              ElementsAre((version / "splits.json").string() +
                          ": split \"train\" names 1 scenes that no table has: scene-9999."));
  const std::string where = (version / "meta_actions.json").string();
  EXPECT_THAT(Texts(report, "meta actions"),
              ElementsAre(where + ": \"" + known +
                          "\" has \"Fly, Go Straight\", which is no meta action such as "
                          "\"Decelerate, Turn Left\"."));
  EXPECT_EQ(report.absent.back(), "1 of the 2 keyframes that " + where + " names: passed over");
  TestDataset::Write(version / "meta_actions.json",
                     "{\"" + unknown + "\": \"Accelerate, Go Straight\"}");
  EXPECT_THAT(Texts(Check(), "meta actions"),
              ElementsAre(where +
                          ": none of the 1 keyframes that it names is in the tables, the "
                          "first is \"" +
                          unknown + "\". It belongs to another data set or version."));
}

TEST_F(CheckTest, OccupancyIsCheckedLikeFiles) {
  occ3d::Labels labels;
  labels.semantics.assign(200 * 200 * 16, kFreeClass);
  labels.mask_lidar.assign(200 * 200 * 16, 0);
  labels.mask_camera = labels.mask_lidar;
  labels.mask_camera[5] = 1;
  const auto path = [&](size_t scene, size_t keyframe) {
    const fs::path labels_path =
        occ3d::LabelsPath(folder_ / "gts", made_.scenes[scene].name,
                          TestDataset::Token("sample", 2 * scene + keyframe));
    fs::create_directories(labels_path.parent_path());
    return labels_path;
  };
  occ3d::WriteLabels(path(0, 0), labels);
  TestDataset::Write(path(0, 1), std::string_view("PK\x03\x04 and no more of it"));
  occ3d::WriteLabels(path(1, 0), labels);
  const auto problems = Texts(Check(), "occupancy");
  ASSERT_EQ(problems.size(), 3u);
  EXPECT_THAT(problems[0], HasSubstr("occupancy files of 1 of 3 scenes are not here (scene-0003"));
  EXPECT_EQ(problems[1], path(0, 1).string() + ": stops before its end mark, it is cut off.");
  EXPECT_EQ(problems[2],
            path(1, 1).string() + ": is missing, though other such files of scene-0002 are here.");
  EXPECT_THAT(Texts(Check(FileCheck::kRead), "occupancy")[1],
              HasSubstr("mask_camera holds 1 voxels that mask_lidar does not."));
}

TEST_F(CheckTest, CanBusGapsThatWereNeverPublishedAreNone) {
  TestDataset made;
  for (const char* scene : {"scene-0161", "scene-0419", "scene-0001", "scene-0002"})
    made.AddScene(scene, {{0, 0, 0}});
  made.WriteFiles(folder_.path());
  made_ = made;
  fs::create_directories(folder_ / "can_bus");
  for (const char* scene : {"scene-0419", "scene-0001", "scene-0002"})
    for (const char* message :
         {"ms_imu", "pose", "steeranglefeedback", "zoesensors", "zoe_veh_info"})
      TestDataset::Write(folder_ / "can_bus" / (std::string(scene) + "_" + message + ".json"),
                         "[]");
  TestDataset::Write(folder_ / "can_bus" / "scene-0002_vehicle_monitor.json", "[]");
  EXPECT_THAT(Texts(Check(), "CAN bus"),
              ElementsAre((folder_ / "can_bus" / "scene-0001_vehicle_monitor.json").string() +
                          ": is missing, though other such files of scene-0001 are here."));
}

TEST(GroupMissingTest, NamesThreeScenesAndCountsTheRest) {
  FilePresence presence("keyframe", {"a", "b", "c", "d", "e", "f"}, {"CAM_FRONT"});
  presence.logs = {0, 0, 1, 1, 2, 2};
  for (uint32_t scene = 0; scene < 6; ++scene)
    presence.At({.scene = scene, .kind = 0}) = {.total = 9, .missing = scene < 5 ? 9u : 0u};
  const MissingGroups groups = GroupMissing(presence);
  ASSERT_EQ(groups.problems.size(), 1u);
  // Log 2 is torn apart: no remark on logs.
  EXPECT_THAT(groups.problems[0], HasSubstr("of 5 of 6 scenes are not here (a, b, c and 2 more):"));
}

}  // namespace
}  // namespace occvla::data::nuscenes
