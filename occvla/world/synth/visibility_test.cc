#include "occvla/world/synth/visibility.h"

#include <gtest/gtest.h>

#include "occvla/world/render/rig.h"
#include "occvla/world/render/test_town.h"

namespace occvla::world::synth {
namespace {

// TestTown: a car ahead of the ego and a person beside it.
class VisibilityTest : public ::testing::Test {
 protected:
  /// What the front camera sees, after `change` was made to the drive.
  template <typename Change>
  Visibility Seen(Change&& change, double range = 80) {
    change(world_.drive);
    const Scene scene(world_.town, world_.props, world_.drive);
    Visibility visibility;
    AddVisibility(scene.At(0.5), MakeRig(1).cameras[0], range, &visibility);
    return visibility;
  }

  TestTown world_;
};

TEST_F(VisibilityTest, WhatStandsFreeIsSeenWhole) {
  const auto seen = Seen([](Drive&) {});
  ASSERT_EQ(seen.actors.size(), 2u);
  EXPECT_GT(seen.actors[0].in_view, 30);
  EXPECT_GT(seen.actors[0].share(), 0.95);
}

TEST_F(VisibilityTest, WhatStandsBehindAWallOfTrucksIsHidden) {
  const auto seen = Seen([](Drive& drive) {
    // A truck as wide as the road between ego and car.
    drive.actors.push_back({23, {3, 12, 4}, 5});
    for (auto& step : drive.states) {
      auto truck = *step[0];
      truck.X_GA.translation() += Eigen::Vector3d(-6, 0, 0);
      step.push_back(truck);
    }
  });
  EXPECT_LT(seen.actors[0].share(), 0.1);
  EXPECT_GT(seen.actors[2].share(), 0.9);
}

TEST_F(VisibilityTest, WhatStandsBehindTheCameraIsNotInView) {
  const auto seen = Seen([](Drive& drive) {
    for (auto& step : drive.states) step[0]->X_GA.translation().x() = -14;
  });
  EXPECT_EQ(seen.actors[0].in_view, 0);
  EXPECT_EQ(seen.actors[0].share(), 0);
}

TEST_F(VisibilityTest, WhatStandsBeyondTheRangeIsLeftAlone) {
  EXPECT_EQ(Seen([](Drive&) {}, 5).actors[0].in_view, 0);
}

}  // namespace
}  // namespace occvla::world::synth
