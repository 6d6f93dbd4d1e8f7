#include "occvla/world/traffic/ego.h"

#include <cmath>

#include "occvla/world/traffic/roads.h"

namespace occvla::world::traffic {

geom::Pose OnGround(const Ground& ground, const Eigen::Vector2d& p_G, double yaw, double raised) {
  const Eigen::Vector3d z = ground.Normal(p_G.x(), p_G.y());
  const Eigen::Vector3d ahead(std::cos(yaw), std::sin(yaw), 0);
  const Eigen::Vector3d y = z.cross(ahead).normalized();
  geom::Pose X_GA = geom::Pose::Identity();
  X_GA.linear().col(0) = y.cross(z);
  X_GA.linear().col(1) = y;
  X_GA.linear().col(2) = z;
  X_GA.translation() << p_G.x(), p_G.y(), ground.Height(p_G.x(), p_G.y()) + raised;
  return X_GA;
}

std::vector<EgoState> EgoStates(const Ground& ground, const std::vector<EgoStep>& steps, double yaw,
                                double step_s) {
  const size_t n = steps.size();
  std::vector<Eigen::Vector2d> rear_G(n);
  std::vector<double> yaws(n);
  for (size_t i = 0; i < n; ++i) {
    const Eigen::Vector2d& front_G = steps[i].front_axle_G;
    if (i == 0) {
      rear_G[i] = front_G - kEgoWheelbase * Eigen::Vector2d(std::cos(yaw), std::sin(yaw));
    } else {
      // Dragged in small parts: in one the rear axle would slip outwards in bends.
      constexpr int kParts = 8;
      const Eigen::Vector2d step = (front_G - steps[i - 1].front_axle_G) / kParts;
      rear_G[i] = rear_G[i - 1];
      for (int part = 1; part <= kParts; ++part) {
        const Eigen::Vector2d at_G = front_G - (kParts - part) * step;
        const Eigen::Vector2d along = (at_G - rear_G[i]).normalized();
        rear_G[i] = at_G - kEgoWheelbase * along;
      }
      const Eigen::Vector2d along = front_G - rear_G[i];
      yaw += Wrapped(std::atan2(along.y(), along.x()) - yaw);
    }
    yaws[i] = yaw;
  }
  std::vector<EgoState> states(n < 2 ? 0 : n - 2);
  const auto position = [&](size_t i) {
    return Eigen::Vector3d(rear_G[i].x(), rear_G[i].y(),
                           ground.Height(rear_G[i].x(), rear_G[i].y()));
  };
  std::vector<double> speeds(n, 0);
  for (size_t i = 1; i + 1 < n; ++i)
    speeds[i] = (position(i + 1) - position(i - 1)).norm() / (2 * step_s);
  if (n > 2) speeds.front() = speeds[1], speeds.back() = speeds[n - 2];
  double steering = 0;
  for (size_t i = 1; i + 1 < n; ++i) {
    EgoState& state = states[i - 1];
    state.X_GE = OnGround(ground, rear_G[i], yaws[i], 0);
    state.speed = speeds[i];
    state.acceleration = (speeds[i + 1] - speeds[i - 1]) / (2 * step_s);
    state.yaw_rate = (yaws[i + 1] - yaws[i - 1]) / (2 * step_s);
    state.lateral_acceleration = state.speed * state.yaw_rate;
    // A car at rest keeps its wheels as they were.
    if (state.speed > 0.2) steering = std::atan(kEgoWheelbase * state.yaw_rate / state.speed);
    state.steering = steering;
    state.braking = steps[i].braking;
    state.indicator = steps[i].indicator;
    state.lane = steps[i].lane;
  }
  return states;
}

}  // namespace occvla::world::traffic
