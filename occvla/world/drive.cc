#include "occvla/world/drive.h"

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>

namespace occvla::world {

namespace {

// The step before a moment and the share of a step past it.
struct Moment {
  size_t step = 0;
  double share = 0;
};

Moment MomentOf(const Drive& drive, double time_s) {
  const double steps = std::max(0.0, time_s / drive.step_s);
  // Times that were reckoned from a step's index are that step's.
  const double whole =
      std::abs(steps - std::round(steps)) < 1e-9 ? std::round(steps) : std::floor(steps);
  const size_t last = drive.ego.size() - 1;
  if (whole >= static_cast<double>(last)) return {last, 0};
  return {static_cast<size_t>(whole), std::max(0.0, steps - whole)};
}

double Mix(double a, double b, double share) { return a + share * (b - a); }

geom::Pose Mix(const geom::Pose& X_GA, const geom::Pose& X_GB, double share) {
  geom::Pose X_GM = geom::Pose::Identity();
  X_GM.translation() = X_GA.translation() + share * (X_GB.translation() - X_GA.translation());
  X_GM.linear() = Eigen::Quaterniond(X_GA.linear())
                      .slerp(share, Eigen::Quaterniond(X_GB.linear()))
                      .toRotationMatrix();
  return X_GM;
}

}  // namespace

EgoState EgoAt(const Drive& drive, double time_s) {
  const auto [step, share] = MomentOf(drive, time_s);
  EgoState state = drive.ego[step];
  if (share == 0) return state;
  const EgoState& next = drive.ego[step + 1];
  state.X_GE = Mix(state.X_GE, next.X_GE, share);
  state.speed = Mix(state.speed, next.speed, share);
  state.acceleration = Mix(state.acceleration, next.acceleration, share);
  state.lateral_acceleration = Mix(state.lateral_acceleration, next.lateral_acceleration, share);
  state.yaw_rate = Mix(state.yaw_rate, next.yaw_rate, share);
  state.steering = Mix(state.steering, next.steering, share);
  return state;
}

std::optional<ActorState> ActorAt(const Drive& drive, size_t actor, double time_s) {
  const auto [step, share] = MomentOf(drive, time_s);
  const auto& here = drive.states[step][actor];
  if (share == 0) return here;
  const auto& next = drive.states[step + 1][actor];
  if (!here || !next) return share < 0.5 ? here : next;
  ActorState state = share < 0.5 ? *here : *next;
  state.X_GA = Mix(here->X_GA, next->X_GA, share);
  state.speed = Mix(here->speed, next->speed, share);
  state.acceleration = Mix(here->acceleration, next->acceleration, share);
  state.yaw_rate = Mix(here->yaw_rate, next->yaw_rate, share);
  state.stride = Mix(here->stride, next->stride, share);
  return state;
}

geom::Box BoxOf(const Actor& actor, const ActorState& state) {
  geom::Box box{state.X_GA, actor.size};
  box.X_AB.translation() += 0.5 * actor.size.z() * state.X_GA.linear().col(2);
  return box;
}

}  // namespace occvla::world
