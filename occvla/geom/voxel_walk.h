#pragma once
#include <Eigen/Core>
#include <array>
#include <cmath>
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

/// Calls `visit(i, j, k)` for the voxels from `start` (not reported) towards `end` (reported where
/// the walk meets it), both in voxels, `start` inside the grid; ends where the line leaves the
/// grid. The walk may pass the end by one voxel along an axis, as Occ3D's does
/// (facts/data-and-metrics.md H.2).
template <typename Visit>
void WalkSegment(Eigen::Vector3d start, Eigen::Vector3d end, Visit&& visit) {
  constexpr double kInwards = 1e-9;
  const Eigen::Vector3d ray = end - start;
  std::array<int, 3> last{};
  for (int axis = 0; axis < 3; ++axis) {
    // Along a face of the grid neither end moves, or they would part.
    const double step = ray[axis] > 0 ? 1 : (ray[axis] < 0 ? -1 : 0);
    start[axis] += step * kInwards;
    end[axis] -= step * kInwards;
    last[axis] = static_cast<int>(std::floor(end[axis]));
  }
  VoxelWalk walk(start, ray);
  const auto& step = walk.step();
  for (;;) {
    const auto& at = walk.voxel();
    if (step[0] * (at[0] - last[0]) >= 1 || step[1] * (at[1] - last[1]) >= 1 ||
        step[2] * (at[2] - last[2]) >= 1)
      return;
    walk.Next();
    const auto& [i, j, k] = walk.voxel();
    if (!VoxelGrid::Holds(i, j, k)) return;
    visit(i, j, k);
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

/// Calls `visit(i, j, k)` for the voxels along a ray (voxel coordinates), from where it enters the
/// grid, while `visit` returns true; the first voxel is reported too.
template <typename Visit>
void WalkRay(const Eigen::Vector3d& origin, const Eigen::Vector3d& direction, Visit&& visit) {
  const auto interval = GridInterval(origin, direction);
  if (!interval) return;
  // A hair inside, so that rounding does not begin outside.
  VoxelWalk walk(origin + ((*interval)[0] + 1e-9) * direction, direction);
  for (;;) {
    const auto& [i, j, k] = walk.voxel();
    if (!VoxelGrid::Holds(i, j, k) || !visit(i, j, k)) return;
    walk.Next();
  }
}

}  // namespace occvla::geom
