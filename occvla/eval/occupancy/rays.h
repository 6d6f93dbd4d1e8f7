#pragma once
#include <Eigen/Core>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "occvla/eval/occupancy/confusion.h"

namespace occvla::eval {

inline constexpr std::array<double, 3> kRayThresholds_m = {1, 2, 4};

/// The 39 x 360 unit directions in single precision that SparseOcc casts from every origin, in E.
const std::vector<Eigen::Vector3f>& RayDirections();

/// Where a ray through a volume ends.
struct RayHit {
  uint8_t label = 0;   ///< kFreeClass where it met nothing.
  float distance = 0;  ///< Metres to where it leaves that voxel.
};
/// What one ray meets in two volumes.
struct RayPair {
  RayHit truth, prediction;
};

/// Casts a ray of RayDirections from an origin through both volumes, [200][200][16] each, as
/// SparseOcc does (single precision included). A ray that never enters the grid ends in voxel (0,
/// 0, 0) at -0.4 m.
RayPair CastRay(const Eigen::Vector3d& origin_E, const Eigen::Vector3f& direction_E,
                std::span<const uint8_t> truth, std::span<const uint8_t> prediction);

/// Rays that hit something in the truth, by class. Counts of parts add up to those of the whole.
struct RayCounts {
  int64_t rays = 0;  ///< That are not free in the truth.
  std::array<int64_t, kOccupiedClasses> truth{}, predicted{};
  /// By kRayThresholds_m: the class is right and the distance within the threshold.
  std::array<std::array<int64_t, kOccupiedClasses>, kRayThresholds_m.size()> right{};

  void Merge(const RayCounts& other);
  friend bool operator==(const RayCounts&, const RayCounts&) = default;
};

/// All rays of a keyframe. Volumes as CastRay takes them; true voxels of kIgnoredVoxel stop a ray
/// and belong to no class.
RayCounts CountRays(std::span<const Eigen::Vector3d> origins_E, std::span<const uint8_t> truth,
                    std::span<const uint8_t> prediction);

struct RayIou {
  std::array<std::array<std::optional<double>, kOccupiedClasses>, kRayThresholds_m.size()> iou{};
  std::array<std::optional<double>, kRayThresholds_m.size()> at;  ///< Means over the classes.
  std::optional<double> mean;                                     ///< Over all values of `iou`.
};
RayIou RayIouOf(const RayCounts& counts);

}  // namespace occvla::eval
