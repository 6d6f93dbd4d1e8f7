#pragma once
#include <vector>

#include "occvla/world/traffic/flow.h"

/// Where vehicles come from.
namespace occvla::world::traffic {

/// The part of a town in which a scene's traffic runs.
struct Region {
  std::vector<char> lanes;             ///< Per lane: whether it lies near the ego's way.
  std::vector<int> entrances;          ///< Lanes of it that traffic enters from outside.
  std::vector<Eigen::Vector2d> way_G;  ///< The ego's way.

  /// Distance from the way.
  double Distance(const Eigen::Vector2d& p_G) const;
};

/// Lanes within `radius` metres of the way.
Region MakeRegion(const Roads& roads, std::vector<Eigen::Vector2d> way_G, double radius);

/// A vehicle of a category with a drawn size and driver, not yet on a lane.
Vehicle MakeVehicle(uint8_t category, Rng& rng);

class Spawner {
 public:
  /// `density`: vehicles on the roads relative to an ordinary day.
  Spawner(const Roads& roads, const Region& region, uint64_t seed, double density);

  /// Fills the lanes, once, around vehicles that are there and outside `kept_clear`. Categories of
  /// `wanted` (vehicles that drive) come first, near the beginning of the ego's way.
  void Populate(Flow& flow, const std::vector<uint8_t>& wanted);
  /// Stretches on which `Populate` puts nobody.
  std::vector<Closure> kept_clear;

  /// Lets vehicles in at the entrances, never within sight of `ego_G`.
  void Enter(Flow& flow, const Eigen::Vector2d& ego_G, double time_s);
  /// Removes vehicles that have left the region and are far from `ego_G`.
  void Leave(Flow& flow, const Eigen::Vector2d& ego_G) const;

 private:
  bool Put(Flow& flow, int lane, double s, uint8_t category);

  const Roads& roads_;
  const Region& region_;
  Rng rng_;
  double density_;
  std::vector<double> next_entry_s_;
};

}  // namespace occvla::world::traffic
