#include "occvla/world/synth/estimate.h"

#include <gtest/gtest.h>

#include "occvla/base/error.h"

namespace occvla::world::synth {
namespace {

TEST(SynthEstimateTest, AddsScenesAndMapsWithAMargin) {
  Config config;
  config.set.keyframes = 10;
  config.town.size_m = 1000;
  Estimate estimate;
  AddCosts({.keyframe_bytes = 1e6, .keyframe_s = 0.5, .scene_bytes = 2e6, .scene_s = 3}, config,
           /*scenes=*/4, /*maps=*/1, /*threads=*/2, &estimate);
  EXPECT_EQ(estimate.bytes, 1.2 * (4 * (2e6 + 10e6) + 7e6));
  EXPECT_EQ(estimate.seconds, 4 * (3 + 5) / 2.0);
}

TEST(SynthEstimateTest, LargerImagesAndMoreSweepsTakeMore) {
  Config small, large;
  small.camera.image_scale = 0.25;
  EXPECT_LT(TypicalCosts(small).keyframe_bytes, TypicalCosts(large).keyframe_bytes);
  EXPECT_LT(TypicalCosts(small).keyframe_s, TypicalCosts(large).keyframe_s);
  large.set.sweeps = 9;
  EXPECT_GT(TypicalCosts(large).keyframe_bytes, 6.5e6);
}

TEST(SynthEstimateTest, DiskThatWillNotHoldItIsNamedWithBothNumbers) {
  const Estimate estimate{
      .scenes = 10, .kept = 0, .keyframes = 400, .bytes = 1'300'000'000, .seconds = 9};
  EXPECT_NO_THROW(CheckDisk("data", estimate, 1'300'000'000));
  try {
    CheckDisk("data", estimate, 340'000'000);
    FAIL() << "a full disk was accepted";
  } catch (const DeviceError& error) {
    EXPECT_STREQ(
        error.what(),
        "data: 400 keyframes need about 1.3 GB (1300000000 bytes), and the disk has 340 MB "
        "free (340000000 bytes). Free space, choose another --out, or make fewer scenes or "
        "smaller images.");
  }
}

TEST(SynthEstimateTest, SizesReadWell) {
  EXPECT_EQ(SizeText(0), "0 kB");
  EXPECT_EQ(SizeText(1), "1 kB");
  EXPECT_EQ(SizeText(12'300'000), "12 MB");
  EXPECT_EQ(SizeText(1'250'000'000'000), "1250.0 GB");
}

}  // namespace
}  // namespace occvla::world::synth
