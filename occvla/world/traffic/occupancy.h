#pragma once
#include <span>
#include <vector>

#include "occvla/world/traffic/vehicles.h"

/// Who takes up which stretch of which lane at a moment.
namespace occvla::world::traffic {

/// A stretch of a lane; `rear` may lie before its start and `front` beyond its end.
struct Taken {
  double rear = 0, front = 0;  ///< Metres along the lane.
  double speed = 0;
  int vehicle = kNoIndex;  ///< kNoIndex: something that stays.
};

class Occupancy {
 public:
  explicit Occupancy(size_t lanes) : lanes_(lanes) {}

  void Clear();
  void Add(int lane, const Taken& taken);
  /// All lanes that a vehicle touches: from its front to its rear, and the one that it leaves.
  void Add(const Roads& roads, const Vehicle& vehicle, int index);
  std::span<const Taken> On(int lane) const { return lanes_[static_cast<size_t>(lane)]; }

 private:
  std::vector<std::vector<Taken>> lanes_;
  std::vector<int> touched_;
};

/// The nearest stretch ahead of coordinate `front` on a way, within `horizon` metres, `self` left
/// out. Those that go another way from the same lane count while they are beside this way.
Ahead NearestAhead(const Roads& roads, const Occupancy& occupancy, std::span<const Leg> legs,
                   double front, int self, double horizon);
/// The nearest vehicle behind `rear` metres of a lane, also on the lanes before it.
Ahead NearestBehind(const Roads& roads, const Occupancy& occupancy, int lane, double rear, int self,
                    double horizon);

}  // namespace occvla::world::traffic
