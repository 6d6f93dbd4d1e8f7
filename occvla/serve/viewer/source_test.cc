#include "occvla/serve/viewer/source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "occvla/base/error.h"
#include "occvla/serve/viewer/compare.h"
#include "occvla/serve/viewer/run_folder.h"
#include "occvla/serve/viewer/test_town.h"

namespace occvla::serve::viewer {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(SourceTest, OverviewListsScenesFramesAndRuns) {
  const TestTown town;
  const Source source(town.Open(), {.name = "town", .runs = {town.WriteRun("fast", {0, 1}, 4)}});
  const auto overview = source.Overview();
  const auto& scene = overview["datasets"][0]["scenes"][0];
  EXPECT_EQ(overview["datasets"][0]["name"], "town");
  EXPECT_EQ(overview["datasets"][0]["version"], "v1.0-mini");
  EXPECT_EQ(scene["name"], "scene-0001");
  EXPECT_EQ(scene["location"], "test-town");
  EXPECT_THAT(scene["frames"], SizeIs(8));
  EXPECT_EQ(scene["frames"][7], town.Token(7));
  EXPECT_EQ(overview["runs"],
            nlohmann::ordered_json::parse(R"([{"name": "fast", "frames": 2, "occupancy": 0}])"));
}

TEST(SourceTest, AFrameIsInItsOwnEgoFrame) {
  const TestTown town;
  const Source source(town.Open(), {.name = "town", .runs = {}});
  const auto frame = source.FrameJson(town.Token(1));
  ASSERT_TRUE(frame);
  // The other car stands 28 m ahead, its centre 0.75 m up; the car itself goes on by 2 m a step.
  EXPECT_EQ((*frame)["boxes"][0]["centre_E"], nlohmann::json::parse("[28.0, 0.0, 0.75]"));
  EXPECT_EQ((*frame)["boxes"][0]["corners_E"][0], nlohmann::json::parse("[30.0, 1.0, 1.5]"));
  EXPECT_EQ((*frame)["boxes"][0]["class"], 4);
  EXPECT_EQ((*frame)["trajectory"][5], nlohmann::json::parse("[12.0, 0.0]"));
  EXPECT_EQ((*frame)["place"]["index"], 1);
  EXPECT_EQ((*frame)["place"]["previous"], town.Token(0));
  EXPECT_EQ((*frame)["place"]["next"], town.Token(2));
  EXPECT_EQ((*frame)["cameras"][3]["name"], "CAM_BACK");
  EXPECT_EQ((*frame)["cameras"][3]["calibration"]["width"], 4);
  EXPECT_EQ((*frame)["meta_action"], nullptr);
}

TEST(SourceTest, BeyondTheScenesEndTheTrueTrajectoryIsNull) {
  const TestTown town;
  const Source source(town.Open(), {.name = "town", .runs = {}});
  const auto frame = source.FrameJson(town.Token(6));
  EXPECT_EQ((*frame)["trajectory"],
            nlohmann::json::parse("[[2.0, 0.0], null, null, null, null, null]"));
  EXPECT_EQ((*source.FrameJson(town.Token(7)))["place"]["next"], nullptr);
}

TEST(SourceTest, TextsThatAreNoTokenNameNoFrame) {
  const TestTown town;
  const Source source(town.Open(), {.name = "town", .runs = {}});
  for (const char* text :
       {"", "..", "../../etc/passwd", "0123456789abcdef0123456789abcdef", "sample", "%2e%2e"}) {
    EXPECT_FALSE(source.FrameOf(text)) << text;
    EXPECT_FALSE(source.FrameJson(text)) << text;
    EXPECT_EQ(source.FindRun(text), nullptr) << text;
  }
  EXPECT_TRUE(source.FrameOf(town.Token(0)));
}

TEST(SourceTest, WithoutADataSetThereAreNoFrames) {
  const Source source(nullptr, {.name = "", .runs = {}});
  EXPECT_EQ(source.Overview(), nlohmann::json::parse(R"({"datasets": [], "runs": []})"));
  EXPECT_FALSE(source.FrameOf("0123456789abcdef0123456789abcdef"));
}

TEST(SourceTest, EvidenceAndChainOfThoughtComeFromTheFilesBesideTheLabels) {
  const TestTown town;
  const auto folder = town.Root() / "v1.0-mini";
  data::nuscenes::TestDataset::Write(
      folder / "meta_actions.evidence.json",
      R"({"labels": {")" + town.Token(0) + R"(": {"rule": "lane"}}})");
  data::nuscenes::TestDataset::Write(
      folder / "chain_of_thought.json",
      R"({"chain_of_thought": {")" + town.Token(0) +
          R"(": {"past": [], "scene": "A road.", "intent": "It goes on.",
               "meta_action": "Maintain speed, Go Straight", "maker": "template/1"}}})");
  const Source source(town.Open(), {.name = "town", .runs = {}});
  const auto frame = source.FrameJson(town.Token(0));
  EXPECT_EQ((*frame)["evidence"]["rule"], "lane");
  EXPECT_EQ((*frame)["chain_of_thought"]["intent"], "It goes on.");
  EXPECT_EQ((*frame)["meta_action"], "Maintain speed, Go Straight");
  EXPECT_EQ((*source.FrameJson(town.Token(1)))["evidence"], nullptr);
}

