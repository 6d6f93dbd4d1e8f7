#include "occvla/base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace occvla {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(NearestTest, BestComesFirstAndFarNamesAreLeftOut) {
  const std::vector<std::string> names{"warmup_steps", "step", "steps", "accumulate"};
  EXPECT_THAT(Nearest("stepz", names), ElementsAre("step", "steps"));
  EXPECT_THAT(Nearest("warm_steps", names), ElementsAre("warmup_steps"));
  EXPECT_THAT(Nearest("stepz", names, 1), ElementsAre("step"));
  EXPECT_THAT(Nearest("seed", names), IsEmpty());
}

TEST(NearestTest, SwappedNeighboursAreOneMistake) {
  const std::vector<std::string> names{"lr"};
  EXPECT_THAT(Nearest("rl", names), ElementsAre("lr"));
  EXPECT_THAT(Nearest("xx", names), IsEmpty());
}

TEST(NearestTest, HugeNamesAreNoMisspellings) {
  const std::vector<std::string> names{std::string(100'000, 'a')};
  EXPECT_THAT(Nearest(std::string(100'000, 'a'), names), IsEmpty());
}

TEST(QuotedTest, HostileBytesBecomeEscapes) {
  EXPECT_EQ(Quoted("a\"b\\c\n\t\x01\x7f\xff ü"), "\"a\\\"b\\\\c\\n\\t\\x01\\x7f\\xff ü\"");
  EXPECT_EQ(Printable("a\"b\x1b[2J"), "a\"b\\x1b[2J");
}

TEST(QuotedTest, LongTextIsCutBetweenCharacters) {
  EXPECT_EQ(Quoted("abcdef", 3), "\"abc...\"");
  EXPECT_EQ(Quoted("abc", 3), "\"abc\"");
  EXPECT_EQ(Quoted("abü", 3), "\"ab...\"");
}

TEST(JoinTest, SeparatorsStandBetweenParts) {
  EXPECT_EQ(Join(std::vector<std::string>{"a", "", "b"}, ", "), "a, , b");
  EXPECT_EQ(Join({}, ", "), "");
}

TEST(ShapeTextTest, ScalarsHaveEmptyBrackets) {
  EXPECT_EQ(ShapeText(std::vector<int64_t>{2, 3}), "[2, 3]");
  EXPECT_EQ(ShapeText({}), "[]");
}

// Unicode 15, table 3-7 and its neighbours on both sides.
TEST(Utf8Test, OnlyWellFormedSequencesAreValid) {
  for (const std::string valid :
       {"", "a", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
        "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"})
    EXPECT_TRUE(IsValidUtf8(valid)) << Quoted(valid);
  for (const std::string invalid :
       {"\x80", "\xC1\xBF", "\xC2", "\xC2 ", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xE1\x80",
        "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFE", "a\xF1\x80\x80"})
    EXPECT_FALSE(IsValidUtf8(invalid)) << Quoted(invalid);
}

}  // namespace
}  // namespace occvla
