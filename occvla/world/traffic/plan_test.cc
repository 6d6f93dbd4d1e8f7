#include "occvla/world/traffic/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "occvla/base/error.h"
#include "occvla/data/nuscenes/category.h"

namespace occvla::world {
namespace {

std::set<int> CategoriesOf(const std::vector<DriveOptions>& drives, size_t first, size_t count) {
  std::set<int> categories;
  for (size_t i = first; i < first + count; ++i)
    categories.insert(drives[i].categories.begin(), drives[i].categories.end());
  return categories;
}

TEST(PlanDrivesTest, EveryClassIsInTwoScenesAndEveryCategoryInAFew) {
  const auto drives = PlanDrives({.count = 24, .seed = 5});
  for (size_t first = 0; first + 6 <= drives.size(); ++first) {
    std::set<int> classes;
    for (const int category : CategoriesOf(drives, first, 2))
      classes.insert(data::nuscenes::kCategories[static_cast<size_t>(category)].occupancy);
    classes.insert(4);  // Cars are always there.
    for (int c = 1; c <= 10; ++c) EXPECT_TRUE(classes.count(c)) << first << " lacks class " << c;
    auto categories = CategoriesOf(drives, first, 6);
    categories.insert(17);
    EXPECT_EQ(categories.size(), 23u) << first;
  }
}

TEST(PlanDrivesTest, EveryManoeuvreHasItsScenes) {
  const auto drives = PlanDrives({.count = 36, .seed = 5, .minimum_share = 0.05});
  std::vector<double> shares(6, 0);
  std::set<DayTime> day_times;
  std::set<uint64_t> seeds;
  for (const auto& drive : drives) {
    shares[static_cast<size_t>(*drive.wanted_direction)] += drive.wanted_share / 36;
    day_times.insert(drive.day_time);
    seeds.insert(drive.seed);
  }
  // What is asked of the scenes adds up to the minimum over all of them and a fifth more.
  for (size_t d = 1; d < 5; ++d) EXPECT_NEAR(shares[d], 0.06, 1e-9) << d;
  EXPECT_GT(shares[5], 0.015);
  EXPECT_EQ(day_times.size(), 4u);
  EXPECT_EQ(seeds.size(), 36u);
}

TEST(PlanDrivesTest, ALongerPlanBeginsLikeAShorterOne) {
  const auto few = PlanDrives({.count = 3, .seed = 9}), many = PlanDrives({.count = 9, .seed = 9});
  for (size_t i = 0; i < few.size(); ++i) {
    EXPECT_EQ(few[i].seed, many[i].seed);
    EXPECT_EQ(few[i].density, many[i].density);
    EXPECT_EQ(few[i].wanted_direction, many[i].wanted_direction);
  }
}

TEST(PlanDrivesTest, AShareThatCannotBeIsRefused) {
  try {
    PlanDrives({.count = 1, .minimum_share = 0.2});
    FAIL() << "a share of 0.2 was accepted";
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(),
                 "The minimum share of a meta action must be from 0 to 0.08, but is 0.200000.");
  }
}

}  // namespace
}  // namespace occvla::world
