#pragma once
#include <cstdint>
#include <vector>

#include "occvla/world/drive.h"
#include "occvla/world/traffic/collisions.h"
#include "occvla/world/traffic/flow.h"
#include "occvla/world/traffic/pedestrians.h"

/// What stays where it is for a whole scene: parked vehicles, work sites, racks, carts.
namespace occvla::world::traffic {

inline constexpr uint8_t kBarrier = 9, kDebris = 10, kPushable = 11, kCone = 12, kRack = 13;

struct Thing {
  Actor actor;
  Eigen::Vector2d p_G = Eigen::Vector2d::Zero();
  double yaw = 0;
  Activity activity = Activity::kNone;

  Rectangle Body() const { return {p_G, yaw, actor.size.x(), actor.size.y()}; }
};

/// Where things may stand, and what has been put there.
class Things {
 public:
  /// Things near `way_G` (points along the ego's way); nothing on `keep_clear`.
  Things(const Roads& roads, std::vector<Eigen::Vector2d> way_G, Closure keep_clear, Rng rng);

  /// Parked vehicles on about that share of the places; those of `wanted` first.
  void Park(double share, const std::vector<uint8_t>& wanted);
  /// Closes an outer lane that has a neighbour, else a row of parking places, else a stretch of
  /// sidewalk: cones, barriers, debris, workers, a construction vehicle.
  void AddWorkSite();
  /// A rack with bicycles, on a parking place or on a sidewalk.
  void AddRack();
  /// A cart, a bin on wheels: at a sidewalk's edge.
  void AddPushable();

  std::vector<Thing> things;
  std::vector<Closure> closures;

 private:
  bool Put(uint8_t category, const Eigen::Vector3d& size, const Eigen::Vector2d& p_G, double yaw,
           Activity activity);
  bool Put(uint8_t category, const Eigen::Vector2d& p_G, double yaw);
  bool CloseLane();
  bool ClosePlaces();
  void CloseWalk();
  /// Roadside places one behind the other, the first at the back; empty if there are none.
  std::vector<size_t> RowOf(size_t count);
  double Distance(const Eigen::Vector2d& p_G) const;

  const Roads& roads_;
  std::vector<Eigen::Vector2d> way_G_;
  Closure keep_clear_;
  Rng rng_;
  std::vector<size_t> places_;  // Slots near the way, in random order.
  std::vector<char> used_;      // Per slot of the town.
};

}  // namespace occvla::world::traffic
