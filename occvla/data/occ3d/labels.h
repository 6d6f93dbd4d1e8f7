#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
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
/// The same from an image in memory; `where` opens every complaint.
Labels ParseLabels(std::span<const std::byte> file, const std::string& where);
/// Atomic; the same labels give the same bytes.
void WriteLabels(const std::filesystem::path& path, const Labels& labels);

/// How many voxels of one keyframe are what.
struct LabelCounts {
  std::array<int64_t, 18> classes{};  ///< By semantics.
  /// [occupied][lidar][camera], occupied = not free. [.][0][1] is empty wherever the camera's mask
  /// lies within the lidar's, as in all published files.
  std::array<std::array<std::array<int64_t, 2>, 2>, 2> masks{};

  int64_t Occupied() const;
  int64_t SeenByLidar() const;
  int64_t SeenByCamera() const;
};
/// Of labels as ReadLabels gives them.
LabelCounts CountLabels(const Labels& labels);

}  // namespace occvla::data::occ3d
