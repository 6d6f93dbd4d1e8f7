#pragma once
#include <cmath>
#include <string>
#include <vector>

#include "occvla/base/rng.h"
#include "occvla/eval/planning/protocols.h"

namespace occvla::eval {

/// For tests and benches: a car that drives at 6 m/s on a gentle left bend, with `agents` boxes
/// around it that keep still. The lidar sits as on most nuScenes cars.
inline data::nuscenes::PlanningTruth MadeTruth(uint64_t seed, int agents) {
  data::nuscenes::PlanningTruth truth;
  truth.scene = "scene-" + std::to_string(seed / 40);
  truth.frames_before = static_cast<int>(seed % 40);
  truth.frames_after = 39 - truth.frames_before;
  truth.lidar_translation = {0.985793, 0, 1.84019};
  truth.lidar_yaw = -1.5707963267948966;
  Rng rng(seed, "made truth");
  const double bend = 0.02 + 0.02 * rng.Uniform();
  for (int agent = 0; agent < agents; ++agent) {
    data::nuscenes::PlanningAgent box;
    box.x_E = 80 * rng.Uniform() - 30;
    box.y_E = (rng.Uniform() < 0.5 ? 1 : -1) * (2.2 + 20 * rng.Uniform());
    box.length = 4.5;
    box.width = 1.9;
    box.yaw_E = 6.3 * rng.Uniform();
    box.category = agent % 4 == 0 ? "human.pedestrian.adult" : "vehicle.car";
    box.id = "agent-" + std::to_string(agent);
    box.lidar_points = 20;
    truth.seen.push_back(box.id);
    truth.agents_now.push_back(box);
  }
  for (size_t step = 0; step < 6 && static_cast<int>(step) < truth.frames_after; ++step) {
    const double yaw = bend * static_cast<double>(step + 1), radius = 3 / bend;
    truth.positions_E[step] = {radius * std::sin(yaw), radius * (1 - std::cos(yaw))};
    truth.yaws_E[step] = yaw;
    truth.valid[step] = true;
    truth.agents[step] = truth.agents_now;
  }
  return truth;
}

/// A prediction that strays from the true path.
inline Track MadeTrack(const data::nuscenes::PlanningTruth& truth, uint64_t seed) {
  Rng rng(seed, "made track");
  const double drift = 1.5 * rng.Normal(), speed = 1 + 0.2 * rng.Normal();
  Track track_E{};
  for (size_t step = 0; step < 6; ++step) {
    const double share = static_cast<double>(step + 1) / 6;
    track_E[step] = {3 * static_cast<double>(step + 1) * speed,
                     truth.positions_E[step][1] + drift * share};
  }
  return track_E;
}

}  // namespace occvla::eval
