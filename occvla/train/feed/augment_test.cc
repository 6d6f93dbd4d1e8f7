#include "occvla/train/feed/augment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "occvla/base/rng.h"

namespace occvla::train {
namespace {

constexpr int kSize_px = 8;
constexpr size_t kImage = 8 * 8 * 3;

std::vector<uint8_t> Pictures() {
  std::vector<uint8_t> rgb(6 * kImage);
  Rng rng(1, "pictures");
  for (uint8_t& value : rgb) value = static_cast<uint8_t>(60 + rng.Below(140));
  return rgb;
}

std::vector<uint8_t> Changed(const AugmentConfig& config, std::vector<uint8_t> rgb,
                             uint64_t position = 7, uint64_t seed = 1) {
  ChangeColours(config, seed, position, kSize_px, rgb);
  return rgb;
}

TEST(AugmentTest, IsOffByDefault) {
  EXPECT_EQ(Changed({}, Pictures()), Pictures());
  for (uint64_t position = 0; position < 100; ++position) EXPECT_FALSE(IsFlipped({}, 1, position));
}

TEST(AugmentTest, DependsOnSeedAndPositionAlone) {
  const AugmentConfig config{.brightness = 0.3,
                             .contrast = 0.3,
                             .saturation = 0.3,
                             .hue_deg = 10,
                             .gamma = 0.2,
                             .blur = 0.5,
                             .noise = 4};
  EXPECT_EQ(Changed(config, Pictures(), 3), Changed(config, Pictures(), 3));
  EXPECT_NE(Changed(config, Pictures(), 3), Changed(config, Pictures(), 4));
  EXPECT_NE(Changed(config, Pictures(), 3, 1), Changed(config, Pictures(), 3, 2));
}

TEST(AugmentTest, BrightnessIsOneFactorForAllCamerasUnlessTheyDrawAlone) {
  const std::vector<uint8_t> grey(6 * kImage, 100);
  const auto together = Changed({.brightness = 0.5, .per_camera = 0}, grey);
  EXPECT_THAT(together, ::testing::Each(together[0]));
  EXPECT_NE(together[0], 100);
  EXPECT_LE(std::abs(together[0] - 100), 50);
  const auto alone = Changed({.brightness = 0.5, .per_camera = 1}, grey);
  EXPECT_NE(alone[0], alone[kImage]);
}

TEST(AugmentTest, ColoursTurnAboutGrey) {
  const AugmentConfig config{.saturation = 0.9, .hue_deg = 120};
  const std::vector<uint8_t> grey(6 * kImage, 137);
  EXPECT_EQ(Changed(config, grey), grey);
  std::vector<uint8_t> red(6 * kImage, 90);
  for (size_t i = 0; i < red.size(); i += 3) red[i] = 170;
  const auto turned = Changed(config, red);
  EXPECT_NE(turned, red);
  // Luma stays, up to rounding and the three decimals of its weights.
  const double before = 0.299 * 170 + 0.587 * 90 + 0.114 * 90;
  EXPECT_NEAR(0.299 * turned[0] + 0.587 * turned[1] + 0.114 * turned[2], before, 1.5);
}

TEST(AugmentTest, ContrastKeepsTheMean) {
  const auto before = Pictures();
  const auto after = Changed({.contrast = 0.3, .per_camera = 0}, before);
  EXPECT_NE(after, before);
  double sum_before = 0, sum_after = 0;
  for (size_t i = 0; i < kImage; i += 3) {
    sum_before += 0.299 * before[i] + 0.587 * before[i + 1] + 0.114 * before[i + 2];
    sum_after += 0.299 * after[i] + 0.587 * after[i + 1] + 0.114 * after[i + 2];
  }
  EXPECT_NEAR(sum_after / 64, sum_before / 64, 0.5);
}

TEST(AugmentTest, BlurSpreadsAPointAsOneTwoOne) {
  std::vector<uint8_t> rgb(6 * kImage, 0);
  const auto at = [](size_t row, size_t column) { return (row * 8 + column) * 3; };
  rgb[at(4, 4)] = 160;
  const auto blurred = Changed({.blur = 1}, rgb);
  EXPECT_EQ(blurred[at(4, 4)], 40);
  EXPECT_EQ(blurred[at(4, 3)], 20);
  EXPECT_EQ(blurred[at(5, 4)], 20);
  EXPECT_EQ(blurred[at(3, 3)], 10);
  EXPECT_EQ(blurred[at(4, 4) + 1], 0);
}

TEST(AugmentTest, NoiseHasTheDeviationAsked) {
  const std::vector<uint8_t> grey(6 * kImage, 128);
  double squares = 0, sum = 0;
  size_t count = 0;
  for (uint64_t position = 0; position < 60; ++position) {
    for (const uint8_t value : Changed({.noise = 9}, grey, position)) {
      squares += (value - 128.0) * (value - 128.0);
      sum += value - 128.0;
      ++count;
    }
  }
  // Deviations are even in [0, 9]: their mean square is 27.
  EXPECT_NEAR(squares / static_cast<double>(count), 27, 3);
  EXPECT_NEAR(sum / static_cast<double>(count), 0, 0.1);
}

TEST(AugmentTest, FlipsTheShareAsked) {
  size_t flipped = 0;
  for (uint64_t position = 0; position < 2000; ++position)
    flipped += IsFlipped({.flip = 0.25}, 1, position) ? 1 : 0;
  EXPECT_NEAR(static_cast<double>(flipped), 500, 80);
}

}  // namespace
}  // namespace occvla::train
