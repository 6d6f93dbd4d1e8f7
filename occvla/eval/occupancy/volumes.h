#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace occvla::eval {

/// One byte for each voxel, in the memory that the file was read into.
class VoxelBytes {
 public:
  VoxelBytes() = default;
  explicit VoxelBytes(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}
  operator std::span<const uint8_t>() const {
    return {reinterpret_cast<const uint8_t*>(bytes_.data()), bytes_.size()};
  }

 private:
  std::vector<std::byte> bytes_;
};

/// True labels of one keyframe, of any shape, in C order.
struct TrueVolume {
  std::vector<int64_t> shape;          ///< [x][y][z].
  VoxelBytes labels;                   ///< 0..17 or kIgnoredVoxel.
  VoxelBytes mask_lidar, mask_camera;  ///< 0 or 1.
};
struct PredictedVolume {
  std::vector<int64_t> shape;
  VoxelBytes labels;  ///< 0..17.
};

/// An npz with `semantics`, `mask_lidar` and `mask_camera` of one shape and any integer or bool
/// type. occ3d::ReadLabels is stricter: what trains is Occ3D's own. Throws DataError naming every
/// array that does not fit.
TrueVolume ReadTruth(const std::filesystem::path& path);
/// An npz with `pred` of any integer type.
PredictedVolume ReadPredictedVolume(const std::filesystem::path& path);

}  // namespace occvla::eval
