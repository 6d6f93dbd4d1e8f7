#include "occvla/view/text_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace occvla::view {
namespace {

using ::testing::ElementsAre;

double Bytes(std::string_view text) { return static_cast<double>(text.size()); }

TEST(TextLayoutTest, BytesThatAreNoTextBecomeReplacementsAndControlsBlanks) {
  EXPECT_EQ(Printable("a\tb\x7f\xff\xc3"), "a b \xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(Printable("Zürich 中"), "Zürich 中");
}

TEST(TextLayoutTest, ShorteningKeepsCharactersWhole) {
  EXPECT_EQ(Shortened("aü", 2), "a");
  EXPECT_EQ(Shortened("aü", 3), "aü");
}

TEST(TextLayoutTest, LinesBreakBetweenWordsAndAtLineFeeds) {
  EXPECT_THAT(Wrap("one two three\n\nfour", 8, 9, Bytes),
              ElementsAre("one two", "three", "", "four"));
}

TEST(TextLayoutTest, AWordWiderThanTheLineIsBroken) {
  EXPECT_THAT(Wrap("abcdefgh ij", 3, 9, Bytes), ElementsAre("abc", "def", "gh", "ij"));
}

TEST(TextLayoutTest, WhatDoesNotFitEndsInAnEllipsis) {
  EXPECT_THAT(Wrap("aaaa bbbb cccc", 5, 2, Bytes), ElementsAre("aaaa", "bb\xe2\x80\xa6"));
  EXPECT_THAT(Wrap("aaaa", 5, 0, Bytes), ElementsAre());
}

TEST(TextLayoutTest, ALineTooNarrowForACharacterStillEnds) {
  EXPECT_THAT(Wrap("ab", 0.5, 9, Bytes), ElementsAre("a", "b"));
}

}  // namespace
}  // namespace occvla::view
