#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "occvla/data/nuscenes/dataset.h"
#include "occvla/eval/planning/measure.h"

/// Measuring a whole set of frames, or a shard of it, from prediction files.
namespace occvla::eval {

/// The axes that the numbers of a prediction file are in: the ego frame at t0 (the ego origin's
/// position), or the axes of LIDAR_TOP at t0 (the lidar's own, absolute displacement).
enum class PredictionFrame : uint8_t { kEgo, kLidar };

struct PlanningRun {
  std::filesystem::path predictions;
  PredictionFrame frame = PredictionFrame::kEgo;
  /// The frames whose place in the ground truth leaves `shard` when divided by `shards`.
  uint64_t shard = 0, shards = 1;
  std::function<void(uint64_t done, uint64_t total)> progress{};
};

/// Measures against a ground-truth file. Only the yaw of the lidar's mount is known to it.
std::vector<FrameMeasures> MeasurePlanning(const std::filesystem::path& ground_truth,
                                           const PlanningRun& run);
/// Measures against keyframes of a data set: with real times, the past, and the map where it is.
std::vector<FrameMeasures> MeasurePlanning(const data::nuscenes::Dataset& dataset,
                                           std::span<const data::nuscenes::Row> keyframes,
                                           const PlanningRun& run);

}  // namespace occvla::eval
