#include "occvla/eval/prediction_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "occvla/base/error.h"
#include "occvla/base/test_folder.h"

namespace occvla::eval {
namespace {

const std::vector<std::string> kKnown = {"a", "b", "c"};
constexpr const char* kSix = "[[1,2],[3,4],[5,6],[7,8],[9,10],[11.5,-12e-1]]";

std::string ErrorOf(const std::string& text) {
  try {
    (void)ParseTrajectories(text, "P.json", kKnown);
  } catch (const DataError& error) {
    return error.what();
  }
  return "no error";
}

std::string Told(const std::string& complaint) {
  return "P.json is not usable as predictions: 1 problem:\n  - " + complaint +
         "\nIt must be {\"<sample token>\": [[x, y], ... six points], ...}.";
}

TEST(PredictionFileTest, ReadsSixPointsAToken) {
  const Trajectories read = ParseTrajectories(
      std::string("{\"b\": ") + kSix + ", \"a\": " + kSix + "}", "P.json", kKnown);
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(read.at("b")[0][1], 2);
  EXPECT_EQ(read.at("a")[5][0], 11.5);
  EXPECT_EQ(read.at("a")[5][1], -1.2);
  EXPECT_TRUE(ParseTrajectories("{}", "P.json", kKnown).empty());
}

TEST(PredictionFileTest, TellsAnUnknownToken) {
  EXPECT_EQ(ErrorOf(std::string("{\"x\":") + kSix + "}"),
            Told("the prediction for \"x\" belongs to none of the 3 frames that are evaluated: "
                 "check the split, or take it out"));
}

TEST(PredictionFileTest, TellsNotANumber) {
  EXPECT_EQ(ErrorOf("{\"a\": [[1,2],[3,NaN],[5,6],[7,8],[9,10],[11,12]]}"),
            Told("the prediction for \"a\" has NaN, which is no number: leave the token out where "
                 "the model gave no trajectory, and it is reported as dropped"));
  EXPECT_EQ(ErrorOf("{\"a\": [[1,2],[3,1e999],[5,6],[7,8],[9,10],[11,12]]}"),
            Told("the prediction for \"a\" is no JSON: write six points [[x, y], ...]"));
  EXPECT_EQ(
      ErrorOf("{\"a\": [[1,2],[3,1e9],[5,6],[7,8],[9,10],[11,12]]}"),
      Told("the prediction for \"a\" has 1000000000.0, which is more than 1,000 km away: write "
           "metres in the ego frame at the keyframe's time (point 2)"));
}

TEST(PredictionFileTest, TellsTexts) {
  EXPECT_EQ(ErrorOf("{\"a\": [[1,2],[3,\"4\"],[5,6],[7,8],[9,10],[11,12]]}"),
            Told("the prediction for \"a\" has \"4\" where a number of metres must stand: write "
                 "numbers without quotes (point 2)"));
  EXPECT_EQ(ErrorOf("{\"a\": \"straight\"}"),
            Told("the prediction for \"a\" must be six points [[x, y], ...], but is \"straight\": "
                 "write the positions 0.5 s to 3.0 s ahead"));
}

TEST(PredictionFileTest, TellsOtherThanSixPointsOfTwoNumbers) {
  EXPECT_EQ(ErrorOf("{\"a\": [[1,2],[3,4],[5,6],[7,8],[9,10]]}"),
            Told("the prediction for \"a\" has 5 points instead of six: write the positions 0.5, "
                 "1.0, ... 3.0 s ahead"));
  EXPECT_EQ(ErrorOf("{\"a\": [[1,2],[3,4,0],[5,6],[7,8],[9,10],[11,12]]}"),
            Told("the prediction for \"a\" has [3,4,0] as point 2, which must be [x, y]: write two "
                 "numbers of metres"));
}

TEST(PredictionFileTest, TellsATokenThatOccursTwice) {
  EXPECT_EQ(ErrorOf(std::string("{\"a\":") + kSix + ",\"a\":" + kSix + "}"),
            Told("the prediction for \"a\" occurs twice: keep the one that is meant"));
}

TEST(PredictionFileTest, TellsAllAtOnce) {
  const std::string error = ErrorOf(std::string("{\"a\":") + kSix +
                                    ",\"a\":1,\"b\":[],\"x\":2,\"c\":" + kSix + " nonsense");
  EXPECT_THAT(error, ::testing::StartsWith("P.json is not usable as predictions: 5 problems:"));
  EXPECT_THAT(error, ::testing::HasSubstr("\"a\" occurs twice"));
  EXPECT_THAT(error, ::testing::HasSubstr("\"b\" has 0 points"));
  EXPECT_THAT(error, ::testing::HasSubstr("\"x\" belongs to none"));
  EXPECT_THAT(error, ::testing::HasSubstr("not usable as JSON at byte"));
}

TEST(PredictionFileTest, RefusesAFileOfGigabytesUnread) {
  const TestFolder folder;
  std::ofstream(folder / "P.json") << "{";
  std::filesystem::resize_file(folder / "P.json", uint64_t{2} << 30);  // Sparse.
  try {
    (void)ReadTrajectories(folder / "P.json", kKnown);
    FAIL() << "2 GB were read";
  } catch (const DataError& error) {
    EXPECT_EQ(error.what(),
              (folder / "P.json").string() +
                  ": has 2147483648 bytes, more than the 268435456 that a prediction file may have "
                  "(about 300 a frame): is it the right file?");
  }
}

}  // namespace
}  // namespace occvla::eval
