#include "occvla/infer/answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "occvla/data/meta_action.h"
#include "occvla/data/text/prompt.h"
#include "occvla/data/text/utf8.h"

namespace occvla::infer {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;
using ::testing::StartsWith;

TEST(StopFilterTest, StopWordAcrossPushesIsNeverShown) {
  StopFilter filter({"END"});
  EXPECT_EQ(filter.Push("go on E"), "go on ");
  EXPECT_EQ(filter.Push("N"), "");
  EXPECT_FALSE(filter.stopped());
  EXPECT_EQ(filter.Push("D and more"), "");
  EXPECT_TRUE(filter.stopped());
  EXPECT_EQ(filter.Push("even more"), "");
  EXPECT_EQ(filter.Finish(), "");
}

TEST(StopFilterTest, HeldTextComesOutWhenItTurnsOutHarmless) {
  StopFilter filter({"END"});
  EXPECT_EQ(filter.Push("EN"), "");
  EXPECT_EQ(filter.Push("TRY"), "ENTRY");
  EXPECT_EQ(filter.Push("EEN"), "E");
  EXPECT_EQ(filter.Finish(), "EN");
}

TEST(StopFilterTest, EarliestOfOverlappingStopsCuts) {
  StopFilter filter({"cde", "bcx", "bcd"});
  EXPECT_EQ(filter.Push("abc"), "a");
  EXPECT_EQ(filter.Push("de"), "");
  EXPECT_TRUE(filter.stopped());

  StopFilter repeated({"aab"});
  EXPECT_EQ(repeated.Push("aaa"), "a");
  EXPECT_EQ(repeated.Push("b"), "");
  EXPECT_TRUE(repeated.stopped());
}

TEST(StopFilterTest, NothingIsShownTwiceAfterAStop) {
  StopFilter filter({"END"});
  EXPECT_EQ(filter.Push("go END on"), "go ");
  EXPECT_EQ(filter.Push("on"), "");
}

TEST(StopFilterTest, EmptyStopWordsStopNothing) {
  StopFilter filter({""});
  EXPECT_EQ(filter.Push("text"), "text");
  EXPECT_FALSE(filter.stopped());
}

const data::Tokenizer& Small() {
  static const auto tokenizer =
      data::Tokenizer::FromJson(data::SmallTokenizerJson(512), "small tokenizer");
  return tokenizer;
}

std::vector<float> Favouring(int64_t id) {
  std::vector<float> logits(512, 0);
  logits[static_cast<size_t>(id)] = 10;
  return logits;
}

const std::vector<float>& RandomLogits(uint64_t seed, uint64_t step) {
  static const auto table = [] {
    std::vector<std::vector<float>> rows(64, std::vector<float>(512));
    Rng rng(1, "answer_test");
    for (auto& row : rows) {
      for (auto& logit : row) logit = static_cast<float>(8 * rng.Uniform());
    }
    return rows;
  }();
  return table[(seed * 37 + step) % table.size()];
}

struct Answer {
  std::string text, flag;
  std::vector<int64_t> ids;
  std::vector<std::string> pieces;
};

// Runs a writer over the logits that `next` gives for each step.
Answer Write(Request request, const std::function<std::vector<float>(uint64_t)>& next) {
  Answer answer;
  request.on_text = [&](std::string_view piece) { answer.pieces.emplace_back(piece); };
  AnswerWriter writer(Small(), request);
  for (uint64_t step = 0; writer.Advance(next(step)); ++step) {
    if (step > 1000) {
      ADD_FAILURE() << "the answer does not end";
      break;
    }
  }
  answer.flag = writer.Finish();
  answer.text = writer.text();
  answer.ids = writer.ids();
  std::string all;
  for (const auto& piece : answer.pieces) {
    EXPECT_EQ(data::FirstIllFormedUtf8(piece), std::string::npos) << piece;
    all += piece;
  }
  EXPECT_EQ(all, answer.text);
  return answer;
}

// A model that says `text` and then ends.
std::function<std::vector<float>(uint64_t)> Saying(const std::string& text) {
  return [ids = Small().Encode(text)](uint64_t step) {
    return Favouring(step < ids.size() ? ids[step] : Small().eos());
  };
}

Request UpTo(int64_t tokens) {
  Request request;
  request.max_new_tokens = tokens;
  return request;
}

TEST(AnswerWriterTest, EndsAtTheEndTokenWhichIsLeftOut) {
  const auto answer = Write(UpTo(100), Saying("The light is red."));
  EXPECT_EQ(answer.text, "The light is red.");
  EXPECT_EQ(answer.flag, "");
  EXPECT_EQ(answer.ids, Small().Encode("The light is red."));
}

TEST(AnswerWriterTest, SaysWhenTheLimitCutIt) {
  const auto ids = Small().Encode("The light is red.");
  const auto answer = Write(UpTo(3), Saying("The light is red."));
  EXPECT_THAT(answer.ids, SizeIs(3));
  EXPECT_EQ(answer.text, Small().Decode(std::span(ids).first(3)));
  EXPECT_EQ(answer.flag, "stopped_at_max_tokens");
}

TEST(AnswerWriterTest, NothingFollowsTheEnd) {
  const auto request = UpTo(100);
  AnswerWriter writer(Small(), request);
  EXPECT_FALSE(writer.Advance(Favouring(Small().eos())));
  EXPECT_FALSE(writer.Advance(Favouring(40)));
  EXPECT_THAT(writer.ids(), SizeIs(0));
}

TEST(AnswerWriterTest, StopWordEndsTheAnswerWithoutAFlag) {
  auto request = UpTo(100);
  request.stop = {"is red", "never"};
  const auto answer = Write(request, Saying("The light is red. Stop."));
  EXPECT_EQ(answer.text, "The light ");
  EXPECT_EQ(answer.flag, "");
  EXPECT_LT(answer.ids.size(), Small().Encode("The light is red. Stop.").size());
}

TEST(AnswerWriterTest, BeginningOfAStopWordIsShownAtTheEnd) {
  auto request = UpTo(100);
  request.stop = {"redder"};
  EXPECT_EQ(Write(request, Saying("The light is red")).text, "The light is red");
}

// These take byte tokens, three or four a character.
TEST(AnswerWriterTest, CharactersOfSeveralBytesComeWhole) {
  const std::string text = "a\u8eca\U0001F697b";
  ASSERT_GT(Small().Encode(text).size(), 8u);
  const auto answer = Write(UpTo(100), Saying(text));
  EXPECT_THAT(answer.pieces, ElementsAre("a", "\u8eca", "\U0001F697", "b"));
}

TEST(AnswerWriterTest, CharacterThatTheLimitCutsIsReplaced) {
  const auto answer = Write(UpTo(3), Saying("a\u8eca"));
  EXPECT_EQ(answer.text, "a\uFFFD");
  EXPECT_EQ(answer.flag, "stopped_at_max_tokens");
}

TEST(AnswerWriterTest, SameSeedSameAnswer) {
  auto request = UpTo(40);
  request.sampling = {.temperature = 1, .top_p = 0.9, .seed = 5};
  const auto next = [](uint64_t step) { return RandomLogits(1, step); };
  const auto first = Write(request, next), second = Write(request, next);
  EXPECT_EQ(first.ids, second.ids);
  request.sampling.seed = 6;
  EXPECT_NE(Write(request, next).ids, first.ids);
}

// The label of a constrained answer, which must stand on a last line of its own.
std::optional<data::MetaAction> Label(const std::string& text) {
  const auto line = text.rfind("Meta action: ");
  if (line == std::string::npos || (line > 0 && text[line - 1] != '\n')) return std::nullopt;
  const auto label = text.substr(line + std::string("Meta action: ").size());
  for (const auto velocity : data::kVelocityNames) {
    for (const auto direction : data::kDirectionNames) {
      if (label == std::string(velocity) + ", " + std::string(direction)) {
        return data::ParseMetaAction(label);
      }
    }
  }
  return std::nullopt;
}

Request Constrained(int64_t tokens) {
  auto request = UpTo(tokens);
  request.constrain_meta_action = true;
  return request;
}

TEST(ConstrainedAnswerTest, ModelThatWouldEndAtOnceStillNamesALabel) {
  const auto answer = Write(Constrained(100), [](uint64_t) { return Favouring(Small().eos()); });
  EXPECT_THAT(answer.text, StartsWith("Meta action: "));
  EXPECT_TRUE(Label(answer.text)) << answer.text;
  EXPECT_EQ(answer.flag, "");
}

TEST(ConstrainedAnswerTest, ModelThatTalksOnIsInterruptedInTime) {
  const int64_t letter = Small().Encode("a").front();
  for (int64_t tokens = 60; tokens < 70; ++tokens) {
    const auto answer = Write(Constrained(tokens), [&](uint64_t) { return Favouring(letter); });
    EXPECT_THAT(answer.text, StartsWith("aaa"));
    EXPECT_TRUE(Label(answer.text)) << answer.text;
    EXPECT_EQ(answer.flag, "");
    EXPECT_LE(static_cast<int64_t>(answer.ids.size()), tokens);
  }
}

TEST(ConstrainedAnswerTest, ModelThatKnowsTheFormatIsLeftToIt) {
  const std::string text =
      "Scene: rain.\nIntent: slow down.\nMeta action: Decelerate, Change Lane Right";
  EXPECT_EQ(Write(Constrained(200), Saying(text)).text, text);
}

// Where the model names no label, its likeliest legal continuation is taken.
TEST(ConstrainedAnswerTest, LabelComesFromTheLogits) {
  const auto fast = Small().Encode(" Accelerate, Stop");
  std::vector<float> logits(512, 0);
  for (const int64_t id : fast) logits[static_cast<size_t>(id)] = 5;
  logits[static_cast<size_t>(Small().eos())] = 10;
  const auto answer = Write(Constrained(100), [&](uint64_t) { return logits; });
  EXPECT_EQ(answer.text, "Meta action: Accelerate, Stop");
}

TEST(ConstrainedAnswerTest, EveryLabelIsReachedAndNothingElse) {
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    auto request = Constrained(48);
    request.sampling = {.temperature = 2, .top_p = 1, .seed = seed};
    const auto answer = Write(request, [&](uint64_t step) { return RandomLogits(seed, step); });
    const auto label = Label(answer.text);
    ASSERT_TRUE(label) << answer.text;
    EXPECT_EQ(answer.flag, "");
    seen.insert(data::ToString(*label));
  }
  EXPECT_THAT(seen, SizeIs(18));
}

// Too few tokens for header and label: whatever fits, and the flag says so.
TEST(ConstrainedAnswerTest, BudgetTooSmallForALabelIsFlagged) {
  const auto whole = Write(Constrained(100), [](uint64_t) { return Favouring(Small().eos()); });
  const auto needed = static_cast<int64_t>(whole.ids.size());
  for (int64_t tokens = 1; tokens <= needed; ++tokens) {
    const auto answer =
        Write(Constrained(tokens), [](uint64_t) { return Favouring(Small().eos()); });
    EXPECT_THAT(whole.text, StartsWith(answer.text));
    EXPECT_EQ(answer.flag, "stopped_at_max_tokens");
    EXPECT_EQ(Label(answer.text).has_value(), tokens == needed);
  }
}

}  // namespace
}  // namespace occvla::infer
