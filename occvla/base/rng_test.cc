#include "occvla/base/rng.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

namespace occvla {
namespace {

using testing::ElementsAre;

// The known answers of Random123's kat_vectors for philox4x32-10.
TEST(PhiloxTest, GivesTheKnownAnswers) {
  EXPECT_THAT(Philox4x32({0, 0, 0, 0}, {0, 0}),
              ElementsAre(0x6627E8D5u, 0xE169C58Du, 0xBC57AC4Cu, 0x9B00DBD8u));
  const uint32_t ones = 0xFFFFFFFFu;
  EXPECT_THAT(Philox4x32({ones, ones, ones, ones}, {ones, ones}),
              ElementsAre(0x408F276Du, 0x41C83B0Eu, 0xA20BC7C6u, 0x6D5451FDu));
  EXPECT_THAT(
      Philox4x32({0x243F6A88u, 0x85A308D3u, 0x13198A2Eu, 0x03707344u}, {0xA4093822u, 0x299F31D0u}),
      ElementsAre(0xD16CFE09u, 0x94FDCCEBu, 0x5001E420u, 0x24126EA1u));
}

std::vector<uint32_t> Words(Rng rng, int count = 6) {
  std::vector<uint32_t> words;
  for (int i = 0; i < count; ++i) words.push_back(rng.NextU32());
  return words;
}

// Worked out by an independent script from the header's description of key and counter. A change
// here would change every resumed run.
TEST(RngTest, StreamsStayTheSame) {
  EXPECT_THAT(Words(Rng(17, "init", 2, 3), 5),
              ElementsAre(1059877295u, 1573162497u, 4185360993u, 2929971342u, 1197595681u));
}

TEST(RngTest, EveryPartOfTheKeyMakesAnotherStream) {
  std::set<std::vector<uint32_t>> streams;
  for (const auto& rng : {Rng(1, "a"), Rng(2, "a"), Rng(1, "b"), Rng(1, ""), Rng(1, "a", 1),
                          Rng(1, "a", 0, 1), Rng(1, "a", uint64_t{1} << 32),
                          Rng(1, "a", 0, uint64_t{1} << 32), Rng(uint64_t{1} << 32, "a")})
    EXPECT_TRUE(streams.insert(Words(rng)).second);
}

TEST(RngTest, ACopyGoesOnAsTheOriginal) {
  Rng rng(5, "copy");
  rng.Normal();
  rng.NextU32();
  Rng copy = rng;
  EXPECT_EQ(rng.Normal(), copy.Normal());
  EXPECT_EQ(rng.NextU64(), copy.NextU64());
}

TEST(RngTest, WordsOf64BitsAreTwoOf32LowFirst) {
  const auto words = Words(Rng(3, "x"), 2);
  EXPECT_EQ(Rng(3, "x").NextU64(), words[0] | (uint64_t{words[1]} << 32));
}

// Bounds of five standard errors of the mean: 1/sqrt(12 n) and 1/sqrt(n).
TEST(RngTest, UniformAndNormalHaveTheirMoments) {
  Rng rng(7, "moments");
  constexpr int kCount = 20'000;
  double sum = 0, normal_sum = 0, normal_squares = 0;
  for (int i = 0; i < kCount; ++i) {
    const double uniform = rng.Uniform();
    ASSERT_GE(uniform, 0.0);
    ASSERT_LT(uniform, 1.0);
    sum += uniform;
    const double normal = rng.Normal();
    normal_sum += normal;
    normal_squares += normal * normal;
  }
  EXPECT_NEAR(sum / kCount, 0.5, 5 / std::sqrt(12.0 * kCount));
  EXPECT_NEAR(normal_sum / kCount, 0.0, 5 / std::sqrt(1.0 * kCount));
  EXPECT_NEAR(normal_squares / kCount, 1.0, 5 * std::sqrt(2.0 / kCount));
}

TEST(RngTest, BelowIsEvenAndInRange) {
  Rng rng(8, "below");
  std::vector<int> counts(6, 0);
  for (int i = 0; i < 6000; ++i) ++counts.at(rng.Below(6));
  // Five standard deviations of a binomial with n = 6000, p = 1/6: 144.
  for (const int count : counts) EXPECT_NEAR(count, 1000, 144);
  EXPECT_EQ(rng.Below(1), 0u);
  // For 3 * 2^62, words in [0, 2^62) come twice as often unless a quarter is drawn again: with a
  // plain remainder 1/2 of the values would be below 2^62 instead of 1/3.
  int low = 0;
  for (int i = 0; i < 3000; ++i) low += rng.Below(uint64_t{3} << 62) < (uint64_t{1} << 62);
  EXPECT_NEAR(low, 1000, 5 * std::sqrt(3000.0 * 2 / 9));
}

}  // namespace
}  // namespace occvla
