#include "occvla/world/synth/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <regex>
#include <set>

#include "occvla/base/error.h"
#include "occvla/data/nuscenes/dataset.h"
#include "occvla/world/synth/token.h"

namespace occvla::world::synth {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::Not;

std::map<Split, size_t> SplitSizes(const std::vector<ScenePlan>& plan) {
  std::map<Split, size_t> sizes;
  for (const auto& scene : plan) ++sizes[scene.split];
  return sizes;
}

TEST(PlanScenesTest, SameArgumentsGiveTheSamePlanAndAnotherSeedAnother) {
  const auto a = PlanScenes({}, 12, 5), b = PlanScenes({}, 12, 5), c = PlanScenes({}, 12, 6);
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].name, b[i].name);
    EXPECT_EQ(a[i].seed, b[i].seed);
    EXPECT_EQ(a[i].logfile, b[i].logfile);
    EXPECT_NE(a[i].seed, c[i].seed);
  }
}

TEST(PlanScenesTest, SmallSetsHaveEverySplitThatTheyCan) {
  EXPECT_EQ(SplitSizes(PlanScenes({}, 1, 0)), (std::map<Split, size_t>{{Split::kTrain, 1}}));
  EXPECT_EQ(SplitSizes(PlanScenes({}, 2, 0)),
            (std::map<Split, size_t>{{Split::kTrain, 1}, {Split::kVal, 1}}));
  EXPECT_EQ(SplitSizes(PlanScenes({}, 4, 0)),
            (std::map<Split, size_t>{{Split::kTrain, 2}, {Split::kVal, 1}, {Split::kTest, 1}}));
  EXPECT_EQ(SplitSizes(PlanScenes({}, 100, 0)),
            (std::map<Split, size_t>{{Split::kTrain, 70}, {Split::kVal, 15}, {Split::kTest, 15}}));
}

TEST(PlanScenesTest, SplitWithoutShareGetsNoScene) {
  Config config;
  config.set.val_share = config.set.test_share = 0;
  EXPECT_EQ(SplitSizes(PlanScenes(config, 10, 0)), (std::map<Split, size_t>{{Split::kTrain, 10}}));
}

TEST(PlanScenesTest, NoTownIsInTwoSplits) {
  std::map<size_t, std::set<Split>> splits;
  for (const auto& scene : PlanScenes({}, 200, 1)) splits[scene.location].insert(scene.split);
  EXPECT_EQ(splits.size(), 4u);
  for (const auto& [location, found] : splits) EXPECT_EQ(found.size(), 1u) << location;
}

TEST(PlanScenesTest, NamesAreOfficialOnesOfTheirSplitWhileThereAreAny) {
  for (const auto& scene : PlanScenes({}, 300, 1)) {
    EXPECT_THAT(data::nuscenes::OfficialScenes(kSplitNames[static_cast<size_t>(scene.split)]),
                Contains(scene.name));
    // The devkit refuses the CAN bus of these.
    EXPECT_THAT(scene.name, Not(AnyOf("scene-0161", "scene-0176", "scene-0310", "scene-0419")));
  }
}

TEST(PlanScenesTest, MoreScenesThanNamesGetNumbersThatNobodyHas) {
  const auto plan = PlanScenes({}, 1500, 1);
  std::set<std::string> names, logs;
  size_t spare = 0;
  for (const auto& scene : plan) {
    names.insert(scene.name);
    logs.insert(scene.logfile);
    spare += scene.name > "scene-1110";
    EXPECT_TRUE(std::regex_match(scene.name, std::regex("scene-\\d{4}"))) << scene.name;
  }
  EXPECT_EQ(names.size(), 1500u);
  EXPECT_EQ(logs.size(), 1500u);
  EXPECT_GT(spare, 500u);
}

TEST(PlanScenesTest, TooManyScenesAreRefused) {
  try {
    (void)PlanScenes({}, 20'000, 1);
    FAIL() << "20,000 scenes were planned";
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(),
                 "synth: 20000 scenes do not fit: the devkit opens scene-0001 to scene-9999 alone. "
                 "Make several data sets.");
  }
}

TEST(PlanScenesTest, DayTimesFollowTheirWeights) {
  Config config;
  config.day_times = {.day = 0, .dusk = 0, .overcast = 0, .night = 1};
  for (const auto& scene : PlanScenes(config, 20, 1)) EXPECT_EQ(scene.day_time, DayTime::kNight);
  config.day_times = {.day = 3, .dusk = 0, .overcast = 1, .night = 0};
  size_t days = 0;
  for (const auto& scene : PlanScenes(config, 400, 1)) {
    EXPECT_THAT(scene.day_time, AnyOf(DayTime::kDay, DayTime::kOvercast));
    days += scene.day_time == DayTime::kDay;
  }
  EXPECT_NEAR(static_cast<double>(days), 300, 35);  // Four standard deviations.
}

TEST(PlanScenesTest, LogsTellPlaceAndLocalTime) {
  for (const auto& scene : PlanScenes({}, 8, 3)) {
    const auto& location = kLocations[scene.location];
    EXPECT_TRUE(scene.logfile.starts_with(std::string(location.vehicle) + "-" + scene.date + "-"))
        << scene.logfile;
    EXPECT_TRUE(scene.logfile.ends_with(location.zone)) << scene.logfile;
    EXPECT_GT(scene.start_us, 1'700'000'000'000'000);
  }
}

TEST(SynthTokenTest, IsThirtyTwoHexDigitsAndDependsOnEveryArgument) {
  const auto token = Token(1, "sample", 2, 3);
  EXPECT_TRUE(std::regex_match(token, std::regex("[0-9a-f]{32}"))) << token;
  EXPECT_EQ(token, Token(1, "sample", 2, 3));
  const std::set<std::string> all = {token, Token(2, "sample", 2, 3), Token(1, "scene", 2, 3),
                                     Token(1, "sample", 3, 3), Token(1, "sample", 2, 4)};
  EXPECT_EQ(all.size(), 5u);
}

}  // namespace
}  // namespace occvla::world::synth
