#include "occvla/train/feed/feed_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "occvla/base/config.h"
#include "occvla/base/error.h"

namespace occvla::train {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(FeedConfigTest, ReadsItsTables) {
  FeedConfig config;
  ParseToml(config,
            "dataroots = [\"a\", \"b\"]\nweights = [1, 0.5]\nquestions_per_frame = 3\n"
            "[mix]\ndrivelm = 0\n[augment]\nhue_deg = 5\n",
            "config");
  EXPECT_THAT(config.dataroots, ElementsAre("a", "b"));
  EXPECT_THAT(config.weights, ElementsAre(1, 0.5));
  EXPECT_EQ(config.mix.drivelm, 0);
  EXPECT_EQ(config.augment.hue_deg, 5);
  EXPECT_THAT(HelpText(config), HasSubstr("left-hand traffic of right-hand traffic"));
}

TEST(FeedConfigTest, NamesEveryProblem) {
  FeedConfig config;
  config.dataroots = {"a", "b"};
  config.versions = {"v"};
  config.splits = {"s", "s"};
  config.weights = {1, -1};
  config.mix.drivelm = -2;
  config.threads = 0;
  try {
    config.Validate();
    FAIL() << "a wrong config was taken";
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(),
                 "data:\n"
                 "  - versions must have 2 entries, as many as dataroots, but has 1\n"
                 "  - weights must be 0 to 1000, but one is -1.000000\n"
                 "  - weights are all 0\n"
                 "  - mix.drivelm must be 0 or above, is -2.000000\n"
                 "  - threads must be 1 to 256, is 0");
  }
}

}  // namespace
}  // namespace occvla::train
