#pragma once
#include <cmath>
#include <vector>

#include "occvla/world/render/rig.h"
#include "occvla/world/render/scene.h"

/// A hand-made town for tests: a road along x on grass, a raised sidewalk on its left, one house,
/// one tree, a car ahead and a person on the right.
namespace occvla::world {

inline Polygon2 Rectangle(double x0, double y0, double x1, double y1) {
  return {{{x0, y0}, {x1, y0}, {x1, y1}, {x0, y1}}};
}

struct TestTown {
  Town town;
  std::vector<Prop> props;
  Drive drive;

  TestTown() {
    town.areas = {{Surface::kTerrain, Rectangle(-300, -300, 300, 300), 0},
                  {Surface::kSidewalk, Rectangle(-300, -6, 300, 6), 0.12},
                  {Surface::kRoad, Rectangle(-300, -4, 300, 4), 0},
                  {Surface::kCarpark, Rectangle(10, -20, 30, -6), 0},
                  {Surface::kOtherFlat, Rectangle(-30, 10, -10, 20), 0}};
    town.ground.waves = {{0.8, 0.02, 0.013, 0.4}};
    town.markings = {{{{-300, 0}, {300, 0}}, 0.12, 3, 6, Marking::Colour::kWhite},
                     {{{-300, 3.7}, {300, 3.7}}, 0.12, 0, 0, Marking::Colour::kWhite}};
    props = {{PropKind::kHouse, Ground(25, 18), -1.5708, {12, 9, 8}, 7, kNoIndex},
             {PropKind::kTree, Ground(34, 8), 0.3, {5, 5, 8}, 8, kNoIndex},
             {PropKind::kStreetLamp, Ground(22, -5), 1.5708, {2, 0.5, 8}, 9, kNoIndex}};
    EgoState ego;
    ego.X_GE = Standing(0, -2, 0);
    drive.ego = {ego, ego};
    drive.step_s = 1;
    drive.sun_azimuth = 0.7;
    drive.actors = {{17, {4.4, 1.9, 1.6}, 3}, {2, {0.7, 0.7, 1.75}, 4}};
    ActorState car;
    car.X_GA = Standing(14, -2, 0.1);
    car.activity = Activity::kStopped;
    ActorState person;
    person.X_GA = Standing(11, 5, 1.4);
    person.activity = Activity::kStanding;
    drive.states = {{car, person}, {car, person}};
  }

  Eigen::Vector3d Ground(double x, double y) const { return {x, y, town.ground.Height(x, y)}; }
  geom::Pose Standing(double x, double y, double yaw) const {
    geom::Pose pose = geom::Pose::Identity();
    pose.translation() = Ground(x, y);
    pose.linear() = Eigen::AngleAxisd(yaw, Eigen::Vector3d::UnitZ()).toRotationMatrix();
    return pose;
  }
};

}  // namespace occvla::world
