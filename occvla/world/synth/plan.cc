#include "occvla/world/synth/plan.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <set>

#include "occvla/base/error.h"
#include "occvla/base/rng.h"
#include "occvla/data/nuscenes/dataset.h"
#include "occvla/world/synth/token.h"

namespace occvla::world::synth {

const std::array<Location, 4> kLocations = {{
    {"boston-seaport", "36092f0b03a857c6a3403e25b4b7aab3", Split::kTrain, "-0500", -5, "n008"},
    {"singapore-onenorth", "53992ee3023e5494b90c316c183be829", Split::kTrain, "+0800", 8, "n015"},
    {"singapore-queenstown", "93406b464a165eaba6d9de76ca09f5da", Split::kVal, "+0800", 8, "n015"},
    {"singapore-hollandvillage", "37819e65e09e5547b8a3ceaefba56bb2", Split::kTest, "+0800", 8,
     "n015"},
}};

namespace {

/// Numbers above nuScenes's own (1110 is its last) for scenes beyond the official ones.
constexpr int kFirstSpareNumber = 1111, kLastNumber = 9999;

bool Between(int number, std::initializer_list<std::array<int, 2>> runs) {
  return std::any_of(runs.begin(), runs.end(),
                     [&](const auto& run) { return run[0] <= number && number <= run[1]; });
}

/// Scenes whose CAN bus the devkit refuses to open.
bool CanIsRefused(int number) {
  return Between(number, {{161, 168}, {170, 176}, {309, 314}, {419, 419}});
}

/// Scenes whose route the devkit warns of.
bool RouteIsDoubted(int number) {
  return Between(number, {{71, 71},   {73, 76},   {85, 85},   {100, 101}, {106, 110},  {112, 119},
                          {261, 264}, {276, 276}, {302, 306}, {334, 334}, {388, 390},  {436, 436},
                          {499, 502}, {504, 515}, {517, 518}, {547, 551}, {556, 565},  {730, 731},
                          {733, 738}, {778, 778}, {780, 784}, {904, 905}, {1073, 1074}});
}

/// Official names of a split, those that the devkit has no reservation about first.
std::vector<std::string> UsableNames(Split split) {
  std::vector<std::string> good, doubted;
  for (const auto& name : data::nuscenes::OfficialScenes(kSplitNames[static_cast<size_t>(split)])) {
    const int number = std::stoi(name.substr(name.size() - 4));
    if (CanIsRefused(number)) continue;
    (RouteIsDoubted(number) ? doubted : good).push_back(name);
  }
  std::sort(good.begin(), good.end());
  std::sort(doubted.begin(), doubted.end());
  good.insert(good.end(), doubted.begin(), doubted.end());
  return good;
}

std::string SceneName(int number) {
  char name[24];
  std::snprintf(name, sizeof name, "scene-%04d", number);
  return name;
}

/// How many scenes each split gets: every split that has a share gets one where there are scenes
/// enough, and train whatever is left.
std::array<uint64_t, 3> Counts(const Config& config, uint64_t scenes) {
  const auto part = [&](double share) -> uint64_t {
    if (share <= 0) return 0;
    return std::max<uint64_t>(
        1, static_cast<uint64_t>(std::llround(share * static_cast<double>(scenes))));
  };
  const uint64_t val = std::min(part(config.set.val_share), scenes > 1 ? scenes - 1 : 0);
  const uint64_t left = scenes - val;
  const uint64_t test = std::min(part(config.set.test_share), left > 1 ? left - 1 : 0);
  return {left - test, val, test};
}

DayTime DrawDayTime(const Config& config, Rng& rng) {
  const double weights[] = {config.day_times.day, config.day_times.dusk, config.day_times.overcast,
                            config.day_times.night};
  static constexpr DayTime kTimes[] = {DayTime::kDay, DayTime::kDusk, DayTime::kOvercast,
                                       DayTime::kNight};
  double sum = 0;
  for (const double weight : weights) sum += weight;
  double draw = rng.Uniform() * sum;
  for (int i = 0; i < 4; ++i) {
    if (weights[i] > 0 && draw < weights[i]) return kTimes[i];
    draw -= weights[i];
  }
  for (int i = 3; i > 0; --i)
    if (weights[i] > 0) return kTimes[i];
  return kTimes[0];
}

/// A log a day from 2024-01-01 on, at an hour that goes with its light.
void DateLog(size_t index, Rng& rng, ScenePlan& scene) {
  static constexpr int kFirstHour[] = {9, 18, 8, 20}, kHours[] = {7, 1, 9, 3};
  const auto& location = kLocations[scene.location];
  const auto light = static_cast<size_t>(scene.day_time);
  const int hour =
      kFirstHour[light] + static_cast<int>(rng.Below(static_cast<uint64_t>(kHours[light])));
  const int minute = static_cast<int>(rng.Below(60)), second = static_cast<int>(rng.Below(60));
  using std::chrono::sys_days;
  const sys_days day =
      sys_days(std::chrono::year(2024) / 1 / 1) + std::chrono::days(static_cast<int>(index));
  const std::chrono::year_month_day date(day);
  char text[80];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  scene.date = text;
  std::snprintf(text, sizeof text, "%s-%s-%02d-%02d-%02d%s", std::string(location.vehicle).c_str(),
                scene.date.c_str(), hour, minute, second, std::string(location.zone).c_str());
  scene.logfile = text;
  const int64_t local_s =
      std::chrono::duration_cast<std::chrono::seconds>(day.time_since_epoch()).count() +
      hour * 3600 + minute * 60 + second;
  scene.start_us = (local_s - location.zone_hours * 3600) * 1'000'000 +
                   static_cast<int64_t>(rng.Below(1'000'000));
}

}  // namespace

std::vector<ScenePlan> PlanScenes(const Config& config, uint64_t scenes, uint64_t seed) {
  const auto counts = Counts(config, scenes);
  std::vector<ScenePlan> plan;
  int spare = kFirstSpareNumber;
  for (size_t s = 0; s < counts.size(); ++s) {
    const auto split = static_cast<Split>(s);
    auto names = UsableNames(split);
    names.resize(std::min<size_t>(names.size(), counts[s]));
    while (names.size() < counts[s]) {
      if (spare > kLastNumber) {
        throw ConfigError("synth: " + std::to_string(scenes) +
                          " scenes do not fit: the devkit opens scene-0001 to scene-9999 alone. "
                          "Make several data sets.");
      }
      names.push_back(SceneName(spare++));
    }
    std::sort(names.begin(), names.end());
    std::vector<size_t> places;
    for (size_t l = 0; l < kLocations.size(); ++l)
      if (kLocations[l].split == split) places.push_back(l);
    for (size_t i = 0; i < names.size(); ++i) {
      ScenePlan scene{.name = names[i], .split = split, .location = places[i % places.size()]};
      Rng rng(seed, "synth.scene", 0, plan.size());
      scene.seed = rng.NextU64();
      scene.day_time = DrawDayTime(config, rng);
      DateLog(plan.size(), rng, scene);
      plan.push_back(std::move(scene));
    }
  }
  return plan;
}

std::string LogToken(const ScenePlan& scene) { return Token(scene.seed, "log", 0, 0); }

uint64_t TownSeed(uint64_t seed, size_t location) {
  return Rng(seed, "synth.town", 0, location).NextU64();
}

}  // namespace occvla::world::synth
