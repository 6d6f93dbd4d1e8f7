#pragma once
#include <Eigen/Core>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace occvla::geom {

/// The Occ3D grid in the ego frame: [200][200][16] voxels of 0.4 m from (-40, -40, -1) m, C order,
/// first axis x (facts/data-and-metrics.md B.1).
struct VoxelGrid {
  static constexpr int kX = 200, kY = 200, kZ = 16;
  static constexpr size_t kCount = size_t{kX} * kY * kZ;
  static constexpr double kVoxel = 0.4;
  static constexpr double kMinX = -40, kMinY = -40, kMinZ = -1;

  static constexpr bool Holds(int i, int j, int k) {
    return i >= 0 && i < kX && j >= 0 && j < kY && k >= 0 && k < kZ;
  }
  static constexpr size_t Index(int i, int j, int k) {
    return (static_cast<size_t>(i) * kY + static_cast<size_t>(j)) * kZ + static_cast<size_t>(k);
  }
  static Eigen::Vector3d Minimum() { return {kMinX, kMinY, kMinZ}; }
  /// p_EQ in voxels from the grid's corner: voxel (i, j, k) spans [i, i + 1) and so on.
  static Eigen::Vector3d ToVoxels(const Eigen::Vector3d& p_EQ) {
    return (p_EQ - Minimum()) / kVoxel;
  }
  static Eigen::Vector3d Centre(int i, int j, int k) {
    return Minimum() + kVoxel * Eigen::Vector3d(i + 0.5, j + 0.5, k + 0.5);
  }
  /// The voxel that holds a point, if the grid does.
  static std::optional<std::array<int, 3>> Locate(const Eigen::Vector3d& p_EQ) {
    const Eigen::Vector3d v = ToVoxels(p_EQ);
    const int i = static_cast<int>(std::floor(v.x())), j = static_cast<int>(std::floor(v.y())),
              k = static_cast<int>(std::floor(v.z()));
    if (!Holds(i, j, k)) return std::nullopt;
    return std::array<int, 3>{i, j, k};
  }
};

}  // namespace occvla::geom
