#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

#include "occvla/geom/voxel_grid.h"

namespace occvla::geom {

/// One step after the other from voxel to voxel along a straight line; coordinates in voxels from
/// the grid's corner (VoxelGrid::ToVoxels). Ties go to z, then y, as in Occ3D's walk
/// (facts/data-and-metrics.md H.2).
class VoxelWalk {
 public:
  VoxelWalk(const Eigen::Vector3d& start, const Eigen::Vector3d& direction) {
    for (int axis = 0; axis < 3; ++axis) {
      const double along = direction[axis];
      step_[axis] = along >= 0 ? 1 : -1;
      voxel_[axis] = static_cast<int>(std::floor(start[axis]));
      const double boundary = voxel_[axis] + (along >= 0 ? 1 : 0);
      constexpr double kNever = std::numeric_limits<double>::infinity();
      delta_[axis] = along != 0 ? step_[axis] / along : kNever;
      next_[axis] = along != 0 ? (boundary - start[axis]) / along : kNever;
    }
  }

  const std::array<int, 3>& voxel() const { return voxel_; }
  const std::array<int, 3>& step() const { return step_; }
  /// Along each axis: how far along `direction` its next face is, and how far faces are apart.
  const std::array<double, 3>& next() const { return next_; }
  const std::array<double, 3>& delta() const { return delta_; }
  /// How far along `direction` the line leaves the present voxel.
  double exit() const { return std::fmin(next_[0], std::fmin(next_[1], next_[2])); }

  void Next() {
    int axis = 2;
    if (next_[0] < next_[1] && next_[0] < next_[2])
      axis = 0;
    else if (next_[1] < next_[2])
      axis = 1;
    voxel_[axis] += step_[axis];
    next_[axis] += delta_[axis];
  }

 private:
  std::array<int, 3> voxel_{}, step_{};
  std::array<double, 3> delta_{}, next_{};
};

/// VoxelWalk through the grid's memory, for many rays: distances are whole 2^-50 parts of `span`,
/// the distance that matters, and no step branches on its axis. `start` lies inside the grid.
class GridWalk {
 public:
  GridWalk(const Eigen::Vector3d& start, const Eigen::Vector3d& direction, double span) {
    constexpr std::array<int, 3> kSize = {VoxelGrid::kX, VoxelGrid::kY, VoxelGrid::kZ};
    constexpr std::array<int, 3> kStride = {VoxelGrid::kY * VoxelGrid::kZ, VoxelGrid::kZ, 1};
    const VoxelWalk walk(start, direction);
    for (size_t axis = 0; axis < 3; ++axis) {
      const bool forward = walk.step()[axis] > 0;
      at_ += walk.voxel()[axis] * kStride[axis];
      by_[axis] = walk.step()[axis] * kStride[axis];
      room_[axis] = forward ? kSize[axis] - 1 - walk.voxel()[axis] : walk.voxel()[axis];
      next_[axis] = Fixed(walk.next()[axis] / span, kNever);
      delta_[axis] = Fixed(walk.delta()[axis] / span, 0);
    }
  }

  size_t index() const { return static_cast<size_t>(at_); }
  void Next() {
    const int64_t x = -int64_t{(next_[0] < next_[1]) & (next_[0] < next_[2])};
    const int64_t y = ~x & -int64_t{next_[1] < next_[2]};
    const int64_t z = ~(x | y);
    next_[0] += delta_[0] & x, next_[1] += delta_[1] & y, next_[2] += delta_[2] & z;
    taken_[0] -= static_cast<int>(x), taken_[1] -= static_cast<int>(y);
    taken_[2] -= static_cast<int>(z);
    at_ += static_cast<int>((by_[0] & x) | (by_[1] & y) | (by_[2] & z));
  }
  /// Whether at least so many steps were taken along an axis.
  bool Took(const std::array<int, 3>& steps) const {
    return (taken_[0] >= steps[0]) | (taken_[1] >= steps[1]) | (taken_[2] >= steps[2]);
  }
  /// Steps along each axis that stay inside the grid.
  const std::array<int, 3>& room() const { return room_; }

