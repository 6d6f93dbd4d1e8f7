#pragma once
#include <cstdint>

#include "occvla/data/nuscenes/write_can_bus.h"
#include "occvla/world/drive.h"
#include "occvla/world/town.h"

namespace occvla::world::synth {

/// The part of a drive that a scene shows, in seconds of the drive, and when that was.
struct SceneSpan {
  double begin_s = 0, end_s = 0;
  int64_t start_us = 0;  ///< Unix time of the drive's time 0.

  int64_t At(double drive_s) const { return start_us + static_cast<int64_t>(drive_s * 1e6 + 0.5); }
};

/// What the ego car's instruments would have said (facts/data-and-metrics.md A.7), from its
/// simulated states alone: no noise, no offset. The route follows the centrelines of the lanes that
/// the car drove on, and fifty metres of lane before and after.
data::nuscenes::CanBus EgoCanBus(const Town& town, const Drive& drive, const SceneSpan& span);

}  // namespace occvla::world::synth
