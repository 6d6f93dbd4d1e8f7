#include "occvla/data/text/prompt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "occvla/base/error.h"

namespace occvla::data {
namespace {

using ::testing::Optional;

const MetaAction kLeft{Velocity::kDecelerate, Direction::kTurnLeft};
const MetaAction kFaster{Velocity::kAccelerate, Direction::kGoStraight};
const MetaAction kStopped{Velocity::kDecelerate, Direction::kStop};

const Tokenizer& Small() {
  static const Tokenizer tokenizer = Tokenizer::FromJson(SmallTokenizerJson(512), "small");
  return tokenizer;
}

template <typename Call>
std::string DataErrorOf(Call&& call) {
  try {
    call();
  } catch (const DataError& error) {
    return error.what();
  }
  return "no DataError";
}

TEST(ChainOfThoughtPromptTest, ListsTheNewestPastActionsOldestFirst) {
  const MetaAction past[] = {kStopped, kStopped, kLeft, kFaster};
  EXPECT_EQ(ChainOfThoughtPrompt(past, 2),
            "Past meta actions: Decelerate, Turn Left; Accelerate, Go Straight. Predict the next "
            "meta action.");
  EXPECT_EQ(ChainOfThoughtPrompt(std::span(past).first(1)),
            "Past meta actions: Decelerate, Stop. Predict the next meta action.");
}

TEST(ChainOfThoughtPromptTest, WithoutPastActionsOnlyAsks) {
  const MetaAction past[] = {kLeft};
  EXPECT_EQ(ChainOfThoughtPrompt({}), "Predict the next meta action.");
  EXPECT_EQ(ChainOfThoughtPrompt(past, 0), "Predict the next meta action.");
}

TEST(ChainOfThoughtTest, IsThreeLines) {
  EXPECT_EQ(FormatChainOfThought({"A bus is parked.", "Pass it.", kFaster}),
            "Scene: A bus is parked.\nIntent: Pass it.\nMeta action: Accelerate, Go Straight");
}

TEST(ChainOfThoughtTest, SurvivesWritingAndReading) {
  const std::string texts[] = {
      "", "A car.", "  blanks  ", "Scene: of Meta action: Stop", "\u8eca\u2581", "tab\there"};
  for (const std::string& scene : texts) {
    for (const std::string& intent : texts) {
      const auto parsed = ParseChainOfThought(FormatChainOfThought({scene, intent, kLeft}), {});
      EXPECT_EQ(parsed.scene, scene);
      EXPECT_EQ(parsed.intent, intent);
      EXPECT_EQ(parsed.meta_action, kLeft);
      EXPECT_EQ(parsed.source, MetaActionSource::kAnswer);
    }
  }
}

TEST(ChainOfThoughtTest, LineBreaksInFieldsAreRefused) {
  EXPECT_EQ(DataErrorOf([] {
              (void)FormatChainOfThought({"a\nb", "", {}});
            }),
            "chain of thought: the scene has a line break at byte 1: \"a\\nb\". The lines of an "
            "answer are its fields; write it on one line.");
  EXPECT_EQ(DataErrorOf([] {
              (void)FormatChainOfThought({"", "go\r", {}});
            }),
            "chain of thought: the intent has a line break at byte 2: \"go\\x0d\". The lines of an "
            "answer are its fields; write it on one line.");
}

TEST(ChainOfThoughtTest, TheLastMetaActionLineCounts) {
  const auto parsed = ParseChainOfThought(
      "Meta action: Accelerate, Stop\nsomething\nMeta action: decelerate, turn left.\r\nIntent: x",
      {});
  EXPECT_EQ(parsed.meta_action, kLeft);
  EXPECT_EQ(parsed.source, MetaActionSource::kAnswer);
  EXPECT_EQ(parsed.intent, "x");
  EXPECT_EQ(parsed.scene, "");
}

TEST(ChainOfThoughtTest, WithoutAnActionTheNewestPastOneIsTaken) {
  const MetaAction past[] = {kStopped, kLeft};
  for (const char* answer :
       {"", "Scene: only", "Meta action: fly", " Meta action: Accelerate, Stop",
        "Meta action: Accelerate, Stop\nMeta action: fly"}) {
    const auto parsed = ParseChainOfThought(answer, past);
    EXPECT_EQ(parsed.meta_action, kLeft) << answer;
    EXPECT_EQ(parsed.source, MetaActionSource::kMostRecentPast) << answer;
  }
  const auto parsed = ParseChainOfThought("nothing", {});
  EXPECT_EQ(parsed.meta_action, MetaAction{});
  EXPECT_EQ(parsed.source, MetaActionSource::kDefault);
}

TEST(FallbackCountTest, SaysWhereActionsCameFrom) {
  FallbackCount count;
  for (int i = 0; i < 117; ++i) count.Add(MetaActionSource::kAnswer);
  count.Add(MetaActionSource::kMostRecentPast);
  count.Add(MetaActionSource::kMostRecentPast);
  count.Add(MetaActionSource::kDefault);
  EXPECT_EQ(count.ToString(),
            "3 of 120 answers had no meta action (2 took the past, 1 the default)");
}

TEST(PrefixIdsTest, BeginWithBosAndEndInTheSeparator) {
  const auto ids = PrefixIds(Small(), "Is it a car?");
  ASSERT_GE(ids.size(), 3u);
  EXPECT_EQ(ids.front(), Small().bos());
  EXPECT_THAT(Small().Id("\n"), Optional(ids.back()));
  EXPECT_EQ(Small().Decode(ids), "Is it a car?\n");
  EXPECT_EQ(PrefixIds(Small(), ""), (std::vector<int64_t>{Small().bos(), *Small().Id("\n")}));
}

TEST(PrefixIdsTest, ControlWordsInThePromptStayText) {
  const auto ids = PrefixIds(Small(), "a<eos><image>");
  EXPECT_EQ(std::count(ids.begin(), ids.end(), Small().eos()), 0);
  EXPECT_EQ(Small().Decode(ids), "a<eos><image>\n");
}

TEST(PrefixIdsTest, APromptThatEndsInANewlineIsRefused) {
  EXPECT_EQ(DataErrorOf([] { (void)PrefixIds(Small(), "Why?\n"); }),
            "the prompt ends in a newline: \"Why?\\n\". The newline that separates it from the "
            "answer is added here; leave yours out.");
}

TEST(SuffixIdsTest, EndInEos) {
  const auto ids = SuffixIds(Small(), "Meta action: Accelerate, Stop");
  EXPECT_EQ(ids.back(), Small().eos());
  EXPECT_EQ(std::count(ids.begin(), ids.end(), Small().eos()), 1);
  EXPECT_EQ(Small().Decode(ids), "Meta action: Accelerate, Stop");
}

}  // namespace
}  // namespace occvla::data
