#include "occvla/infer/sampling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "occvla/base/error.h"

namespace occvla::infer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Key;

TEST(GreedyTest, LowestIdWinsATie) {
  EXPECT_EQ(Greedy(std::vector<float>{1, 5, 2, 5, 5}), 1);
  EXPECT_EQ(Greedy(std::vector<float>{-3}), 0);
  EXPECT_EQ(Greedy(std::vector<float>{-3, -2, -2}), 1);
}

std::map<int64_t, int> Draw(const std::vector<float>& logits, double temperature, double top_p,
                            int draws = 20'000) {
  Rng rng(17, "sampling_test");
  std::map<int64_t, int> counts;
  for (int i = 0; i < draws; ++i) ++counts[Sample(logits, temperature, top_p, rng)];
  return counts;
}

const std::vector<float> kLogits{0.5f, -1, 2, 0, 1.5f, -3, 1, 2};

class Temperatures : public ::testing::TestWithParam<double> {};

TEST_P(Temperatures, DrawsFollowTheSoftmax) {
  const auto counts = Draw(kLogits, GetParam(), 1);
  double total = 0, chi_squared = 0;
  for (const float logit : kLogits) total += std::exp(logit / GetParam());
  for (size_t i = 0; i < kLogits.size(); ++i) {
    const double expected = 20'000 * std::exp(kLogits[i] / GetParam()) / total;
    const auto found = counts.find(static_cast<int64_t>(i));
    const double difference = (found == counts.end() ? 0 : found->second) - expected;
    chi_squared += difference * difference / expected;
  }
  EXPECT_LT(chi_squared, 24.3);  // One in a thousand at seven degrees of freedom.
}

INSTANTIATE_TEST_SUITE_P(ColdAndHot, Temperatures, ::testing::Values(0.5, 1.0, 3.0));

TEST(SampleTest, SmallestSetThatReachesTopPIsKept) {
  std::vector<float> logits;  // Probabilities 1/8, 1/2, 1/8, 1/4.
  for (const double p : {0.125, 0.5, 0.125, 0.25}) {
    logits.push_back(static_cast<float>(std::log(p)));
  }
  EXPECT_THAT(Draw(logits, 1, 0.01), ElementsAre(Key(1)));
  EXPECT_THAT(Draw(logits, 1, 0.49), ElementsAre(Key(1)));
  EXPECT_THAT(Draw(logits, 1, 0.51), ElementsAre(Key(1), Key(3)));
  EXPECT_THAT(Draw(logits, 1, 0.74), ElementsAre(Key(1), Key(3)));
  EXPECT_THAT(Draw(logits, 1, 0.76), ElementsAre(Key(0), Key(1), Key(3)));  // Of twins, the first.
  EXPECT_THAT(Draw(logits, 1, 1), ElementsAre(Key(0), Key(1), Key(2), Key(3)));
}

TEST(SampleTest, KeptIdsKeepTheirProportion) {
  const auto counts = Draw({std::log(0.6f), std::log(0.3f), std::log(0.1f)}, 1, 0.8);
  // 2/3 of 20,000; four standard deviations are 267.
  EXPECT_NEAR(counts.at(0), 13'333, 267);
  EXPECT_EQ(counts.at(0) + counts.at(1), 20'000);
}

// A flat distribution needs more than the first head that is sorted.
TEST(SampleTest, LargeNucleusIsCutExactly) {
  const auto counts = Draw(std::vector<float>(200, 0.25f), 1, 0.5, 2000);
  EXPECT_EQ(counts.begin()->first, 0);
  EXPECT_EQ(counts.rbegin()->first, 99);
  EXPECT_EQ(counts.size(), 100u);
}

TEST(SampleTest, TemperatureZeroIsGreedy) {
  EXPECT_THAT(Draw(kLogits, 0, 1, 10), ElementsAre(Key(2)));
}

TEST(SampleTest, SameKeySameDraws) {
  Rng a(3, "sampling"), b(3, "sampling"), c(4, "sampling");
  std::vector<int64_t> first, second, third;
  for (int i = 0; i < 50; ++i) {
    first.push_back(Sample(kLogits, 1, 0.95, a));
    second.push_back(Sample(kLogits, 1, 0.95, b));
    third.push_back(Sample(kLogits, 1, 0.95, c));
  }
  EXPECT_EQ(first, second);
  EXPECT_NE(first, third);
}

// A forbidden id has the logit minus infinity.
TEST(SampleTest, MinusInfinityIsNeverDrawn) {
  const float never = -std::numeric_limits<float>::infinity();
  EXPECT_THAT(Draw({never, 1, never, 2}, 5, 1), ElementsAre(Key(1), Key(3)));
}

TEST(SampleTest, RefusesLogitsThatAreNotNumbers) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinite = std::numeric_limits<float>::infinity();
  Rng rng(1, "sampling_test");
  for (const auto& logits : {std::vector<float>{nan, nan}, std::vector<float>{1, nan},
                             std::vector<float>{infinite, 1}}) {
    for (const double top_p : {0.5, 1.0}) {
      try {
        Sample(logits, 1, top_p, rng);
        FAIL() << "something was drawn";
      } catch (const CheckpointError& error) {
        EXPECT_STREQ(error.what(),
                     "the model's logits are infinite or not numbers: its weights are damaged, or "
                     "too large for the compute type. Take the checkpoint from its source again, "
                     "or compute in float32.");
      }
    }
  }
  EXPECT_THROW(Sample(std::vector<float>{nan, nan}, 0, 1, rng), CheckpointError);
}

TEST(LabelConstraintTest, WalksTheSequencesLikeATrie) {
  LabelConstraint constraint({{4, 9}, {1, 3, 9}, {1, 2, 9}, {1, 2, 7, 9}});
  EXPECT_THAT(constraint.Allowed(), ElementsAre(1, 4));
  constraint.Take(1);
  EXPECT_THAT(constraint.Allowed(), ElementsAre(2, 3));
  constraint.Take(2);
  EXPECT_THAT(constraint.Allowed(), ElementsAre(7, 9));
  constraint.Take(9);
  EXPECT_THAT(constraint.Allowed(), IsEmpty());
}

}  // namespace
}  // namespace occvla::infer
