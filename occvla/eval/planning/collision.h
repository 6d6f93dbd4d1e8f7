#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "occvla/eval/planning/protocols.h"

namespace occvla::eval {

/// Per event rule (by its number) the steps with a counted collision: bit k is step k + 1.
using EventMasks = std::array<uint8_t, kEventRules>;

/// Counts the collisions of tracks with the obstacles of a frame by every event rule: the ego cells
/// at the predicted point touch the obstacle image, those at the true point do not. Only boxes that
/// come near a track are drawn, which changes no count. Keeps its images between frames; one
/// thread.
class CollisionCounter {
 public:
  CollisionCounter();
  ~CollisionCounter();

  /// One result a track.
  std::vector<EventMasks> Count(const data::nuscenes::PlanningTruth& truth,
                                const ObstaclesOfFrame& obstacles, std::span<const Track> tracks_E);

 private:
  struct Images;
  std::unique_ptr<Images> images_;
};

/// The displacement of LIDAR_TOP in the axes of E when the ego origin is at p_E with the step's
/// true heading: p + R(yaw) t - t.
std::array<double, 2> LidarDisplacement(const data::nuscenes::PlanningTruth& truth, size_t step,
                                        const std::array<double, 2>& p_E);

}  // namespace occvla::eval
