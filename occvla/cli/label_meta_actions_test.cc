// The verb `label meta-actions` from its command line to its exit code.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"
#include "occvla/cli/run.h"
#include "occvla/data/nuscenes/test_dataset.h"

namespace occvla::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Outcome {
  int code = 0;
  std::string out, err;
};

class LabelMetaActionsTest : public ::testing::Test {
 protected:
  LabelMetaActionsTest() {
    std::vector<data::nuscenes::TestPlace> places;
    for (int k = 0; k < 9; ++k) places.push_back({2.0 * k + 0.0605 * k * k, 0, 0});
    made_.AddScene("scene-0001", places);
    made_.WriteTables(folder_.path(), "v1.0-made");
  }

  Outcome Label(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> args = {
        "label",     "meta-actions", "--dataroot", folder_.path().string(),
        "--version", "v1.0-made",    "--no-cache"};
    args.insert(args.end(), more.begin(), more.end());
    std::ostringstream out, err;
    const int code = RunProgram(args, out, err, {});
    return {code, out.str(), err.str()};
  }
  std::string Labels() const { return (folder_ / "v1.0-made/meta_actions.json").string(); }

  TestFolder folder_;
  data::nuscenes::TestDataset made_;
};

TEST_F(LabelMetaActionsTest, WritesLabelsAndSaysHowManyOfWhat) {
  const Outcome run = Label();
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, StartsWith("split all: 9 keyframes, 3 labelled (rules 1, thresholds "));
  const auto line = [](std::string name, const char* count) {
    name.resize(52, ' ');
    return HasSubstr("  " + name + "        " + count + " %\n");
  };
  EXPECT_THAT(run.out, line("fewer than six keyframes follow", "6    66.7"));
  EXPECT_THAT(run.out, line("Accelerate", "3   100.0"));
  EXPECT_THAT(run.out, line("no map", "3   100.0"));
  EXPECT_EQ(nlohmann::json::parse(ReadTextFile(Labels())).size(), 3U);
}

TEST_F(LabelMetaActionsTest, LabelsThatAreThereAreReplacedOnlyByForce) {
  WriteFileAtomically(Labels(), std::string_view("broken"));
  const Outcome run = Label();
  EXPECT_EQ(run.code, 2);
  EXPECT_EQ(run.err, "occvla: " + Labels() +
                         ": is there already, and somebody may have corrected it. --force "
                         "replaces it, --out writes to another file.\n");
  EXPECT_EQ(ReadTextFile(Labels()), "broken");
  EXPECT_EQ(Label({"--force"}).code, 0);
  EXPECT_EQ(Label({"--out", (folder_ / "other.json").string()}).code, 0);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "other.evidence.json"));
}

// Every window gains 0.484 m/s each second: whatever the threshold, one class holds all.
TEST_F(LabelMetaActionsTest, CalibrationIsAppliedAndTold) {
  const Outcome run = Label({"--calibrate", "--json"});
  EXPECT_EQ(run.code, 0) << run.err;
  const auto json = nlohmann::json::parse(run.out);
  EXPECT_DOUBLE_EQ(json["calibrated"].get<double>(), 0.4);
  EXPECT_EQ(json["velocity"]["Accelerate"], 3);
  EXPECT_THAT(Label({"--calibrate", "--force"}).out,
              HasSubstr("calibrated: speed.changing = 0.40 m/s^2; the largest class still holds "
                        "more than half: too many windows are alike\n"));
}

TEST_F(LabelMetaActionsTest, AMisspelledThresholdIsNamed) {
  const Outcome run = Label({"--set", "speed.chnging=0.3"});
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, HasSubstr("speed.changing"));
}

}  // namespace
}  // namespace occvla::cli
