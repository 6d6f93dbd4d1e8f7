#include "occvla/world/traffic/collisions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace occvla::world {
namespace {

TEST(OverlapTest, RectanglesMeetByHand) {
  const Rectangle square{{0, 0}, 0, 2, 2};
  EXPECT_TRUE(Overlap(square, {{1.9, 0}, 0, 2, 2}));
  EXPECT_FALSE(Overlap(square, {{2, 0}, 0, 2, 2}));  // Touching.
  // A square on its corner reaches 1.414 m.
  EXPECT_TRUE(Overlap(square, {{2.4, 0}, EIGEN_PI / 4, 2, 2}));
  EXPECT_FALSE(Overlap(square, {{2.42, 0}, EIGEN_PI / 4, 2, 2}));
  // Bounding boxes meet, the rectangles do not.
  EXPECT_FALSE(Overlap(square, {{2, 2}, EIGEN_PI / 4, 2, 2}));
  EXPECT_TRUE(Overlap({{0, 0}, 0, 10, 1}, {{4, 0}, EIGEN_PI / 2, 10, 1}));  // A cross.
}

TEST(CollisionsTest, EveryPairOfEveryStepIsNamed) {
  Drive drive;
  drive.ego.resize(2);
  drive.actors = {{17, {4, 2, 1.5}, 0}, {17, {4, 2, 1.5}, 0}, {2, {1, 1, 1.7}, 0}};
  drive.states.assign(2, std::vector<std::optional<ActorState>>(3));
  const auto at = [](double x, double y) {
    ActorState state;
    state.X_GA.translation() << x, y, 0;
    return state;
  };
  drive.states[0] = {at(20, 0), at(40, 0), at(60, 0)};
  drive.states[1] = {at(20, 0), at(21, 1), at(2, 0)};  // The person stands in the ego.
  const auto found = Collisions(drive);
  ASSERT_EQ(found.size(), 2u);
  const auto is = [&](size_t step, size_t first, size_t second) {
    return testing::AllOf(testing::Field(&Collision::step, step),
                          testing::Field(&Collision::first, first),
                          testing::Field(&Collision::second, second));
  };
  EXPECT_THAT(found, testing::UnorderedElementsAre(is(1, 0, 1), is(1, 2, Collision::kEgo)));
  EXPECT_EQ(Collisions(drive, 1).size(), 1u);
  drive.states[1][2].reset();  // Absent actors touch nobody.
  EXPECT_EQ(Collisions(drive).size(), 1u);
}

}  // namespace
}  // namespace occvla::world
