#include "occvla/world/traffic/simulate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <future>

#include "occvla/base/error.h"
#include "occvla/world/traffic/collisions.h"
#include "occvla/world/traffic/test_roads.h"

namespace occvla::world {
namespace {

// Made once: a town takes longer than a scene.
const Town& SmallTown() {
  static const Town town = MakeTown({.seed = 4, .size_m = 480});
  return town;
}

DriveOptions Short(uint64_t seed) {
  DriveOptions options;
  options.seed = seed;
  options.duration_s = 5;
  options.density = 0.8;
  options.crowd = 0.7;
  options.candidates = 1;
  return options;
}

// Everything in a drive, as numbers.
std::vector<double> Numbers(const Drive& drive) {
  std::vector<double> numbers;
  for (const auto& state : drive.ego) {
    numbers.insert(numbers.end(), state.X_GE.matrix().data(), state.X_GE.matrix().data() + 16);
    numbers.insert(numbers.end(), {state.speed, state.steering, double(state.lane)});
  }
  for (const auto& actor : drive.actors)
    numbers.insert(numbers.end(), {double(actor.category), actor.size.x(), double(actor.look)});
  for (const auto& step : drive.states)
    for (const auto& state : step)
      if (state)
        numbers.insert(numbers.end(), {state->X_GA(0, 3), state->X_GA(1, 3), state->X_GA(0, 0),
                                       state->stride, double(state->activity)});
  for (const auto& intent : drive.intents)
    numbers.insert(numbers.end(), {double(intent.velocity), double(intent.direction)});
  return numbers;
}

TEST(MakeDriveTest, TheSameOptionsGiveTheSameDriveOnAnyThread) {
  const auto numbers = Numbers(MakeDrive(SmallTown(), Short(1)));
  auto one = std::async(std::launch::async, [] { return MakeDrive(SmallTown(), Short(1)); });
  auto two = std::async(std::launch::async, [] { return MakeDrive(SmallTown(), Short(2)); });
  EXPECT_EQ(Numbers(one.get()), numbers);
  EXPECT_NE(Numbers(two.get()), numbers);
}

TEST(MakeDriveTest, NobodyIsInAnybody) {
  for (uint64_t seed = 10; seed < 13; ++seed)
    EXPECT_THAT(Collisions(MakeDrive(SmallTown(), Short(seed))), testing::IsEmpty()) << seed;
}

TEST(MakeDriveTest, EveryStepIsThereAndAgreesWithTheNext) {
  const Drive drive = MakeDrive(SmallTown(), Short(3));
  ASSERT_EQ(drive.ego.size(), 101u);
  ASSERT_EQ(drive.states.size(), 101u);
  ASSERT_EQ(drive.intents.size(), 101u);
  EXPECT_FALSE(drive.route.empty());
  for (size_t i = 1; i + 1 < drive.ego.size(); ++i) {
    const EgoState &before = drive.ego[i - 1], &here = drive.ego[i], &after = drive.ego[i + 1];
    const Eigen::Vector3d moved = after.X_GE.translation() - before.X_GE.translation();
    EXPECT_NEAR(moved.norm() / 0.1, here.speed, 1e-3);
    EXPECT_NEAR((after.speed - before.speed) / 0.1, here.acceleration, 1e-6);
    EXPECT_LT(std::abs(here.acceleration), 5);
    EXPECT_LT(std::abs(here.lateral_acceleration), 4);
    const Eigen::Vector3d& p_GE = here.X_GE.translation();
    EXPECT_NEAR(p_GE.z(), SmallTown().ground.Height(p_GE.x(), p_GE.y()), 1e-9);
    EXPECT_TRUE(here.lane >= 0 && here.lane < static_cast<int>(SmallTown().lanes.size()));
  }
  for (size_t a = 0; a < drive.actors.size(); ++a) {
    EXPECT_TRUE(drive.actors[a].category >= 1 && drive.actors[a].category <= 23);
    for (size_t i = 0; i + 1 < drive.states.size(); ++i) {
      const auto &here = drive.states[i][a], &next = drive.states[i + 1][a];
      if (!here || !next) continue;
      const double moved = (next->X_GA.translation() - here->X_GA.translation()).norm();
      // Long vehicles' middles cut corners, so their speed is the front's only about.
      EXPECT_NEAR(moved / 0.05, here->speed, 1.2 + 0.3 * here->speed);
    }
  }
}

TEST(MakeDriveTest, PeopleStandOnTheSidewalksHeight) {
  auto options = Short(5);
  options.crowd = 2;
  const Drive drive = MakeDrive(SmallTown(), options);
  size_t raised = 0, people = 0;
  for (size_t a = 0; a < drive.actors.size(); ++a) {
    if (drive.actors[a].category != 2) continue;
    const Eigen::Vector3d p_GA = drive.states[0][a]->X_GA.translation();
    const double height = p_GA.z() - SmallTown().ground.Height(p_GA.x(), p_GA.y());
    ++people;
    raised += std::abs(height - 0.12) < 1e-9;
    EXPECT_GE(height, -1e-9);
  }
  EXPECT_GT(people, 3u);
  EXPECT_GT(raised, people / 2);
}

TEST(MakeDriveTest, AWantedTurnIsShown) {
  auto options = Short(6);
  options.duration_s = 12;
  options.density = 0.3;
  options.crowd = 0.2;
  options.candidates = 4;
  options.wanted_share = 0.2;
  options.wanted_direction = data::Direction::kTurnRight;
  const Drive drive = MakeDrive(SmallTown(), options);
  const auto turns = std::count_if(
      drive.intents.begin(), drive.intents.end(),
      [](const auto& intent) { return intent.direction == data::Direction::kTurnRight; });
  EXPECT_GT(turns, 30);  // 1.5 s of 12.
}

TEST(MakeDriveTest, AskedForCategoriesAreThere) {
  auto options = Short(7);
  for (uint8_t category = 1; category <= 23; ++category) options.categories.push_back(category);
  const Drive drive = MakeDrive(SmallTown(), options);
  std::vector<int> counts(24, 0);
  for (const Actor& actor : drive.actors) ++counts[actor.category];
  for (size_t category = 1; category <= 23; ++category)
    EXPECT_GT(counts[category], 0) << "category " << category;
}

TEST(MakeDriveTest, ATownWithoutALaneToStartOnIsRefused) {
  const Town town = traffic::StraightRoad(1, 20);
  try {
    MakeDrive(town, Short(1));
    FAIL() << "a town without a place to start was accepted";
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(), "The town has no lane of 30 m for a car to start on.");
  }
}

}  // namespace
}  // namespace occvla::world
