#include "occvla/eval/planning/truth_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "occvla/base/error.h"
#include "occvla/eval/planning/test_frames.h"

namespace occvla::eval {
namespace {

using data::nuscenes::PlanningTruth;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string ErrorOf(const std::string& text) {
  try {
    ForEachPlanningTruth(text, "GT.json", [](const std::string&, const PlanningTruth&) {});
  } catch (const DataError& error) {
    return error.what();
  }
  return "no error";
}

std::string With(const std::string& record, const std::string& from, const std::string& to) {
  std::string changed = record;
  const size_t at = changed.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return changed.replace(at, from.size(), to);
}

TEST(TruthFileTest, ReadsWhatTheExportWrites) {
  const PlanningTruth truth = MadeTruth(35, 3);
  std::vector<std::string> tokens;
  ForEachPlanningTruth("{\"a\": " + ToJson(truth) + ", \"b\": " + ToJson(MadeTruth(36, 0)) + "}",
                       "GT.json", [&](const std::string& token, const PlanningTruth& read) {
                         tokens.push_back(token);
                         if (token == "a") {
                           EXPECT_EQ(ToJson(read), ToJson(truth));
                         }
                       });
  EXPECT_THAT(tokens, ElementsAre("a", "b"));
}

TEST(TruthFileTest, TellsEveryProblemAtOnce) {
  const std::string record = ToJson(MadeTruth(0, 1));
  std::string bad = With(record, "\"valid\": [true", "\"valid\": [1");
  bad = With(bad, "\"frames_before\": 0", "\"frames_before\": -1");
  bad = With(bad, ", 4.5, 1.9, ", ", -4.5, 1.9, ");
  const std::string error = ErrorOf("{\"a\": " + bad + ", \"b\": 7, \"c\": {}}");
  EXPECT_THAT(error,
              ::testing::StartsWith("GT.json is not usable as the ground truth of planning: "));
  EXPECT_THAT(error, HasSubstr("frame \"a\": valid[0] must be true or false, but is 1"));
  EXPECT_THAT(error, HasSubstr("frame \"a\": \"frames_before\" must be"));
  EXPECT_THAT(
      error,
      HasSubstr(
          "frame \"a\": agents_now[0][2] must be metres above 0 and at most 1000, but is -4.5"));
  EXPECT_THAT(error, HasSubstr("frame \"b\": must be an object, but is 7"));
  EXPECT_THAT(error, HasSubstr("frame \"c\": lacks the field \"seen\""));
}

TEST(TruthFileTest, RefusesATokenTwiceAndWhatHasNoEnd) {
  const std::string record = ToJson(MadeTruth(0, 1));
  EXPECT_THAT(ErrorOf("{\"a\": " + record + ", \"a\": " + record + "}"),
              HasSubstr("the name \"a\" occurs twice in one object"));
  EXPECT_THAT(ErrorOf("{\"a\": " + record.substr(0, 300)),
              HasSubstr("the file ends within a value"));
}

// At 6 m/s on a circle: the record before is the same scene's, one keyframe earlier.
TEST(TruthFileTest, FindsTheVelocityInTheRecordBefore) {
  const auto on_circle = [](int before) {
    PlanningTruth truth = MadeTruth(0, 0);
    truth.scene = "scene";
    truth.frames_before = before;
    truth.frames_after = 20 - before;
    return truth;
  };
  PlanningHistory history;
  for (const int before : {3, 4}) history.Add("token-" + std::to_string(before), on_circle(before));
  const auto velocity_E = history.VelocityBefore(on_circle(4));
  ASSERT_TRUE(velocity_E.has_value());
  EXPECT_NEAR(std::hypot((*velocity_E)[0], (*velocity_E)[1]), 6, 0.01);
  EXPECT_LT((*velocity_E)[1], 0);  // A left bend, looked back at: the car came from the left.
  EXPECT_FALSE(history.VelocityBefore(on_circle(3)).has_value());
  PlanningTruth other = on_circle(4);
  other.positions_E[0][1] += 0.2;  // Not the same drive.
  EXPECT_FALSE(history.VelocityBefore(other).has_value());
  history.Add("twin", on_circle(3));
  EXPECT_FALSE(history.VelocityBefore(on_circle(4)).has_value());
}

}  // namespace
}  // namespace occvla::eval
