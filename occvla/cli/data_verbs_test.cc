// The verb `data` from its command line to its exit code, on a small made-up data set.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"
#include "occvla/cli/run.h"
#include "occvla/data/image/image.h"
#include "occvla/data/nuscenes/test_dataset.h"

namespace occvla::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Outcome {
  int code = 0;
  std::string out, err;
};

class DataVerbsTest : public ::testing::Test {
 protected:
  DataVerbsTest() {
    made_.AddScene("scene-0001", {{0, 0, 0}, {2, 0, 0}});
    made_.AddTrack("vehicle.car", {{.keyframe = 0, .place = {9, 2, 0}}});
    made_.AddScene("scene-0002", {{5, 5, 1}});
    made_.WriteTables(folder_.path(), "v1.0-made");
    made_.WriteFiles(folder_.path());
  }

  Outcome Data(const std::string& verb, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> args = {
        "data",      verb,        "--dataroot", folder_.path().string(),
        "--version", "v1.0-made", "--no-cache"};
    args.insert(args.end(), more.begin(), more.end());
    std::ostringstream out, err;
    const int code = RunProgram(args, out, err, {});
    return {code, out.str(), err.str()};
  }
  std::string Path(const std::string& name) const { return (folder_ / name).string(); }

  TestFolder folder_;
  data::nuscenes::TestDataset made_;
};

TEST_F(DataVerbsTest, CheckOfAWholeDataSetIsDone) {
  const Outcome run = Data("check");
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, StartsWith("v1.0-made in " + folder_.path().string() +
                                  ": 2 scenes, 3 keyframes, 21 files, 1 boxes\n"));
  EXPECT_THAT(run.out, HasSubstr("\nfiles                 21         0\n"));
  EXPECT_THAT(run.out, HasSubstr("\nno problems\n"));
}

TEST_F(DataVerbsTest, CheckOfABrokenOneListsProblemsAndHasTheCodeOfData) {
  const std::string lost = made_.sample_data[0].filename;
  fs::remove(folder_.path() / lost);
  const Outcome run = Data("check", {"--out", Path("report.json")});
  EXPECT_EQ(run.code, 3);
  EXPECT_THAT(run.out, HasSubstr("problems:\n  - " + lost + ": is missing, though"));
  EXPECT_EQ(run.err, "occvla: v1.0-made in " + folder_.path().string() + ": 1 problems.\n");
  EXPECT_EQ(nlohmann::json::parse(ReadTextFile(Path("report.json")))["problems"], 1);
  const Outcome json = Data("check", {"--json", "--files", "none"});
  EXPECT_EQ(json.code, 0);
  EXPECT_EQ(nlohmann::json::parse(json.out)["keyframes"], 3);
}

TEST_F(DataVerbsTest, ShowDrawsTheKeyFrameThatIsNamed) {
  const std::string out = Path("frame.png");
  const Outcome run = Data("show", {"--scene", "scene-0001", "--index", "1", "--out", out});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.out, out + ": scene-0001, keyframe " +
                         data::nuscenes::TestDataset::Token("sample", 1) + "\n");
  EXPECT_EQ(data::ReadImageSize(out).width_px, 1920);
  EXPECT_EQ(run.err,
            "not drawn: map: no map of this place\n"
            "not drawn: occupancy: not in this data set\n");
}

TEST_F(DataVerbsTest, ShowSaysWhichKeyFramesThereAre) {
  const std::string out = Path("frame.png");
  const Outcome beyond = Data("show", {"--scene", "scene-0001", "--index", "2", "--out", out});
  EXPECT_EQ(beyond.code, 2);
  EXPECT_EQ(beyond.err,
            "occvla: data show: --index 2 is beyond scene-0001, which has keyframes 0 to 1.\n");
  const Outcome scene = Data("show", {"--scene", "scene-0003", "--out", out});
  EXPECT_EQ(scene.code, 3);
  EXPECT_THAT(scene.err,
              StartsWith("occvla: v1.0-made has no scene \"scene-0003\" among its 2. Did "
                         "you mean scene-000"));
  EXPECT_EQ(
      Data("show", {"--token", "12", "--out", out}).err,
      "occvla: v1.0-made has no keyframe \"12\". A token is 32 hex digits; --scene and --index "
      "name a keyframe too.\n");
  EXPECT_EQ(Data("show", {"--out", out}).code, 2);
  EXPECT_FALSE(fs::exists(out));
}

TEST_F(DataVerbsTest, StatsCountsAsTextAsJsonAndAsAPicture) {
  const Outcome text = Data("stats", {"--plot", Path("stats.png")});
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_THAT(text.out, StartsWith("v1.0-made, split all: 2 scenes, 3 keyframes, 1 boxes of 1 "
                                   "things\n"));
  EXPECT_THAT(text.out, HasSubstr("boxes by category\n  vehicle.car           1   100.0 %\n"));
  EXPECT_EQ(data::ReadImageSize(Path("stats.png")).width_px, 1600);
  const Outcome json = Data("stats", {"--json"});
  EXPECT_EQ(nlohmann::json::parse(json.out)["categories"]["vehicle.car"], 1);
}

TEST_F(DataVerbsTest, ExportPlanningWritesARecordAKeyFrame) {
  const Outcome run = Data("export-planning", {"--split", "all", "--out", Path("gt.json")});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.out, Path("gt.json") + ": 3 keyframes of v1.0-made, split all\n");
  EXPECT_EQ(nlohmann::json::parse(ReadTextFile(Path("gt.json"))).size(), 3u);
  const Outcome unknown = Data("export-planning", {"--split", "vla", "--out", Path("no.json")});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_FALSE(fs::exists(Path("no.json")));
}

}  // namespace
}  // namespace occvla::cli