 private:
  static constexpr int64_t kNever = int64_t{1} << 61;
  static int64_t Fixed(double share, int64_t otherwise) {
    return share < 0x1p10 ? static_cast<int64_t>(share * 0x1p50) : otherwise;
  }

  int at_ = 0;
  std::array<int, 3> by_{}, room_{}, taken_{};
  std::array<int64_t, 3> next_{}, delta_{};
};

/// Calls `visit(VoxelGrid::Index)` for the voxels from `start` (not reported) towards `end`
/// (reported where the walk meets it), both in voxels, `start` inside the grid; ends where the line
/// leaves the grid. The walk may pass the end by one voxel along an axis, as Occ3D's does
/// (facts/data-and-metrics.md H.2). Each step changes one coordinate by one.
template <typename Visit>
void WalkSegment(Eigen::Vector3d start, Eigen::Vector3d end, Visit&& visit) {
  constexpr double kInwards = 1e-9;
  const Eigen::Vector3d ray = end - start;
  std::array<int, 3> behind{};  // Steps to the voxel behind the end.
  for (int axis = 0; axis < 3; ++axis) {
    // Along a face of the grid neither end moves, or they would part.
    const double step = ray[axis] > 0 ? 1 : (ray[axis] < 0 ? -1 : 0);
    start[axis] += step * kInwards;
    end[axis] -= step * kInwards;
    const int first = static_cast<int>(std::floor(start[axis]));
    const int last = static_cast<int>(std::floor(end[axis]));
    behind[static_cast<size_t>(axis)] = (ray[axis] >= 0 ? last - first : first - last) + 1;
  }
  GridWalk walk(start, ray, 1);
  std::array<int, 3> most{}, outside{};
  for (size_t axis = 0; axis < 3; ++axis) {
    outside[axis] = walk.room()[axis] + 1;
    most[axis] = std::min(behind[axis], outside[axis]);
  }
  while (!walk.Took(behind)) {
    walk.Next();
    if (walk.Took(most) && walk.Took(outside)) return;
    visit(walk.index());
  }
}

/// The part of a ray (voxel coordinates) inside the grid, as distances along `direction`; nothing
/// where the ray misses it.
inline std::optional<std::array<double, 2>> GridInterval(const Eigen::Vector3d& origin,
                                                         const Eigen::Vector3d& direction) {
  double enter = 0, leave = std::numeric_limits<double>::infinity();
  constexpr std::array<int, 3> kSize = {VoxelGrid::kX, VoxelGrid::kY, VoxelGrid::kZ};
  for (int axis = 0; axis < 3; ++axis) {
    if (direction[axis] == 0) {
      if (origin[axis] < 0 || origin[axis] >= kSize[axis]) return std::nullopt;
      continue;
    }
    double a = -origin[axis] / direction[axis], b = (kSize[axis] - origin[axis]) / direction[axis];
    if (a > b) std::swap(a, b);
    enter = std::fmax(enter, a);
    leave = std::fmin(leave, b);
  }
  if (!(enter < leave)) return std::nullopt;
  return std::array<double, 2>{enter, leave};
}

/// Calls `visit(VoxelGrid::Index)` for the voxels along a ray (voxel coordinates), from where it
/// enters the grid, while `visit` returns true; the first voxel is reported too.
template <typename Visit>
void WalkRay(const Eigen::Vector3d& origin, const Eigen::Vector3d& direction, Visit&& visit) {
  const auto interval = GridInterval(origin, direction);
  if (!interval) return;
  // A hair inside, so that rounding does not begin outside.
  const Eigen::Vector3d start = origin + ((*interval)[0] + 1e-9) * direction;
  if (!VoxelGrid::Holds(static_cast<int>(std::floor(start.x())),
                        static_cast<int>(std::floor(start.y())),
                        static_cast<int>(std::floor(start.z()))))
    return;
  GridWalk walk(start, direction, (*interval)[1] - (*interval)[0]);
  std::array<int, 3> outside = walk.room();
  for (int& steps : outside) ++steps;
  while (!walk.Took(outside)) {
    if (!visit(walk.index())) return;
    walk.Next();
  }
}

}  // namespace occvla::geom
