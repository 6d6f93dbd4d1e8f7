#include "occvla/eval/planning/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"
#include "occvla/eval/planning/shard_file.h"
#include "occvla/eval/planning/test_frames.h"

namespace occvla::eval {
namespace {

using data::nuscenes::PlanningTruth;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A straight road at 4 m/s.
PlanningTruth Straight(int before, int after) {
  PlanningTruth truth = MadeTruth(0, 0);
  truth.frames_before = before;
  truth.frames_after = after;
  for (size_t step = 0; step < 6; ++step) {
    truth.valid[step] = static_cast<int>(step) < after;
    truth.positions_E[step] = {truth.valid[step] ? 2.0 * static_cast<double>(step + 1) : 0, 0};
    truth.yaws_E[step] = 0;
    truth.agents[step].clear();
  }
  return truth;
}

// Errors of 1, 2, ... 6 m to the left.
Track Straying() {
  Track track_E{};
  for (size_t step = 0; step < 6; ++step)
    track_E[step] = {2.0 * static_cast<double>(step + 1), static_cast<double>(step + 1)};
  return track_E;
}

const ProtocolScore& Score(const TrackScore& score, std::string_view name) {
  for (size_t at = 0; at < kProtocols.size(); ++at)
    if (kProtocols[at].name == name) return score.protocols[at];
  throw std::out_of_range(std::string(name));
}

std::vector<FrameMeasures> Made(uint64_t count) {
  FrameMeter meter;
  std::vector<FrameMeasures> frames;
  for (uint64_t seed = 0; seed < count; ++seed) {
    const PlanningTruth truth = MadeTruth(seed, 30);
    FrameContext context;
    if (seed % 3 != 0) context.velocity_E = {6, 0};
    if (seed % 2 == 0) context.on_road = [](const Rectangle& car) { return car.y < 2; };
    std::optional<Track> track_E = MadeTrack(truth, seed);
    if (seed % 7 == 0) track_E = std::nullopt;
    frames.push_back(meter.Measure("token-" + std::to_string(seed * 7919 % 1000), truth, context,
                                   track_E, "no"));
  }
  return frames;
}

// Worked by hand: a frame of the whole future and one that ends after 1 s.
TEST(PlanningSummaryTest, AveragesAsEachProtocolDoes) {
  FrameMeter meter;
  const std::vector<FrameMeasures> frames = {
      meter.Measure("a", Straight(5, 7), {}, Straying()),
      meter.Measure("b", Straight(9, 2), {}, Straying()),
      meter.Measure("c", Straight(1, 6), {}, std::nullopt, "none")};
  const PlanningSummary summary = Summarise(frames);
  EXPECT_EQ(summary.total, 3u);
  ASSERT_EQ(summary.dropped.size(), 1u);
  EXPECT_EQ(summary.dropped[0].token, "c");
  for (const char* name : {"stp3", "vad", "bev-planner", "omnidrive", "occworld-averaged"}) {
    const ProtocolScore& score = Score(summary.prediction, name);
    EXPECT_EQ(score.n, 1u) << name;
    EXPECT_DOUBLE_EQ(score.l2.at[0], 1.5) << name;
    EXPECT_DOUBLE_EQ(score.l2.at[1], 2.5) << name;
    EXPECT_DOUBLE_EQ(score.l2.at[2], 3.5) << name;
    EXPECT_DOUBLE_EQ(score.l2.average(), 2.5) << name;
  }
  EXPECT_DOUBLE_EQ(Score(summary.prediction, "occworld-single").l2.at[2], 6);
  // The missing steps of the second frame count 0 in a full n.
  for (const char* name : {"uniad", "opendrivevla-uniad"}) {
    EXPECT_EQ(Score(summary.prediction, name).n, 2u);
    EXPECT_DOUBLE_EQ(Score(summary.prediction, name).l2.at[0], 2);
    EXPECT_DOUBLE_EQ(Score(summary.prediction, name).l2.at[2], 3);
  }
  EXPECT_DOUBLE_EQ(Score(summary.prediction, "opendrivevla-stp3").l2.at[2], (21.0 + 3.0) / 12);
}

TEST(PlanningSummaryTest, SampleSetsNeedTheirKeyFramesBeforeAndAfter) {
  FrameMeter meter;
  const auto n = [&](int before, int after, std::string_view name) {
    return Score(
               Summarise({meter.Measure("a", Straight(before, after), {}, Straying())}).prediction,
               name)
        .n;
  };
  EXPECT_EQ(n(1, 6, "stp3"), 0u);
  EXPECT_EQ(n(2, 6, "stp3"), 1u);
  EXPECT_EQ(n(2, 5, "stp3"), 0u);
  EXPECT_EQ(n(0, 6, "vad"), 1u);
  EXPECT_EQ(n(0, 5, "vad"), 0u);
  EXPECT_EQ(n(5, 7, "occworld-single"), 1u);
  EXPECT_EQ(n(4, 7, "occworld-single"), 0u);
  EXPECT_EQ(n(5, 6, "occworld-single"), 0u);
  EXPECT_EQ(n(0, 0, "uniad"), 1u);
}

// A car stands where the prediction strays to at 3 s; the true path passes it.
TEST(PlanningSummaryTest, CountsACollisionOnceOrForEachStep) {
  PlanningTruth truth = Straight(5, 7);
  const data::nuscenes::PlanningAgent car{13.5, 6, 4, 2, 0, "vehicle.car", "x", 9, 0};
  truth.agents_now = {car};
  truth.seen = {"x"};
  truth.agents[5] = {car};
  FrameMeter meter;
  const PlanningSummary summary = Summarise({meter.Measure("a", truth, {}, Straying())});
  for (const char* name : {"stp3", "vad", "occworld-averaged", "opendrivevla-stp3"})
    EXPECT_DOUBLE_EQ(Score(summary.prediction, name).collision.at[2], 1.0 / 6) << name;
  for (const char* name : {"uniad", "occworld-single", "bev-planner", "omnidrive"})
    EXPECT_DOUBLE_EQ(Score(summary.prediction, name).collision.at[2], 1) << name;
  for (const ProtocolScore& score : summary.prediction.protocols)
    EXPECT_EQ(score.collision.at[1], 0);
  for (const ProtocolScore& score : summary.stationary.protocols)
    EXPECT_EQ(score.collision.at[2], 0);
  EXPECT_DOUBLE_EQ(summary.prediction.clean.collision.at[2], 1);
}

TEST(PlanningSummaryTest, LeavesOutWhatTheTruthHitsToo) {
  PlanningTruth truth = Straight(5, 7);
  const data::nuscenes::PlanningAgent car{13.5, 3, 4, 12, 0, "vehicle.car", "x", 9, 0};
  truth.agents_now = {car};
  truth.seen = {"x"};
  truth.agents[5] = {car};
  FrameMeter meter;
  const PlanningSummary summary = Summarise({meter.Measure("a", truth, {}, Straying())});
  for (const ProtocolScore& score : summary.prediction.protocols)
    EXPECT_EQ(score.collision.at[2], 0);
  EXPECT_EQ(summary.prediction.clean.collision.at[2], 0);
  EXPECT_EQ(summary.prediction.clean.collision_with_truth.at[2], 1);
  EXPECT_EQ(summary.prediction.clean.excluded_steps, 1u);
  EXPECT_EQ(summary.truth_overlaps, 1u);
}

TEST(PlanningSummaryTest, ConstantVelocityIsExactOnAStraightRoad) {
  FrameMeter meter;
  FrameContext context;
  context.velocity_E = {4, 0};
  const std::vector<FrameMeasures> frames = {
      meter.Measure("a", Straight(5, 7), context, Straying()),
      meter.Measure("b", Straight(0, 7), {}, Straying())};
  const PlanningSummary summary = Summarise(frames);
  EXPECT_EQ(summary.constant_velocity.missing, 1u);
  EXPECT_EQ(Score(summary.constant_velocity, "vad").n, 1u);
  EXPECT_NEAR(Score(summary.constant_velocity, "vad").l2.at[2], 0, 1e-12);
  EXPECT_NEAR(Score(summary.stationary, "uniad").l2.at[2], 12, 1e-12);
}

TEST(PlanningSummaryTest, ComparesAtTheRealTimes) {
  FrameMeter meter;
  FrameContext context;
  context.times_s = {0.55, 1.1, 1.6, 2.1, 2.6, 3.1};
  Track track_E{};  // Drives 4 m/s, as the truth does at those times only if asked there.
  PlanningTruth truth = Straight(5, 7);
  for (size_t step = 0; step < 6; ++step) {
    track_E[step] = {2.0 * static_cast<double>(step + 1), 0};
    truth.positions_E[step] = {4 * (*context.times_s)[step], 0};
  }
  const FrameMeasures frame = meter.Measure("a", truth, context, track_E);
  for (size_t step = 0; step < 6; ++step) {
    EXPECT_NEAR(frame.prediction->clean_error[step], 0, 1e-12);
    EXPECT_GT(frame.prediction->error[step], 0.19);
  }
  context.times_s = {0.5, 1.0, 1.5, 2.0, 2.5, 3.4};
  EXPECT_EQ(meter.Measure("a", truth, context, track_E).clean, CleanUse::kIrregularTimes);
}

TEST(PlanningSummaryTest, ShardsMergeToTheUnshardedReportByteForByte) {
  const std::vector<FrameMeasures> frames = Made(100);
  const TestFolder folder;
  std::vector<std::filesystem::path> paths;
  for (uint64_t shard = 0; shard < 3; ++shard) {
    PlanningShard part{shard, 3, "run", {}};
    for (size_t at = shard; at < frames.size(); at += 3) part.frames.push_back(frames[at]);
    EXPECT_EQ(ParsePlanningShard(ToJson(part), "part"), part);
    paths.insert(paths.begin(), folder / std::to_string(shard));
    WriteFileAtomically(paths.front(), ToJson(part));
  }
  const PlanningSummary merged = Summarise(MergePlanningShards(paths));
  EXPECT_EQ(ToJson(merged), ToJson(Summarise(frames)));
  EXPECT_EQ(ToText(merged), ToText(Summarise(frames)));
}

TEST(PlanningSummaryTest, ShardsMustMakeOneRun) {
  const TestFolder folder;
  const auto write = [&](const std::string& name, const PlanningShard& shard) {
    WriteFileAtomically(folder / name, ToJson(shard));
    return folder / name;
  };
  const std::vector<std::filesystem::path> paths = {write("a", {1, 3, "run", {}}),
                                                    write("b", {1, 3, "run", {}}),
                                                    write("c", {0, 3, "other", {}})};
  try {
    (void)MergePlanningShards(paths);
    FAIL() << "merged";
  } catch (const DataError& error) {
    EXPECT_EQ(error.what(),
              "the shards do not make one run: 4 problems:\n  - " + paths[1].string() +
                  ": is shard 1, which another file is too\n  - " + paths[2].string() +
                  ": belongs to another run than " + paths[0].string() +
                  "\n  - shard 0/3 is missing\n  - shard 2/3 is missing\n"
                  "Name every shard of one run once, made with the same inputs.");
  }
  EXPECT_THROW(Summarise(std::vector<FrameMeasures>(2)), DataError);
}

TEST(PlanningSummaryTest, WarnsOfAnotherFrameAndChangesNothing) {
  FrameMeter meter;
  Track lidar{}, right{};
  for (size_t step = 0; step < 6; ++step) {
    right[step] = {2.0 * static_cast<double>(step + 1), 0};
    lidar[step] = {0, 2.0 * static_cast<double>(step + 1)};
  }
  const PlanningTruth truth = Straight(5, 7);
  EXPECT_THAT(Summarise({meter.Measure("a", truth, {}, right)}).warnings, IsEmpty());
  const PlanningSummary summary = Summarise({meter.Measure("a", truth, {}, lidar)});
  ASSERT_EQ(summary.warnings.size(), 1u);
  EXPECT_THAT(summary.warnings[0], HasSubstr("read as x right and y forward"));
  EXPECT_GT(Score(summary.prediction, "vad").l2.at[2], 5);
  Track global{};
  global.fill({900, 1200});
  EXPECT_THAT(Summarise({meter.Measure("a", truth, {}, global)}).warnings[0],
              HasSubstr("global coordinates"));
}

TEST(PlanningSummaryTest, SaysWhyAPartIsMissing) {
  FrameMeter meter;
  const nlohmann::json report = nlohmann::json::parse(
      ToJson(Summarise({meter.Measure("a", Straight(5, 7), {}, Straying())})));
  EXPECT_TRUE(report["clean"]["off_road"].is_null());
  EXPECT_TRUE(report["clean"]["why_no_off_road"].is_string());
  EXPECT_TRUE(report["baselines"]["constant_velocity"].is_null());
  EXPECT_TRUE(report["baselines"]["why_no_constant_velocity"].is_string());
}

}  // namespace
}  // namespace occvla::eval
