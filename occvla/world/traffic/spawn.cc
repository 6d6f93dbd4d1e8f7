#include "occvla/world/traffic/spawn.h"

#include <algorithm>
#include <cmath>

namespace occvla::world::traffic {

namespace {

using Eigen::Vector2d;

constexpr double kSpacing = 52;     // Metres from vehicle to vehicle at density 1, mean.
constexpr double kEntry = 9;        // Seconds from one to the next at an entrance, mean.
constexpr double kOutOfSight = 60;  // Metres from the ego.
constexpr double kLaneRadius = 40;  // Of bends of roads that every vehicle takes.

double Exponential(Rng& rng, double mean) { return -mean * std::log(1 - rng.Uniform()); }

}  // namespace

double Region::Distance(const Vector2d& p_G) const {
  double least = 1e18;
  for (const Vector2d& q_G : way_G) least = std::min(least, (p_G - q_G).squaredNorm());
  return std::sqrt(least);
}

Region MakeRegion(const Roads& roads, std::vector<Vector2d> way_G, double radius) {
  Region region{.lanes = {}, .entrances = {}, .way_G = std::move(way_G)};
  const auto& lanes = roads.town().lanes;
  for (const Lane& lane : lanes) {
    bool near = false;
    for (size_t i = 0; i < lane.centreline.size() && !near; i += 16)
      near = region.Distance({lane.centreline[i][0], lane.centreline[i][1]}) < radius;
    region.lanes.push_back(near);
  }
  for (size_t i = 0; i < lanes.size(); ++i) {
    if (!region.lanes[i] || lanes[i].connector) continue;
    const auto& before = lanes[i].predecessors;
    if (std::none_of(before.begin(), before.end(),
                     [&](int p) { return region.lanes[static_cast<size_t>(p)]; }))
      region.entrances.push_back(static_cast<int>(i));
  }
  return region;
}

Vehicle MakeVehicle(uint8_t category, Rng& rng) {
  const Kind& kind = KindOf(category);
  const auto between = [&](double low, double high) { return low + (high - low) * rng.Uniform(); };
  Vehicle vehicle;
  vehicle.category = category;
  vehicle.size = DrawSize(kind, rng);
  vehicle.look = rng.NextU64();
  vehicle.driver = {.headway_s = between(1.0, 1.8),
                    .gap = between(1.7, 2.8),
                    .acceleration = kind.acceleration * between(0.85, 1.2),
                    .deceleration = between(1.6, 2.3),
                    .haste = between(0.82, 1.08),
                    .politeness = between(0.1, 0.5)};
  vehicle.top_speed = kind.top_speed * between(0.8, 1.0);
  vehicle.least_radius = kind.least_radius;
  vehicle.change_s = between(3.0, 4.0);
  vehicle.choices = Rng(rng.NextU64(), "choices");
  return vehicle;
}

Spawner::Spawner(const Roads& roads, const Region& region, uint64_t seed, double density)
    : roads_(roads), region_(region), rng_(seed, "spawn"), density_(std::max(density, 0.02)) {
  for (size_t i = 0; i < region.entrances.size(); ++i)
    next_entry_s_.push_back(Exponential(rng_, kEntry / density_) - 10);
}

bool Spawner::Put(Flow& flow, int lane, double s, uint8_t category) {
  const bool tows = category == kTrailer || (category == kTruck && rng_.Uniform() < 0.25);
  Vehicle vehicle = MakeVehicle(tows ? kTruck : category, rng_);
  if (tows) {
    vehicle.trailer = DrawSize(KindOf(kTrailer), rng_);
    vehicle.least_radius = 70;
  }
  if (category == kBicycle) vehicle.bias = -0.5 * roads_.lane(lane).width + 0.75;
  const double length = vehicle.whole_length();
  if (s < length + 0.5 || s > roads_.StopAt(lane) - 0.3 || !flow.IsClear(lane, s, length))
    return false;
  if (roads_.LeastRadius(lane) < std::min(vehicle.least_radius, kLaneRadius) ||
      !roads_.HasWay(lane, vehicle.least_radius))
    return false;
  for (const Closure& clear : kept_clear)
    if (clear.lane == lane && s > clear.from && s - length < clear.to) return false;
  vehicle.legs = {{lane, 0}};
  vehicle.front = s;
  double speed = std::min(vehicle.top_speed, roads_.SpeedAt(lane, s)) * vehicle.driver.haste;
  const Ahead ahead = NearestAhead(roads_, flow.occupancy(), vehicle.legs, s, kNoIndex, 100);
  if (ahead.gap < 99) {
    const double room = std::max(0.0, ahead.gap - 3);
    speed = std::min({speed, room / 1.2, std::sqrt(ahead.speed * ahead.speed + 2.4 * room)});
  }
  speed = std::min(speed, std::sqrt(2 * kHalting * 0.9 * (roads_.StopAt(lane) - s)));
  for (const LaneCrossing& crossing : roads_.Crossings(lane))
    if (crossing.from > s) speed = std::min(speed, std::sqrt(3.0 * (crossing.from - s)));
  // Nobody is put before somebody who could not brake.
  const Ahead behind = NearestBehind(roads_, flow.occupancy(), lane, s - length, kNoIndex, 80);
  if (behind.vehicle != kNoIndex) {
    const double closing = std::max(0.0, behind.speed - speed);
    if (behind.gap < 4 + 0.8 * behind.speed + closing * closing / 3) return false;
  }
  vehicle.speed = speed;
  flow.Add(std::move(vehicle));
  flow.Refresh();
  return true;
}

void Spawner::Populate(Flow& flow, const std::vector<uint8_t>& wanted) {
  flow.Refresh();
  std::vector<int> near;
  for (size_t i = 0; i < region_.lanes.size(); ++i)
    if (region_.lanes[i] && !roads_.lane(static_cast<int>(i)).connector)
      near.push_back(static_cast<int>(i));
  for (const uint8_t category : wanted) {
    for (int attempt = 0; attempt < 120; ++attempt) {
      const int lane = near[rng_.Below(near.size())];
      const double s = rng_.Uniform() * roads_.lane(lane).length();
      const Vector2d p_G = roads_.Point(lane, s, 0);
      if ((p_G - region_.way_G.front()).norm() > 45 + 0.6 * attempt) continue;
      if (Put(flow, lane, s, category)) break;
    }
  }
  for (const int lane : near) {
    double s = roads_.StopAt(lane) - 0.3 - Exponential(rng_, 0.5 * kSpacing / density_);
    while (s > 3) {
      Put(flow, lane, s, DrawCategory(rng_));
      s -= 7 + Exponential(rng_, std::max(2.0, kSpacing / density_ - 7));
    }
  }
  kept_clear.clear();
}

void Spawner::Enter(Flow& flow, const Vector2d& ego_G, double time_s) {
  for (size_t i = 0; i < region_.entrances.size(); ++i) {
    if (time_s < next_entry_s_[i]) continue;
    const int lane = region_.entrances[i];
    const uint8_t category = DrawCategory(rng_);
    const double s = KindOf(category).length * 1.4 + 14;
    const bool hidden = (roads_.Point(lane, s, 0) - ego_G).norm() > kOutOfSight;
    if (hidden && Put(flow, lane, s, category)) {
      next_entry_s_[i] = time_s + 1.5 + Exponential(rng_, kEntry / density_);
    } else {
      next_entry_s_[i] = time_s + 1;
    }
  }
}

void Spawner::Leave(Flow& flow, const Vector2d& ego_G) const {
  for (Vehicle& vehicle : flow.vehicles) {
    if (vehicle.ego || vehicle.gone) continue;
    if (region_.lanes[static_cast<size_t>(vehicle.lane(roads_))]) continue;
    if ((vehicle.front_axle_G - ego_G).norm() > kOutOfSight + 20) vehicle.gone = true;
  }
}

}  // namespace occvla::world::traffic
