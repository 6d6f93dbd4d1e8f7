#include "occvla/eval/bootstrap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "occvla/base/error.h"
#include "occvla/base/rng.h"

namespace occvla::eval {
namespace {

// Scenes whose means scatter by `spread` around `centre`, 40 frames each.
std::vector<SceneSum> Scenes(size_t count, double centre, double spread) {
  Rng rng(3, "scenes");
  std::vector<SceneSum> scenes;
  for (size_t i = 0; i < count; ++i) scenes.push_back({40 * (centre + spread * rng.Normal()), 40});
  return scenes;
}

// The mean of 200 values of deviation 1: 1.96 / sqrt(200) = 0.139 to both sides.
TEST(BootstrapTest, IntervalIsAsWideAsTheStandardErrorSays) {
  const Interval interval = BootstrapRate(Scenes(200, 5, 1));
  EXPECT_NEAR(interval.value, 5, 0.3);
  EXPECT_NEAR(interval.high - interval.low, 2 * 1.96 / std::sqrt(200.0), 0.05);
  EXPECT_LT(interval.low, interval.value);
  EXPECT_GT(interval.high, interval.value);
  EXPECT_TRUE(interval.ExcludesZero());
}

// Every scene is 0.1 better: no draw can say otherwise, however much scenes differ.
TEST(BootstrapTest, WhatIsHardForBothCancelsOut) {
  const auto theirs = Scenes(50, 0, 10);
  auto ours = theirs;
  for (SceneSum& scene : ours) scene.numerator += 40 * 0.1;
  const Interval paired = BootstrapDifference(ours, theirs);
  EXPECT_NEAR(paired.value, 0.1, 1e-9);
  EXPECT_NEAR(paired.low, 0.1, 1e-9);
  EXPECT_NEAR(paired.high, 0.1, 1e-9);
}

TEST(BootstrapTest, SmallGainOfScatteredScenesIncludesZero) {
  auto ours = Scenes(30, 0, 1);
  for (size_t i = 0; i < ours.size(); ++i) ours[i].numerator += i % 2 == 0 ? 44 : -36;
  EXPECT_FALSE(BootstrapDifference(ours, Scenes(30, 0, 1)).ExcludesZero());
}

TEST(BootstrapTest, TheSameSeedDrawsTheSameScenes) {
  const auto scenes = Scenes(20, 1, 1);
  const Interval first = BootstrapRate(scenes), again = BootstrapRate(scenes);
  EXPECT_EQ(first.low, again.low);
  EXPECT_EQ(first.high, again.high);
  EXPECT_NE(first.low, BootstrapRate(scenes, {.seed = 18}).low);
}

TEST(BootstrapTest, ScenesWithMoreFramesWeighMore) {
  const std::vector<SceneSum> scenes = {{90, 90}, {0, 10}};
  const Interval interval = BootstrapRate(scenes);
  EXPECT_DOUBLE_EQ(interval.value, 0.9);
  EXPECT_DOUBLE_EQ(interval.low, 0);
  EXPECT_DOUBLE_EQ(interval.high, 1);
}

TEST(BootstrapTest, ResamplesWithoutAValueAreLeftOutAndCounted) {
  const std::vector<SceneSum> scenes = {{1, 1}, {0, 0}, {1, 2}};
  const Interval interval = BootstrapRate(scenes);
  EXPECT_GT(interval.undefined, 0U);
  EXPECT_EQ(interval.undefined + interval.resamples, 2000U);
  EXPECT_GE(interval.low, 0.5);
}

template <typename Problem, typename Run>
std::string ErrorOf(Run&& run) {
  try {
    run();
  } catch (const Problem& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(BootstrapTest, RefusesWhatMakesNoInterval) {
  const std::vector<SceneSum> one = {{1, 1}}, two = {{1, 1}, {0, 1}}, none = {{0, 0}, {0, 0}};
  EXPECT_EQ(ErrorOf<DataError>([&] { BootstrapRate(one); }),
            "bootstrap: an interval over scenes needs at least two, but there are 1.");
  EXPECT_EQ(ErrorOf<DataError>([&] { BootstrapDifference(one, two); }),
            "bootstrap: the models have 1 and 2 scenes; a paired interval needs the same ones.");
  EXPECT_EQ(ErrorOf<DataError>([&] { BootstrapRate(none); }),
            "bootstrap: all scenes together have no value.");
  EXPECT_EQ(ErrorOf<ConfigError>([&] { BootstrapRate(two, {.confidence = 95}); }),
            "bootstrap: confidence must be between 0 and 1, but is 95.000000.");
  EXPECT_EQ(ErrorOf<ConfigError>([&] { BootstrapRate(two, {.resamples = 0}); }),
            "bootstrap: resamples must be 1 to 10000000, but are 0.");
}

}  // namespace
}  // namespace occvla::eval
