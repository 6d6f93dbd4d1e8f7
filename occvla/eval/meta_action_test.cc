#include "occvla/eval/meta_action.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "occvla/base/files.h"
#include "occvla/base/json.h"
#include "occvla/base/test_folder.h"

namespace occvla::eval {
namespace {

using data::Direction;
using data::MetaAction;
using data::Velocity;

constexpr MetaAction kCruise{Velocity::kMaintain, Direction::kGoStraight};
constexpr MetaAction kBrakeLeft{Velocity::kDecelerate, Direction::kTurnLeft};

template <typename Run>
std::string ErrorOf(Run&& run) {
  try {
    run();
  } catch (const DataError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

// Four frames by hand: speed right in 3, direction in 2, both in 1.
MetaActionScore FourFrames() {
  MetaActionScore score;
  score.Add(kCruise, kCruise);
  score.Add(kCruise, {Velocity::kMaintain, Direction::kTurnLeft});
  score.Add(kBrakeLeft, {Velocity::kDecelerate, Direction::kStop});
  score.Add(kBrakeLeft, {Velocity::kMaintain, Direction::kTurnLeft});
  return score;
}

TEST(MetaActionScoreTest, TableFourIsWhatOneCountsByHand) {
  const MetaActionScore score = FourFrames();
  EXPECT_DOUBLE_EQ(*score.SpeedAccuracy(), 0.75);
  EXPECT_DOUBLE_EQ(*score.DirectionAccuracy(), 0.5);
  EXPECT_DOUBLE_EQ(*score.MeanAccuracy(), 0.625);
  EXPECT_DOUBLE_EQ(*score.BothAccuracy(), 0.25);
  const auto classes = score.VelocityClasses();
  EXPECT_DOUBLE_EQ(*classes[0].Precision(), 2.0 / 3);
  EXPECT_DOUBLE_EQ(*classes[0].Recall(), 1.0);
  EXPECT_DOUBLE_EQ(*classes[0].F1(), 0.8);
  EXPECT_FALSE(classes[1].F1()) << "nobody accelerates";
  EXPECT_DOUBLE_EQ(*classes[2].F1(), 2.0 / 3);
  const auto report = nlohmann::json::parse(MetaActionReportJson(score));
  EXPECT_DOUBLE_EQ(report["velocity_classes"]["macro_f1"].get<double>(), (0.8 + 2.0 / 3) / 2);
  EXPECT_EQ(report["direction_classes"]["confusion"][1], (std::vector{0, 1, 0, 0, 0, 1}));
  EXPECT_TRUE(report["velocity_classes"]["classes"]["Accelerate"]["f1"].is_null());
}

TEST(MetaActionScoreTest, PartsAddUpToTheWhole) {
  MetaActionScore twice = FourFrames();
  twice.Merge(FourFrames());
  EXPECT_EQ(twice.frames, 8);
  EXPECT_EQ(twice.both, 2);
  EXPECT_EQ(twice.direction[1][5], 2);
  EXPECT_DOUBLE_EQ(*twice.SpeedAccuracy(), 0.75);
}

TEST(MetaActionScoreTest, TextWithoutAnActionFallsBackAndIsListed) {
  const std::map<std::string, MetaAction> truth = {
      {"a", kBrakeLeft}, {"b", kBrakeLeft}, {"c", kCruise}, {"d", kBrakeLeft}};
  const std::map<std::string, std::string> answers = {
      {"a", "decelerate, turn left."},
      {"b", "I would rather not."},
      {"c", "Brake hard!"},
      {"d", "Scene: a street\nIntent: turn\nMeta action: Decelerate, Turn Left"}};
  const MetaActionScore score = ScoreMetaActions(truth, answers, {{"b", {kCruise, kBrakeLeft}}});
  EXPECT_EQ(score.both, 4);
  EXPECT_THAT(score.unparsable, ::testing::ElementsAre("b", "c"));
  EXPECT_EQ(score.fallback.ToString(),
            "2 of 4 answers had no meta action (1 took the past, 1 the default)");
}

TEST(MetaActionScoreTest, MissingAndUnknownFramesAreToldAllAtOnce) {
  EXPECT_EQ(ErrorOf([] {
              ScoreMetaActions({{"a", kCruise}, {"b", kCruise}}, {{"b", "x"}, {"z", "y"}});
            }),
            "The answers do not fit the labels: 2 problems:\n"
            "  - \"a\": has no answer\n"
            "  - \"z\": is no labelled frame\n"
            "Answer every labelled frame, and nothing else");
}

TEST(MetaActionScoreTest, FilesThatAreWrongAreToldAllAtOnce) {
  const TestFolder folder;
  const auto path = folder / "m.json";
  WriteFileAtomically(path, std::string_view(R"({"a": "Stop", "b": 3, "c": "Accelerate, Stop"})"));
  EXPECT_EQ(ErrorOf([&] { ReadMetaActions(path); }),
            path.string() + " cannot be used: 2 problems:\n  - " + path.string() +
                ", \"a\": must be \"<velocity>, <direction>\", but is \"Stop\"\n  - " +
                path.string() + ", \"b\": must be a string, but is 3\nMake the labels again");
  WriteFileAtomically(path, std::string_view(R"({"a": "x", "a": "y"})"));
  EXPECT_THAT(ErrorOf([&] { ReadAnswers(path); }), ::testing::HasSubstr("twice"));
}

}  // namespace
}  // namespace occvla::eval
