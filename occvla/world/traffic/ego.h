#pragma once
#include <vector>

#include "occvla/world/drive.h"
#include "occvla/world/town.h"

/// The ego car's states from where its front axle went.
namespace occvla::world::traffic {

/// What the simulation says about the ego at a step.
struct EgoStep {
  Eigen::Vector2d front_axle_G = Eigen::Vector2d::Zero();
  bool braking = false;
  int indicator = 0;
  int lane = kNoIndex;
};

/// States for all steps but the first and the last. The rear axle is drawn behind the front one
/// without slipping sideways; speed, yaw rate and accelerations are central differences of the
/// poses that result. `yaw` is the car's at the first step.
std::vector<EgoState> EgoStates(const Ground& ground, const std::vector<EgoStep>& steps, double yaw,
                                double step_s);

/// A pose on the ground: x along `yaw` in the ground's plane, z its normal, `raised` above it.
geom::Pose OnGround(const Ground& ground, const Eigen::Vector2d& p_G, double yaw, double raised);

}  // namespace occvla::world::traffic
