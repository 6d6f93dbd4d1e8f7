#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

namespace occvla::data::occ3d {

/// One keyframe's `labels.npz` (facts/data-and-metrics.md B.1): [200][200][16] each, first axis x,
/// 0.4 m voxels from (-40, -40, -1) m in E.
struct Labels {
  std::vector<uint8_t> semantics;    ///< 0..17, 17 = free.
  std::vector<uint8_t> mask_lidar;   ///< 0 or 1.
  std::vector<uint8_t> mask_camera;  ///< 0 or 1.
};

/// Throws DataError naming the file, the array and the first value that does not belong there.
Labels ReadLabels(const std::filesystem::path& path);
/// Atomic; the same labels give the same bytes.
void WriteLabels(const std::filesystem::path& path, const Labels& labels);

}  // namespace occvla::data::occ3d
