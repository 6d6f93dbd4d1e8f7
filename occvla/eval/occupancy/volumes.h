#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace occvla::eval {

/// True labels of one keyframe, of any shape, in C order.
struct TrueVolume {
  std::vector<int64_t> shape;                    ///< [x][y][z].
  std::vector<uint8_t> labels;                   ///< 0..17 or kIgnoredVoxel.
  std::vector<uint8_t> mask_lidar, mask_camera;  ///< 0 or 1.
};
struct PredictedVolume {
  std::vector<int64_t> shape;
  std::vector<uint8_t> labels;  ///< 0..17.
};

/// An npz with `semantics`, `mask_lidar` and `mask_camera` of one shape and any integer or bool
/// type. occ3d::ReadLabels is stricter: what trains is Occ3D's own. Throws DataError naming every
/// array that does not fit.
TrueVolume ReadTruth(const std::filesystem::path& path);
/// An npz with `pred` of any integer type.
PredictedVolume ReadPredictedVolume(const std::filesystem::path& path);

}  // namespace occvla::eval
