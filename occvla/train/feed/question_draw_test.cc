#include "occvla/train/feed/question_draw.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "occvla/base/error.h"

namespace occvla::train {
namespace {

using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr auto kTake = [](size_t) { return true; };

// One chain of thought, eight of NuScenes-QA, two of OmniDrive.
std::vector<data::QuestionAnswer> Questions() {
  std::vector<data::QuestionAnswer> questions{{"t", "t", "occvla/chain-of-thought"}};
  for (int i = 0; i < 8; ++i) questions.push_back({"q", "a", "nuscenes-qa/count/0"});
  for (int i = 0; i < 2; ++i) questions.push_back({"c", "a", "omnidrive/conversation"});
  return questions;
}

std::vector<size_t> Draw(const FeedConfig& config, uint64_t key) {
  Rng rng(1, "test", 0, key);
  return DrawQuestions(Questions(), config, rng, kTake);
}

TEST(QuestionDrawTest, NoQuestionComesTwice) {
  FeedConfig config;
  for (const int64_t wanted : {5, 20}) {
    config.questions_per_frame = wanted;
    for (uint64_t key = 0; key < 20; ++key) {
      const auto drawn = Draw(config, key);
      EXPECT_THAT(drawn, SizeIs(std::min<int64_t>(wanted, 11)));
      EXPECT_THAT(std::set<size_t>(drawn.begin(), drawn.end()), SizeIs(drawn.size()));
      EXPECT_EQ(drawn[0], 0U) << "the chain of thought comes first";
    }
  }
}

TEST(QuestionDrawTest, FamiliesComeByTheirSharesNotByHowManyQuestionsTheyHave) {
  FeedConfig config;
  config.always_chain_of_thought = false;
  config.questions_per_frame = 1;
  config.mix = {.chain_of_thought = 1, .nuscenes_qa = 1, .omnidrive = 2, .drivelm = 5};
  std::array<size_t, 3> drawn{};
  for (uint64_t key = 0; key < 4000; ++key) {
    const size_t index = Draw(config, key)[0];
    ++drawn[index == 0 ? 0 : index <= 8 ? 1 : 2];
  }
  // DriveLM has no question here: its share goes to the others.
  EXPECT_NEAR(static_cast<double>(drawn[0]), 1000, 120);
  EXPECT_NEAR(static_cast<double>(drawn[1]), 1000, 120);
  EXPECT_NEAR(static_cast<double>(drawn[2]), 2000, 140);
}

TEST(QuestionDrawTest, AShareOfNothingIsNeverAsked) {
  FeedConfig config;
  config.mix = {.chain_of_thought = 0, .nuscenes_qa = 0};
  EXPECT_THAT(Draw(config, 1), UnorderedElementsAre(0, 9, 10));
  EXPECT_TRUE(MayBeAsked(config, "occvla/chain-of-thought"));
  config.always_chain_of_thought = false;
  EXPECT_THAT(Draw(config, 1), UnorderedElementsAre(9, 10));
  EXPECT_FALSE(MayBeAsked(config, "occvla/chain-of-thought"));
  EXPECT_FALSE(MayBeAsked(config, "nuscenes-qa/exist/1"));
}

TEST(QuestionDrawTest, AnotherIsDrawnForOneThatIsLeftOut) {
  FeedConfig config;
  config.questions_per_frame = 9;
  Rng rng(1, "test");
  const auto drawn = DrawQuestions(Questions(), config, rng,
                                   [](size_t index) { return index != 0 && index != 9; });
  EXPECT_THAT(drawn, UnorderedElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 10));
}

TEST(QuestionDrawTest, RefusesAKindOfNoFamily) {
  try {
    FamilyOf("nuscenes-qb/x");
    FAIL() << "an unknown kind was taken";
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(),
                 "a question is of the kind \"nuscenes-qb/x\", of which data.mix knows no family.");
  }
}

}  // namespace
}  // namespace occvla::train
