#include "occvla/world/traffic/recording.h"

namespace occvla::world::traffic {

using Eigen::Vector2d;

Kerbs::Kerbs(const Town& town) : town_(town) {
  for (const Area& area : town.areas) {
    Bounds bounds{Vector2d::Constant(1e18), Vector2d::Constant(-1e18)};
    for (const Vector2d& p : area.outline.points) {
      bounds.low = bounds.low.cwiseMin(p);
      bounds.high = bounds.high.cwiseMax(p);
    }
    bounds_.push_back(bounds);
  }
}

double Kerbs::RaisedAt(const Vector2d& p_G) const {
  for (size_t i = bounds_.size(); i-- > 0;) {
    if ((p_G.array() < bounds_[i].low.array()).any() ||
        (p_G.array() > bounds_[i].high.array()).any())
      continue;
    if (Inside(town_.areas[i].outline, p_G)) return town_.areas[i].raised;
  }
  return 0;
}

namespace {

double YawRate(const Track& track, size_t step) {
  const auto& here = track.states[step];
  const auto* before = step > 0 && track.states[step - 1] ? &*track.states[step - 1] : &*here;
  const auto* after =
      step + 1 < track.states.size() && track.states[step + 1] ? &*track.states[step + 1] : &*here;
  const int steps = (before != &*here) + (after != &*here);
  return steps == 0 ? 0 : Wrapped(after->yaw - before->yaw) / (steps * kStep);
}

}  // namespace

Drive ToDrive(const Town& town, const Recording& recording) {
  Drive drive;
  drive.step_s = kStep;
  drive.ego = EgoStates(town.ground, recording.ego, recording.first_yaw, kStep);
  drive.states.assign(drive.ego.size(), {});
  for (auto& states : drive.states) states.resize(recording.tracks.size());
  const Kerbs kerbs(town);
  for (size_t i = 0; i < recording.tracks.size(); ++i) {
    const Track& track = recording.tracks[i];
    drive.actors.push_back(track.actor);
    Vector2d measured_G = Vector2d::Constant(1e18);
    double raised = 0;
    for (size_t step = 0; step < drive.states.size(); ++step) {
      const auto& flat = track.states[step];
      if (!flat) continue;
      // Only what may stand on a sidewalk is looked up: vehicles that drive keep to the road.
      const bool drives = flat->activity == Activity::kStopped ||
                          flat->activity == Activity::kWithRider ||
                          (flat->activity == Activity::kMoving && track.actor.category >= 14);
      if (!drives && flat->p_G != measured_G) {
        measured_G = flat->p_G;
        raised = kerbs.RaisedAt(measured_G);
      }
      drive.states[step][i] =
          ActorState{.X_GA = OnGround(town.ground, flat->p_G, flat->yaw, drives ? 0 : raised),
                     .speed = flat->speed,
                     .acceleration = flat->acceleration,
                     .yaw_rate = YawRate(track, step),
                     .activity = flat->activity,
                     .braking = flat->braking,
                     .indicator = flat->indicator,
                     .stride = flat->stride};
    }
  }
  drive.intents = recording.intents;
  drive.route = recording.route;
  return drive;
}

}  // namespace occvla::world::traffic
