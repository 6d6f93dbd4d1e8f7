#pragma once
#include <vector>

#include "occvla/world/traffic/junctions.h"

/// All vehicles of a scene together, step by step.
namespace occvla::world::traffic {

/// A stretch of a lane that is closed: a work site, something that stands on the road.
struct Closure {
  int lane = kNoIndex;
  double from = 0, to = 0;
};

class Flow {
 public:
  explicit Flow(const Roads& roads);

  /// One step of `step_s` from `time_s`. Reads `claims` and `wishes`.
  void Step(double time_s, double step_s);

  /// Adds a vehicle whose first leg is set; lays out its way. Returns its index.
  int Add(Vehicle vehicle);
  /// Recomputes who takes up what, after vehicles were added.
  void Refresh();
  const Occupancy& occupancy() const { return occupancy_; }
  /// Whether a vehicle of `length` may start with its front at `s` of the lane: clear of others,
  /// closures and crossings. Ahead and behind it are returned for choosing its speed.
  bool IsClear(int lane, double s, double length) const;
  /// +1 left, -1 right: what the driver shows.
  int Indicator(const Vehicle& vehicle) const;

  std::vector<Vehicle> vehicles;
  std::vector<Closure> closures;
  std::vector<int> claims;  ///< Per crossing: people on it.
  std::vector<int> wishes;  ///< Per crossing without lights: people who want to cross.

 private:
  void Extend(Vehicle& vehicle) const;
  int Next(Vehicle& vehicle, int lane) const;
  double Desired(const Vehicle& vehicle) const;
  double Acceleration(const Vehicle& vehicle, int index) const;
  double HaltForCrossings(const Vehicle& vehicle, double desired) const;
  void ConsiderChange(int index, double time_s);
  bool TryChange(int index, int side, double threshold);
  /// Metres of centreline for a metre driven beside it: less outside a bend's centreline.
  double Stretch(const Vehicle& vehicle) const;
  void Move(Vehicle& vehicle, double acceleration, double time_s, double step_s);

  const Roads& roads_;
  Occupancy occupancy_;
  Junctions junctions_;
  uint64_t steps_ = 0;
};

}  // namespace occvla::world::traffic
