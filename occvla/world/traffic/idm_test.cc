#include "occvla/world/traffic/idm.h"

#include <gtest/gtest.h>

#include <cmath>

namespace occvla::world::traffic {
namespace {

TEST(IdmTest, TheDesiredSpeedIsKept) {
  const Driver driver;
  EXPECT_DOUBLE_EQ(FreeAcceleration(driver, 0, 10), driver.acceleration);
  EXPECT_DOUBLE_EQ(FreeAcceleration(driver, 10, 10), 0);
  EXPECT_LT(FreeAcceleration(driver, 11, 10), 0);
  EXPECT_GE(FreeAcceleration(driver, 30, 5), -driver.deceleration);
}

// At equal speeds the model's gap is (s0 + v T) / sqrt(1 - (v / v0)^4).
TEST(IdmTest, TheGapOfEqualSpeedsIsTheModels) {
  const Driver driver;
  const double v = 8, gap = (driver.gap + v * driver.headway_s) / std::sqrt(1 - std::pow(0.8, 4));
  EXPECT_NEAR(FollowAcceleration(driver, v, 10, gap, v), 0, 1e-12);
  EXPECT_LT(FollowAcceleration(driver, v, 10, gap - 1, v), 0);
}

TEST(IdmTest, AFollowerNeverReachesWhoStands) {
  const Driver driver;
  double front = 0, v = 15, a_least = 0;
  for (int k = 0; k < 1000; ++k) {
    const double a = FollowAcceleration(driver, v, 15, 80 - front, 0);
    a_least = std::min(a_least, a);
    front += v * 0.05;
    v = std::max(0.0, v + a * 0.05);
    ASSERT_LT(front, 80);
  }
  EXPECT_GT(front, 75);
  EXPECT_GT(a_least, -4);
}

TEST(IdmTest, ALineIsReachedSoftlyAndNotCrossed) {
  const Driver driver;
  double front = 0, v = 12, a_least = 0, a = 0;
  for (int k = 0; k < 800; ++k) {
    a = HaltAcceleration(driver, v, 12, 70 - front);
    a_least = std::min(a_least, a);
    front += v * 0.05;
    v = std::max(0.0, v + a * 0.05);
  }
  EXPECT_NEAR(front, 70, 0.25);
  EXPECT_GT(a_least, -2.2);
}

TEST(IdmTest, FarFromALineNobodyBrakes) {
  const Driver driver;
  EXPECT_DOUBLE_EQ(HaltAcceleration(driver, 8, 10, 100), FreeAcceleration(driver, 8, 10));
}

TEST(MobilTest, AChangeMustBeSafeAndPay) {
  LaneChange change{.own_now = -1, .own_then = 0.5};
  EXPECT_TRUE(WorthChanging(change, 0.3, 0.4));
  EXPECT_FALSE(WorthChanging(change, 0.3, 1.6));
  change.new_follower_then = -1.9;
  EXPECT_TRUE(WorthChanging(change, 0.3, 0.4));
  EXPECT_FALSE(WorthChanging(change, 1, 0.4));  // Politer: the other's loss counts in full.
  change.new_follower_then = -2.1;
  EXPECT_FALSE(WorthChanging(change, 0, -10));
}

}  // namespace
}  // namespace occvla::world::traffic
