#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "occvla/eval/occupancy/confusion.h"
#include "occvla/eval/occupancy/rays.h"
#include "occvla/eval/shard.h"

namespace occvla::eval {

/// Everything that a report is made of; sums over keyframes.
struct OccupancyCounts {
  int64_t frames = 0;
  MaskedConfusions voxels;
  std::optional<RayCounts> rays;  ///< Absent where no origins are known.

  /// Throws DataError when one of the two has rays and the other none, unless one is empty.
  void Merge(const OccupancyCounts& other);
  friend bool operator==(const OccupancyCounts&, const OccupancyCounts&) = default;
};

/// design.md 5: {"camera": {"miou", "iou": {class: value}}, "lidar", "unmasked", "rayiou": {"1",
/// "2", "4", "mean"}}; null where there is no value; "rayiou" only with rays.
std::string OccupancyReportJson(const OccupancyCounts& counts);
/// The same for a terminal, in per cent, with the counts of voxels and rays.
std::string OccupancyReportText(const OccupancyCounts& counts);

/// A part as a file: the counts, which part it is, and a hash of what all parts together hold.
std::string OccupancyPartJson(const OccupancyCounts& counts, const Shard& shard,
                              const std::string& of_what);
struct NamedText {
  std::string name, text;
};
/// The whole from its parts, to the unsharded numbers exactly. Throws one DataError that names
/// every part that is missing, given twice, or of another evaluation.
OccupancyCounts MergeOccupancyParts(std::span<const NamedText> parts);

}  // namespace occvla::eval
