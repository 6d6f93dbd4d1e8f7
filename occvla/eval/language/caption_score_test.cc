#include "occvla/eval/language/caption_score.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"
#include "occvla/eval/language/words.h"

namespace occvla::eval {
namespace {

using ::testing::ElementsAre;

Caption Of(std::string_view candidate, const std::vector<std::string>& references) {
  Caption caption{"id", TokensOf(candidate), {}};
  for (const std::string& reference : references) caption.references.push_back(TokensOf(reference));
  return caption;
}

TEST(WordsTest, PunctuationGoesAndContractionsAreCut) {
  EXPECT_THAT(WordsOf("Don't stop: the car's 3.5 m ahead (left-turning), 1,000 of 5%!"),
              ElementsAre("do", "n't", "stop", "the", "car", "'s", "3.5", "m", "ahead",
                          "left-turning", "1,000", "of", "5", "%"));
  EXPECT_THAT(WordsOf(" \"Yes\" - it is... -2 m; e.g.\t"),
              ElementsAre("yes", "it", "is", "-2", "m", "e", "g"));
  EXPECT_THAT(WordsOf("...!?"), ElementsAre());
}

TEST(WordsTest, TokenisedTextIsCutAtBlanksOnly) {
  EXPECT_THAT(TokensOf("  Don't  stop .\n"), ElementsAre("Don't", "stop", "."));
}

// The classic: a repeated word counts no more often than a reference has it.
TEST(BleuTest, RepeatedWordsAreClipped) {
  const std::vector<Caption> captions = {
      Of("the the the the the the the", {"the cat is on the mat", "there is a cat on the mat"})};
  const auto bleu = Bleu(captions);
  EXPECT_NEAR(bleu[0], 2.0 / 7, 1e-8);
  EXPECT_LT(bleu[1], 1e-6);
}

// Five of eight words and of the nearest reference's eight: exp(1 - 8/5).
TEST(BleuTest, ShortTextsPayForTheirBrevity) {
  const std::vector<Caption> captions = {Of("a b c d e", {"a b c d e f g h", "a b c d e f g h i"})};
  EXPECT_NEAR(Bleu(captions)[3], std::exp(1 - 8.0 / 5), 1e-8);
}

TEST(BleuTest, OfTwoNearestLengthsTheShorterCounts) {
  const std::vector<Caption> captions = {Of("a b c d", {"a b c d e f", "a b"})};
  EXPECT_NEAR(Bleu(captions)[0], 1.0, 1e-8);
}

// "a b c" and "a x c": two words in common of three each.
TEST(RougeLTest, IsTheSubsequencesShare) {
  EXPECT_NEAR(RougeL(Of("a b c", {"a x c"})), 2.0 / 3, 1e-12);
  // Precision 1 with recall 2/4: (1 + 1.44) * 0.5 / (0.5 + 1.44).
  EXPECT_NEAR(RougeL(Of("a b", {"a b c d"})), 2.44 * 0.5 / 1.94, 1e-12);
  EXPECT_EQ(RougeL(Of("", {"a b"})), 0);
  EXPECT_EQ(RougeL(Of("c b", {"x y"})), 0);
}

TEST(CiderTest, TheSameTextHasTenAndAnotherNone) {
  const std::vector<Caption> captions = {
      Of("a red car turns left", {"a red car turns left"}),
      Of("nothing of the kind here", {"two trucks wait at lights"})};
  const auto scores = Cider(captions);
  EXPECT_NEAR(scores[0], 10, 1e-9);
  EXPECT_EQ(scores[1], 0);
}

TEST(CiderTest, WordsOfEveryCaptionWeighNothing) {
  const std::vector<Caption> captions = {Of("road", {"road"}), Of("road", {"road"})};
  EXPECT_EQ(Cider(captions)[0], 0);
}

TEST(CaptionScoreTest, RougeAndCiderAreMeansOverTheCaptions) {
  const std::vector<Caption> captions = {Of("a red car turns left", {"a red car turns left"}),
                                         Of("", {"two trucks wait at lights"})};
  const CaptionScore score = ScoreCaptions(captions);
  EXPECT_EQ(score.captions, 2U);
  EXPECT_EQ(score.empty, 1U);
  EXPECT_DOUBLE_EQ(score.rouge_l, 0.5);
  EXPECT_NEAR(score.cider, 5, 1e-9);
}

TEST(CaptionFilesTest, WhatDoesNotFitIsToldAllAtOnce) {
  const TestFolder folder;
  const auto p = folder / "p.json", r = folder / "r.json";
  WriteFileAtomically(p, std::string_view(R"({"a": "x", "b": 5, "z": "y"})"));
  WriteFileAtomically(r, std::string_view(R"({"a": ["x", "y"], "b": "x", "c": []})"));
  try {
    ReadCaptions(p, r, false);
    FAIL() << "accepted";
  } catch (const DataError& error) {
    EXPECT_EQ(std::string(error.what()),
              "The texts cannot be scored: 4 problems:\n  - " + p.string() +
                  ", \"b\": the document must be a string, but is 5\n  - " + r.string() +
                  ", \"c\": the document must be a text or a list of 1 to 100 texts\n  - " +
                  p.string() + ": has no text for \"c\"\n  - " + p.string() +
                  ": \"z\" is not in the references\n"
                  "Write a text for every id, and for no other");
  }
  WriteFileAtomically(p, std::string_view(R"({"a": "X!", "b": "x"})"));
  WriteFileAtomically(r, std::string_view(R"({"b": "x", "a": ["x", "y"]})"));
  const auto captions = ReadCaptions(p, r, false);
  ASSERT_EQ(captions.size(), 2U);
  EXPECT_EQ(captions[0].id, "a");
  EXPECT_THAT(captions[0].candidate, ElementsAre("x"));
  EXPECT_EQ(captions[0].references.size(), 2U);
}

}  // namespace
}  // namespace occvla::eval