TEST(SourceTest, MasksSetWhatIsNotSeenFree) {
  const TestTown town;
  town.WriteOccupancy(0);
  const Source source(town.Open(), {.name = "town", .runs = {}});
  const auto frame = *source.FrameOf(town.Token(0));
  const auto all = source.Occupancy(frame, nullptr, Mask::kNone);
  const auto seen = source.Occupancy(frame, nullptr, Mask::kCamera);
  ASSERT_TRUE(all && seen);
  EXPECT_EQ(std::count(all->begin(), all->end(), 11), 40'000);
  EXPECT_EQ(std::count(seen->begin(), seen->end(), 11), 20'000);
  EXPECT_FALSE(source.Occupancy(*source.FrameOf(town.Token(1)), nullptr, Mask::kNone));
}

TEST(SourceTest, MetricsSayHowFarEachPlanIsOff) {
  const TestTown town;
  const Source source(town.Open(), {.name = "town", .runs = {town.WriteRun("fast", {0, 6}, 4)}});
  const auto metrics = source.Metrics(*source.FindRun("fast"));
  const auto& frames = (*metrics)["frames"];
  ASSERT_THAT(frames, SizeIs(2));
  // 4 m a step instead of 2: off by 2, 4, ... 12 m.
  EXPECT_EQ(frames[0]["l2"], nlohmann::json::parse("[2.0, 4.0, 6.0, 8.0, 10.0, 12.0]"));
  EXPECT_EQ(frames[0]["velocity_right"], true);
  EXPECT_EQ(frames[1]["l2"], nlohmann::json::parse("[2.0, null, null, null, null, null]"));
  EXPECT_EQ(frames[1]["velocity_right"], nullptr);
  EXPECT_EQ((*metrics)["reports"], nlohmann::json::object());
}

TEST(SourceTest, FramesWhereRunsDifferMostComeFirst) {
  const TestTown town;
  const auto a = town.WriteRun("a", {0, 1, 2}, 2);
  const auto b = town.WriteRun("b", {0, 1}, 3);
  const Source source(town.Open(), {.name = "town", .runs = {a, b}});
  const auto compared = source.Compare(*source.FindRun("a"), *source.FindRun("b"), "plan");
  ASSERT_THAT(compared["frames"], SizeIs(2));
  EXPECT_EQ(compared["frames"][0]["plan_m"], 3.5);  // 1, 2, ... 6 m apart.
  EXPECT_EQ(compared["frames"][0]["scene"], "scene-0001");
  EXPECT_EQ(compared["frames"][0]["action_differs"], false);
}

TEST(SourceTest, RunsWithTheSameFolderNameGetDifferentNames) {
  const TestTown town;
  std::filesystem::create_directories(town.Root() / "other");
  const auto a = town.WriteRun("run", {0}, 2);
  const auto b = town.WriteRun("other/run", {0}, 3);
  const Source source(town.Open(), {.name = "town", .runs = {a, b}});
  EXPECT_NE(source.FindRun("run"), nullptr);
  EXPECT_NE(source.FindRun("run-2"), nullptr);
}

TEST(SourceTest, ARunOverAnotherDataSetIsRefused) {
  const TestTown town, other;
  const auto run = town.WriteRun("run", {0, 1}, 2);
  data::nuscenes::TestDataset::Write(
      run / "replies" / "0-of-1.jsonl",
      R"({"prediction": {"token": "0123456789abcdef0123456789abcdef", "text": ""}, "answers": []})"
      "\n");
  try {
    const Source source(town.Open(), {.name = "town", .runs = {run}});
    FAIL() << "a run of other frames was taken";
  } catch (const DataError& error) {
    EXPECT_EQ(std::string(error.what()),
              run.string() +
                  ": its 1 predictions are all of frames that this data set does not have. Name "
                  "the data set that the run was over.");
  }
}

TEST(RunFolderTest, AFolderThatIsNoRunSaysWhatItLacks) {
  const TestFolder folder;
  try {
    const RunFolder run("x", folder.path(), {});
    FAIL() << "an empty folder was taken for a run";
  } catch (const DataError& error) {
    EXPECT_EQ(std::string(error.what()),
              folder.path().string() +
                  ": holds neither replies/ nor predictions/, which `occvla eval run --out DIR` "
                  "writes.");
  }
}

TEST(RunFolderTest, AReplyThatWasBeingWrittenDoesNotCount) {
  const TestTown town;
  const auto folder = town.WriteRun("run", {0, 1}, 2);
  const auto path = folder / "replies" / "0-of-1.jsonl";
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  std::vector<std::string> known{town.Token(0), town.Token(1)};
  std::sort(known.begin(), known.end());
  const RunFolder run("run", folder, known);
  EXPECT_NE(run.Find(town.Token(0)), nullptr);
  EXPECT_EQ(run.Find(town.Token(1)), nullptr);
}

TEST(CompareTest, TextsDifferByTheWordsTheyDoNotShare) {
  EXPECT_EQ(TextDifference("", ""), 0);
  EXPECT_EQ(TextDifference("a b c", "a b c"), 0);
  EXPECT_EQ(TextDifference("a b", "c d"), 1);
  EXPECT_EQ(TextDifference("a a b", "a c b"), 1 - 2.0 * 2 / 6);
}

TEST(CompareTest, WhatIsNotKnownComesLast) {
  std::vector<Difference> all(3);
  all[0].token = "none";
  all[1].token = "small";
  all[1].plan_m = 0;
  all[2].token = "large";
  all[2].plan_m = 2;
  Sort(all, "plan");
  EXPECT_EQ(all[0].token, "large");
  EXPECT_EQ(all[2].token, "none");
}

}  // namespace
}  // namespace occvla::serve::viewer
