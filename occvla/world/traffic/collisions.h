#pragma once
#include <cstddef>
#include <vector>

#include "occvla/world/drive.h"

namespace occvla::world {

/// Two boxes that overlap in a step; actor index, `kEgo` for the ego car.
struct Collision {
  static constexpr size_t kEgo = static_cast<size_t>(-1);
  size_t step = 0, first = 0, second = 0;
};

/// Every pair of boxes, the ego's included, that overlaps on the ground plane at a step (separating
/// axes; touching is not overlapping). At most `limit` of them, in order of steps.
std::vector<Collision> Collisions(const Drive& drive, size_t limit = 1000);

/// A rectangle on the ground plane.
struct Rectangle {
  Eigen::Vector2d centre_G = Eigen::Vector2d::Zero();
  double yaw = 0, length = 0, width = 0;
};
bool Overlap(const Rectangle& a, const Rectangle& b);

/// The ego's body.
Rectangle BodyOf(const EgoState& state);

}  // namespace occvla::world
