#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace occvla::eval {

inline constexpr size_t kVoxelClasses = 18;     ///< Index = label; 17 = free.
inline constexpr size_t kOccupiedClasses = 17;  ///< Those that a mean is taken over.
inline constexpr uint8_t kIgnoredVoxel = 255;   ///< A true label that no count includes.

/// Voxels by true (first) and predicted class. Counts of parts add up to those of the whole.
struct Confusion {
  std::array<std::array<int64_t, kVoxelClasses>, kVoxelClasses> counts{};

  void Merge(const Confusion& other);
  friend bool operator==(const Confusion&, const Confusion&) = default;
};

/// Intersection over union by class, and its mean over those classes of the 17 that have one.
struct ClassIou {
  std::array<std::optional<double>, kOccupiedClasses> iou{};  ///< Empty: 0/0.
  std::optional<double> mean;
};

/// H[c][c] / (row + column - H[c][c]) as CVPR 2023's challenge counts it: what is free in the truth
/// or in the prediction counts as miss or false alarm, free itself has no part in the mean
/// (facts/data-and-metrics.md B.4).
ClassIou IouOf(const Confusion& confusion);
/// The mean over those values that there are; empty without any.
std::optional<double> MeanOf(std::span<const std::optional<double>> values);

/// The three samples of voxels that papers count.
struct MaskedConfusions {
  Confusion camera, lidar, unmasked;

  void Merge(const MaskedConfusions& other);
  friend bool operator==(const MaskedConfusions&, const MaskedConfusions&) = default;
};

/// One keyframe's voxels; arrays of one length. Not owned.
struct VoxelLabels {
  std::span<const uint8_t> truth;                    ///< 0..17 or kIgnoredVoxel.
  std::span<const uint8_t> mask_lidar, mask_camera;  ///< 0 or 1.
  std::span<const uint8_t> prediction;               ///< 0..17.
};

/// Counts a keyframe's voxels. Values must be in range: ReadTruth and ReadPrediction see to it.
MaskedConfusions CountVoxels(const VoxelLabels& voxels);

}  // namespace occvla::eval
