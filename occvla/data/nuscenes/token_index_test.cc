#include "occvla/data/nuscenes/token_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "occvla/base/rng.h"

namespace occvla::data::nuscenes {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

std::vector<Token> RandomTokens(size_t count) {
  Rng rng(5, "tokens");
  std::vector<Token> tokens(count);
  for (Token& token : tokens) token = {rng.NextU64(), rng.NextU64()};
  return tokens;
}

// Tokens that differ in few bits crowd, and must be found all the same.
std::vector<Token> CountingTokens(size_t count, bool in_high) {
  std::vector<Token> tokens;
  for (uint64_t i = 0; i < count; ++i)
    tokens.push_back(in_high ? Token{i + 1, 0} : Token{0, (i + 1) << 40});
  return tokens;
}

TEST(TokenIndexTest, FindsEachTokenAndNoOther) {
  for (const auto& tokens : {RandomTokens(5000), CountingTokens(5000, true),
                             CountingTokens(5000, false), RandomTokens(1)}) {
    for (const size_t threads : {1, 3}) {
      const TokenIndex index(tokens, threads);
      for (size_t row = 0; row < tokens.size(); ++row) {
        ASSERT_EQ(index.Find(tokens[row]), row);
        ASSERT_EQ(index.Find(Token{tokens[row].high, tokens[row].low ^ 1}), kNoRow);
      }
      EXPECT_TRUE(index.Duplicates().empty());
    }
  }
}

TEST(TokenIndexTest, FindsManyAsItFindsOne) {
  const std::vector<Token> tokens = RandomTokens(1000);
  const TokenIndex index(tokens, 2);
  Rng rng(6, "queries");
  std::vector<Token> queries;
  for (int i = 0; i < 3000; ++i) {
    const auto kind = rng.Below(6);
    const auto row = rng.Below(tokens.size());
    if (kind == 0) {
      queries.push_back({});
    } else if (kind == 1) {
      queries.push_back({rng.NextU64(), 1});
    } else if (kind < 4 && !queries.empty()) {
      queries.push_back(kind == 2 ? queries.back() : tokens[(row + 1) % tokens.size()]);
    } else {
      for (size_t j = row; j < std::min(tokens.size(), row + 20); ++j) queries.push_back(tokens[j]);
    }
  }
  std::vector<Row> rows(queries.size());
  index.Find(queries, rows);
  for (size_t i = 0; i < queries.size(); ++i) ASSERT_EQ(rows[i], index.Find(queries[i])) << i;
}

TEST(TokenIndexTest, NamesPairsOfEqualTokensAndLeavesOutRowsWithoutOne) {
  std::vector<Token> tokens = RandomTokens(50);
  tokens[20] = tokens[3];
  tokens[7] = tokens[31] = tokens[45];
  tokens[10] = {};
  tokens[11] = {};
  const TokenIndex index(tokens, 2);
  EXPECT_THAT(index.Duplicates(), ElementsAre(Pair(3, 20), Pair(7, 31), Pair(7, 45)));
  EXPECT_EQ(index.Find(tokens[20]), 3) << "the first of them";
  EXPECT_EQ(index.Find(Token{}), kNoRow);
  EXPECT_EQ(index.sorted_rows().size(), 48);
}

TEST(TokenIndexTest, AnEmptyOneFindsNothing) {
  const TokenIndex none, empty({}, 2);
  std::vector<Row> rows(1);
  for (const TokenIndex* index : {&none, &empty}) {
    EXPECT_EQ(index->Find(Token{1, 2}), kNoRow);
    index->Find(std::vector{Token{1, 2}}, rows);
    EXPECT_EQ(rows[0], kNoRow);
  }
}

// The search that a mapped cache is asked through.
TEST(TokenIndexTest, ItsOrderServesABinarySearch) {
  struct Named {
    Token token;
  };
  const std::vector<Token> tokens = RandomTokens(300);
  const TokenIndex index(tokens, 1);
  std::vector<Named> named;
  for (const Token& token : tokens) named.push_back({token});
  const std::span<const Named> rows(named);
  for (size_t row = 0; row < tokens.size(); ++row)
    EXPECT_EQ(FindToken(rows, index.sorted_rows(), tokens[row]), row);
  EXPECT_EQ(FindToken(rows, index.sorted_rows(), Token{1, 1}), std::nullopt);
  EXPECT_EQ(FindToken(rows.first(0), index.sorted_rows().first(0), Token{1, 1}), std::nullopt);
}

}  // namespace
}  // namespace occvla::data::nuscenes
