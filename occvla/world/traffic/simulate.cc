#include "occvla/world/traffic/simulate.h"

#include <algorithm>
#include <cmath>

#include "occvla/base/error.h"
#include "occvla/base/rng.h"
#include "occvla/world/traffic/collisions.h"
#include "occvla/world/traffic/scene.h"

namespace occvla::world {

namespace {

// With no more than this share of keyframes spent waiting no better draw is looked for.
constexpr double kEnoughWaiting = 0.3;
// Draws that are remembered, should the best ones collide.
constexpr size_t kKept = 3;

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

}  // namespace

Drive MakeDrive(const Town& town, const DriveOptions& options) {
  const traffic::Roads roads(town);
  struct Candidate {
    Worth worth;
    traffic::Recording recording;
  };
  uint64_t draw = 0;
  while (draw < kMostAttempts) {
    std::vector<Candidate> best;
    for (int tried = 0; draw < kMostAttempts; ++tried) {
      // Twice as many draws where what is wanted hardly shows.
      const bool poor = best.empty() || best[0].worth.shown < 0.7 * options.wanted_share;
      if (tried >= options.candidates * (poor ? 2 : 1)) break;
      auto recording = traffic::Record(roads, options, draw++);
      if (!recording) throw ConfigError("The town has no lane of 30 m for a car to start on.");
      const Worth worth = WorthOf(options, recording->intents);
      best.push_back({worth, std::move(*recording)});
      std::stable_sort(best.begin(), best.end(), [](const Candidate& a, const Candidate& b) {
        return a.worth.score() > b.worth.score();
      });
      if (best.size() > kKept) best.pop_back();
      if (worth.shown >= options.wanted_share && worth.waiting <= kEnoughWaiting) break;
    }
    for (const auto& candidate : best) {
      Drive drive = traffic::ToDrive(town, candidate.recording);
      if (!Collisions(drive, 1).empty()) continue;
      drive.seed = options.seed;
      drive.day_time = options.day_time;
      SetSun(drive);
      return drive;
    }
  }
  throw ConfigError("No scene without collisions in " + std::to_string(kMostAttempts) +
                    " draws of seed " + std::to_string(options.seed) + " in " + town.location +
                    ": take another seed or less density.");
}

}  // namespace occvla::world
