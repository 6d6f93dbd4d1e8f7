#include "occvla/world/town.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "occvla/base/error.h"
#include "occvla/base/rng.h"
#include "occvla/base/text.h"
#include "occvla/world/town_junctions.h"
#include "occvla/world/town_lanes.h"
#include "occvla/world/town_map.h"
#include "occvla/world/town_plan.h"
#include "occvla/world/town_roadside.h"
#include "occvla/world/town_surface.h"

namespace occvla::world {

namespace {

void CheckOptions(const TownOptions& options) {
  std::string bad;
  if (std::find(kTownLocations.begin(), kTownLocations.end(), options.location) ==
      kTownLocations.end()) {
    bad += "\n  - location is " + Quoted(options.location) + ", but must be one of:";
    for (const auto name : kTownLocations) bad += " " + std::string(name);
  }
  if (!(options.size_m >= 480 && options.size_m <= 3000))
    bad += "\n  - size_m must be from 480 to 3000, is " + std::to_string(options.size_m);
  if (!(options.spacing_m >= 100 && options.spacing_m <= 200))
    bad += "\n  - spacing_m must be from 100 to 200, is " + std::to_string(options.spacing_m);
  if (!bad.empty()) throw ConfigError("town:" + bad);
}

/// Three long waves whose slopes add up to less than 4 %.
Ground MakeGround(const TownOptions& options) {
  Rng rng(options.seed, "town ground " + options.location);
  Ground ground;
  for (const double slope : {0.016, 0.011, 0.006}) {
    const double length = 260 + 340 * rng.Uniform();
    const double k = 2 * std::numbers::pi / length;
    const double towards = 2 * std::numbers::pi * rng.Uniform();
    ground.waves.push_back({.amplitude = slope * (0.6 + 0.5 * rng.Uniform()) / k,
                            .kx = k * std::cos(towards),
                            .ky = k * std::sin(towards),
                            .phase = 2 * std::numbers::pi * rng.Uniform()});
  }
  return ground;
}

}  // namespace

double Ground::Height(double x, double y) const {
  double z = 0;
  for (const Wave& w : waves) z += w.amplitude * std::sin(w.kx * x + w.ky * y + w.phase);
  return z;
}

Eigen::Vector2d Ground::Slope(double x, double y) const {
  Eigen::Vector2d slope = Eigen::Vector2d::Zero();
  for (const Wave& w : waves)
    slope += w.amplitude * std::cos(w.kx * x + w.ky * y + w.phase) * Eigen::Vector2d(w.kx, w.ky);
  return slope;
}

Eigen::Vector3d Ground::Normal(double x, double y) const {
  const Eigen::Vector2d slope = Slope(x, y);
  return Eigen::Vector3d(-slope.x(), -slope.y(), 1).normalized();
}

Town MakeTown(const TownOptions& options) {
  CheckOptions(options);
  Town town;
  town.location = options.location;
  town.seed = options.seed;
  town.canvas = {options.size_m, options.size_m};
  town.ground = MakeGround(options);
  const Plan plan = MakePlan(options);
  const RoadNet net = AddLanes(plan, options.seed, town);
  AddPriorities(plan, net, town);
  const ArmCrossings at_arms = AddSurfaces(plan, net, town);
  std::vector<NoParking> no_parking;
  const auto in_middle = AddMiddleCrossings(plan, net, town, no_parking);
  AddCarparks(plan, town, no_parking);
  AddParkingStrips(plan, no_parking, town);
  AddWalks(plan, at_arms, in_middle, town);
  AddLots(plan, town);
  town.map = ToMapRecords(town);
  return town;
}

}  // namespace occvla::world
