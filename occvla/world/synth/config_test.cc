#include "occvla/world/synth/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "occvla/base/error.h"

namespace occvla::world::synth {
namespace {

TEST(SynthConfigTest, ShippedConfigHoldsTheDefaults) {
  Config config;
  config.set.keyframes = 1;
  config.labels.ignore_near = 5;
  LoadToml(config, "configs/synth.toml");
  EXPECT_EQ(ToToml(config), ToToml(Config{}));
}

TEST(SynthConfigTest, EveryBrokenRuleIsNamed) {
  Config config;
  config.set.keyframes = 0;
  config.set.val_share = 0.75;
  config.set.test_share = 0.5;
  config.camera.image_scale = 2;
  config.day_times = {0, 0, 0, 0};
  try {
    config.Validate();
    FAIL() << "a broken config was accepted";
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(),
                 "synth:\n"
                 "  - set.keyframes must be from 1 to 400, is 0\n"
                 "  - set.val_share and set.test_share add up to more than 1\n"
                 "  - one of the weights in day_times must be above 0\n"
                 "  - camera.image_scale must be from 0.02 to 1.0, is 2.0");
  }
}

TEST(SynthConfigTest, ValuesThatAreNotNumbersAreRefused) {
  Config config;
  config.traffic.density = NAN;
  EXPECT_THROW(config.Validate(), ConfigError);
}

TEST(SynthConfigTest, ImagesKeepTheirShape) {
  Config config;
  config.camera.image_scale = 0.25;
  EXPECT_EQ(config.image_width_px(), 400);
  EXPECT_EQ(config.image_height_px(), 225);
}

}  // namespace
}  // namespace occvla::world::synth
