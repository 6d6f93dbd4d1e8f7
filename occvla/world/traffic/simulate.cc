#include "occvla/world/traffic/simulate.h"

#include <algorithm>
#include <cmath>

#include "occvla/base/error.h"
#include "occvla/world/traffic/collisions.h"
#include "occvla/world/traffic/scene.h"

namespace occvla::world {

namespace {

// A draw is good enough when this share of keyframes shows what is wanted, and no more than that
// share is spent waiting: then no better one is looked for.
constexpr double kEnough = 0.3, kEnoughWaiting = 0.3;

struct Worth {
  double shown = 1, waiting = 0;  // Shares of keyframes.
  double score() const { return shown - 0.5 * waiting; }
};

Worth WorthOf(const DriveOptions& options, const std::vector<data::MetaAction>& intents) {
  const auto keyframe = static_cast<size_t>(std::lround(0.5 / traffic::kStep));
  double all = 0, shown = 0, waiting = 0;
  for (size_t i = 0; i < intents.size(); i += keyframe, ++all) {
    const auto [velocity, direction] = intents[i];
    shown += (!options.wanted_direction || direction == *options.wanted_direction) &&
             (!options.wanted_velocity || velocity == *options.wanted_velocity);
    waiting += direction == data::Direction::kStop;
  }
  if (options.wanted_direction == data::Direction::kStop) waiting = 0;
  return {shown / all, waiting / all};
}

void SetSun(Drive& drive) {
  Rng rng(drive.seed, "sun");
  drive.sun_azimuth = 2 * EIGEN_PI * rng.Uniform() - EIGEN_PI;
  switch (drive.day_time) {
    case DayTime::kDay:
      drive.sun_elevation = 0.5 + 0.6 * rng.Uniform();
      break;
    case DayTime::kDusk:
      drive.sun_elevation = 0.06 + 0.14 * rng.Uniform();
      break;
    case DayTime::kOvercast:
      drive.sun_elevation = 0.6 + 0.5 * rng.Uniform();
      break;
    case DayTime::kNight:
      drive.sun_elevation = -0.4;
      break;
  }
}

Drive ToDrive(const Town& town, const DriveOptions& options, traffic::Recording recording) {
  Drive drive;
  drive.seed = options.seed;
  drive.step_s = traffic::kStep;
  drive.day_time = options.day_time;
  SetSun(drive);
  drive.ego = traffic::EgoStates(town.ground, recording.ego, recording.first_yaw, traffic::kStep);
  drive.states.assign(drive.ego.size(), {});
  for (const auto& track : recording.tracks) {
    drive.actors.push_back(track.actor);
    for (size_t step = 0; step < drive.states.size(); ++step) {
      auto& state = drive.states[step].emplace_back();
      const auto& flat = track.states[step];
      if (!flat) continue;
      state = {.X_GA = traffic::OnGround(town.ground, flat->p_G, flat->yaw, 0),
               .speed = flat->speed,
               .acceleration = flat->acceleration,
               .yaw_rate = flat->yaw_rate,
               .activity = flat->activity,
               .braking = flat->braking,
               .indicator = flat->indicator,
               .stride = flat->stride};
    }
  }
  drive.intents = std::move(recording.intents);
  drive.route = std::move(recording.route);
  return drive;
}

}  // namespace

Drive MakeDrive(const Town& town, const DriveOptions& options) {
  const traffic::Roads roads(town);
  struct Candidate {
    double score = 0;
    traffic::Recording recording;
  };
  std::vector<Candidate> candidates;
  uint64_t draw = 0;
  while (draw < kMostAttempts) {
    const auto wanted = static_cast<size_t>(std::max(options.candidates, 1));
    while (candidates.size() < wanted && draw < kMostAttempts) {
      auto recording = traffic::Record(roads, options, draw++);
      if (!recording) throw ConfigError("The town has no lane of 30 m for a car to start on.");
      const Worth worth = WorthOf(options, recording->intents);
      candidates.push_back({worth.score(), std::move(*recording)});
      if (worth.shown >= kEnough && worth.waiting <= kEnoughWaiting) break;
    }
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
    for (auto& candidate : candidates) {
      Drive drive = ToDrive(town, options, std::move(candidate.recording));
      if (Collisions(drive, 1).empty()) return drive;
    }
    candidates.clear();
  }
  throw ConfigError("No scene without collisions in " + std::to_string(kMostAttempts) +
                    " draws of seed " + std::to_string(options.seed) + " in " + town.location +
                    ": take another seed or less density.");
}

}  // namespace occvla::world
