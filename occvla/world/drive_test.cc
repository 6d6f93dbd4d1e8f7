#include "occvla/world/drive.h"

#include <gtest/gtest.h>

#include <Eigen/Geometry>
#include <cmath>

namespace occvla::world {
namespace {

geom::Pose At(double x, double yaw) {
  geom::Pose X_GA = geom::Pose::Identity();
  X_GA.linear() = Eigen::AngleAxisd(yaw, Eigen::Vector3d::UnitZ()).toRotationMatrix();
  X_GA.translation() << x, 0, 0;
  return X_GA;
}

Drive ThreeSteps() {
  Drive drive;
  drive.ego.resize(3);
  drive.actors = {{17, {4, 2, 1.5}, 0}};
  drive.states.assign(3, std::vector<std::optional<ActorState>>(1));
  for (size_t i = 0; i < 3; ++i) {
    const auto k = static_cast<double>(i);
    drive.ego[i].X_GE = At(k, 0.2 * k);
    drive.ego[i].speed = 10 * k;
    drive.ego[i].lane = static_cast<int>(i);
    if (i < 2) drive.states[i][0] = ActorState{.X_GA = At(5 + k, 0), .speed = k, .stride = 2 * k};
  }
  return drive;
}

TEST(DriveTest, StatesBetweenStepsAreInterpolated) {
  const Drive drive = ThreeSteps();
  EXPECT_DOUBLE_EQ(drive.duration_s(), 0.1);
  const EgoState state = EgoAt(drive, 0.0625);
  EXPECT_NEAR(state.X_GE.translation().x(), 1.25, 1e-12);
  EXPECT_NEAR(std::atan2(state.X_GE(1, 0), state.X_GE(0, 0)), 0.25, 1e-12);
  EXPECT_NEAR(state.speed, 12.5, 1e-12);
  EXPECT_EQ(state.lane, 1);
}

TEST(DriveTest, AStepsOwnTimeGivesItsStateExactly) {
  const Drive drive = ThreeSteps();
  EXPECT_EQ(EgoAt(drive, 1 * drive.step_s).X_GE.matrix(), drive.ego[1].X_GE.matrix());
  EXPECT_EQ(EgoAt(drive, drive.duration_s()).speed, 20);
  EXPECT_EQ(EgoAt(drive, 99).speed, 20);
  EXPECT_EQ(EgoAt(drive, -1).speed, 0);
}

TEST(DriveTest, AnActorIsAbsentOnlyWhereBothStepsLackIt) {
  Drive drive = ThreeSteps();
  EXPECT_NEAR(ActorAt(drive, 0, 0.025)->speed, 0.5, 1e-12);
  EXPECT_EQ(ActorAt(drive, 0, 0.06)->speed, 1);  // Leaves after this step.
  EXPECT_FALSE(ActorAt(drive, 0, 0.1));
  drive.states[1][0].reset();
  EXPECT_FALSE(ActorAt(drive, 0, 0.07));
}

TEST(DriveTest, ABoxStandsOnTheGround) {
  const Actor actor{17, {4, 2, 1.5}, 0};
  ActorState state;
  state.X_GA.linear() = Eigen::AngleAxisd(0.3, Eigen::Vector3d::UnitY()).toRotationMatrix();
  const geom::Box box = BoxOf(actor, state);
  EXPECT_EQ(box.size, actor.size);
  EXPECT_NEAR((state.X_GA.inverse() * box.X_AB.translation()).z(), 0.75, 1e-12);
  for (size_t corner : {2, 3, 6, 7})
    EXPECT_NEAR((state.X_GA.inverse() * geom::Corners(box)[corner]).z(), 0, 1e-12);
}

}  // namespace
}  // namespace occvla::world
