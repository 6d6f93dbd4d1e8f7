#include "occvla/label/qa.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "occvla/label/test_answers.h"

namespace occvla::label {
namespace {

std::vector<data::NuscenesQaQuestion> Ask(const data::Frame& frame, size_t most = 16,
                                          uint64_t seed = 3) {
  return QuestionsAbout(GraphOf(frame, {}), "val", {.seed = seed, .most = most});
}

std::string TextOf(const std::vector<data::NuscenesQaQuestion>& questions) {
  std::string text;
  for (const auto& one : questions) text += one.question + " " + one.answer + "\n";
  return text;
}

// Every answer again, from the text and the boxes, in six readings of the scene.
TEST(QaTest, AnswersHoldInASecondComputationHoweverTheSceneIsRead) {
  std::map<std::string, int> kinds;
  for (uint64_t seed = 0; seed < 24; ++seed) {
    const data::Frame frame = test::StrewnFrame(seed, 4 + seed % 20);
    for (const auto& question : Ask(frame, 30)) {
      for (const test::Reading& reading : test::kReadings) {
        std::string answer;
        try {
          answer = test::Reader(frame, reading).Answer(question.question);
        } catch (const std::runtime_error& error) {
          answer = error.what();
        }
        EXPECT_EQ(answer, question.answer) << question.question << " seed " << seed << " all "
                                           << reading.all << " turn " << reading.turn_deg;
      }
      const bool hops = question.question.find(" of me") != std::string::npos ||
                        question.question.find(" of the ") != std::string::npos ||
                        question.question.find("same status") != std::string::npos;
      EXPECT_TRUE(hops || question.num_hop == 0) << question.question;
      ++kinds[std::string(Name(question.type)) + std::to_string(question.num_hop)];
    }
  }
  EXPECT_EQ(kinds.size(), 10u);
  for (const auto& [kind, count] : kinds) EXPECT_GT(count, 1) << kind;
}

TEST(QaTest, AnswersAreOfficialAndYesIsAsFrequentAsNo) {
  double yes = 0, no = 0;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    for (const auto& question : Ask(test::StrewnFrame(seed, 20))) {
      EXPECT_THAT(data::kNuscenesQaAnswers, testing::Contains(question.answer));
      yes += question.answer == "yes";
      no += question.answer == "no";
    }
  }
  EXPECT_GT(yes + no, 200);
  EXPECT_NEAR(yes / (yes + no), 0.5, 0.07);
}

TEST(QaTest, SameKeySameQuestionsAndOthersForAnotherSeed) {
  const data::Frame frame = test::StrewnFrame(5, 20);
  EXPECT_EQ(TextOf(Ask(frame)), TextOf(Ask(frame)));
  EXPECT_NE(TextOf(Ask(frame)), TextOf(Ask(frame, 16, 4)));
  data::Frame shuffled = frame;
  std::reverse(shuffled.annotations.begin(), shuffled.annotations.end());
  EXPECT_EQ(TextOf(Ask(frame)), TextOf(Ask(shuffled))) << "the order of boxes must not matter";
}

TEST(QaTest, AsksAtMostAsManyAsAllowedAndNothingTwice) {
  const auto questions = Ask(test::StrewnFrame(1, 30), 10);
  EXPECT_EQ(questions.size(), 10u);
  std::set<std::string> texts;
  for (const auto& one : questions) {
    texts.insert(one.question);
    EXPECT_EQ(one.split, "val");
    EXPECT_EQ(one.sample_token, test::StrewnFrame(1, 0).token);
  }
  EXPECT_EQ(texts.size(), questions.size());
}

// Two cars: "the car" is nobody's name, and one of them half hidden makes counting a guess.
TEST(QaTest, SaysNothingThatCouldMeanTwoThings) {
  data::Frame frame = test::StrewnFrame(2, 0);
  for (int i = 0; i < 2; ++i) {
    data::Annotation car;
    car.token = "car" + std::to_string(i);
    car.category = "vehicle.car";
    car.attributes = {"vehicle.moving"};
    car.visibility = i == 0 ? 4 : 1;
    car.lidar_points = 5;
    car.box_G.X_AB = frame.now->X_GE * Eigen::Translation3d(10 + 5 * i, 0, 0);
    frame.annotations.push_back(car);
  }
  const auto questions = Ask(frame, 200);
  EXPECT_FALSE(questions.empty());
  for (const auto& one : questions) {
    EXPECT_THAT(one.question, testing::Not(testing::HasSubstr("the car")));
    EXPECT_THAT(one.question, testing::Not(testing::HasSubstr("the moving")));
    EXPECT_NE(one.answer, "1") << one.question;
    EXPECT_NE(one.answer, "2") << one.question;
  }
}

TEST(QaTest, EmptySceneStillHasAnswers) {
  for (const auto& one : Ask(test::StrewnFrame(3, 0)))
    EXPECT_TRUE(one.answer == "no" || one.answer == "0") << one.question;
}

}  // namespace
}  // namespace occvla::label
