#include "occvla/world/traffic/plan.h"

#include <algorithm>
#include <array>
#include <string>

#include "occvla/base/error.h"
#include "occvla/base/rng.h"
#include "occvla/world/traffic/things.h"

namespace occvla::world {

namespace {

using data::Direction;
using traffic::kAdult;

constexpr double kMostShare = 0.08;
// Asked of a scene beyond what would do if every scene of its kind showed it.
constexpr double kReserve = 1.2;

// A lane change takes less time than a turn, so more scenes are for it; straight driving and
// stopping come with everything.
constexpr std::array<Direction, 18> kWanted = {
    Direction::kChangeLaneLeft,  Direction::kTurnRight,       Direction::kChangeLaneRight,
    Direction::kTurnLeft,        Direction::kChangeLaneLeft,  Direction::kStop,
    Direction::kChangeLaneRight, Direction::kTurnLeft,        Direction::kChangeLaneLeft,
    Direction::kTurnRight,       Direction::kChangeLaneRight, Direction::kTurnLeft,
    Direction::kChangeLaneLeft,  Direction::kChangeLaneRight, Direction::kTurnRight,
    Direction::kChangeLaneLeft,  Direction::kTurnLeft,        Direction::kChangeLaneRight};

constexpr std::array<DayTime, 8> kDayTimes = {DayTime::kDay,   DayTime::kNight, DayTime::kOvercast,
                                              DayTime::kDusk,  DayTime::kDay,   DayTime::kOvercast,
                                              DayTime::kNight, DayTime::kDay};

struct Mood {
  double density, crowd;
};
// Ordinary, calm, busy, crowd, queue.
constexpr std::array<Mood, 5> kMoods = {{{1, 1}, {0.5, 0.6}, {1.5, 1.3}, {0.9, 2.6}, {2.1, 0.8}}};

// Two hands that together hold every Occ3D class, and what is rare, in three.
std::vector<uint8_t> CategoriesOf(size_t scene) {
  using namespace traffic;
  static const std::array<std::vector<uint8_t>, 2> kCommon = {{
      {kBarrier, kCone, kDebris, kWorker, kConstruction, kTruck, kTrailer, kAdult},
      {kBus, kRack, kBicycle, kMotorcycle, kAdult, kTrailer, kCone, kBarrier},
  }};
  static const std::array<std::vector<uint8_t>, 3> kRare = {{
      {kAnimal, kStroller, kPolice, kBendyBus},
      {kChild, kWheelchair, kAmbulance, kPushable, kDebris, kWorker},
      {kOfficer, kPersonalMobility, kRack, kConstruction},
  }};
  std::vector<uint8_t> categories = kCommon[scene % 2];
  const auto& rare = kRare[scene % 3];
  categories.insert(categories.end(), rare.begin(), rare.end());
  std::sort(categories.begin(), categories.end());
  categories.erase(std::unique(categories.begin(), categories.end()), categories.end());
  return categories;
}

}  // namespace

std::vector<DriveOptions> PlanDrives(const DrivePlan& plan) {
  if (!(plan.minimum_share >= 0 && plan.minimum_share <= kMostShare))
    throw ConfigError("The minimum share of a meta action must be from 0 to 0.08, but is " +
                      std::to_string(plan.minimum_share) + ".");
  std::vector<DriveOptions> drives(plan.count);
  for (size_t i = 0; i < plan.count; ++i) {
    DriveOptions& drive = drives[i];
    Rng rng(plan.seed, "plan", 0, i);
    drive.seed = rng.NextU64();
    drive.duration_s = plan.duration_s;
    drive.day_time = kDayTimes[i % kDayTimes.size()];
    const Mood mood = kMoods[i % kMoods.size()];
    drive.density = mood.density * (0.85 + 0.3 * rng.Uniform());
    drive.crowd = mood.crowd * (0.85 + 0.3 * rng.Uniform());
    drive.categories = CategoriesOf(i);
    drive.wanted_direction = kWanted[i % kWanted.size()];
    // In a jam nobody lets anybody in, and a left turn may take longer than the scene.
    if (drive.wanted_direction != Direction::kStop) drive.density = std::min(drive.density, 1.25);
    drive.wanted_share =
        plan.minimum_share * static_cast<double>(kWanted.size()) /
        static_cast<double>(std::count(kWanted.begin(), kWanted.end(), *drive.wanted_direction));
    if (drive.wanted_direction == Direction::kStop) drive.wanted_share = 0.3;
    drive.wanted_share *= kReserve;
  }
  return drives;
}

}  // namespace occvla::world
