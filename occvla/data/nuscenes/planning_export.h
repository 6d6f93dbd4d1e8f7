#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "occvla/data/nuscenes/tables.h"

/// The ground truth of open-loop planning: what `occvla eval planning` compares predictions with.
/// Everything is in the ego frame E at the keyframe's time t0, steps are the next six keyframes.
namespace occvla::data::nuscenes {

/// An annotated box seen from above.
struct PlanningAgent {
  double x_E = 0, y_E = 0;       ///< Centre.
  double length = 0, width = 0;  ///< Metres.
  double yaw_E = 0;              ///< Radians, counter-clockwise from x.
  std::string category, id;      ///< `id` is the instance's token.
  int64_t lidar_points = 0, radar_points = 0;
};

struct PlanningTruth {
  std::string scene;
  int frames_before = 0, frames_after = 0;    ///< Keyframes of the scene before and after t0.
  std::array<double, 3> lidar_translation{};  ///< Mount of LIDAR_TOP in E.
  double lidar_yaw = 0;
  /// Ego positions and headings; meaningless (zero) where the scene has ended.
  std::array<std::array<double, 2>, 6> positions_E{};
  std::array<double, 6> yaws_E{};
  std::array<bool, 6> valid{};
  std::vector<PlanningAgent> agents_now;
  std::array<std::vector<PlanningAgent>, 6> agents;
  /// Instances that are more than 40 % visible (level 2 or better) now or at one of the two
  /// keyframes before, sorted.
  std::vector<std::string> seen;
};

/// The truth of a keyframe. The ego pose of a keyframe is its LIDAR_TOP file's; throws DataError
/// when it, or one of the six after it, has none.
PlanningTruth PlanningTruthOf(const Tables& tables, Row sample);

/// The record as the file holds it, one line; numbers read back as exactly the same doubles.
std::string ToJson(const PlanningTruth& truth);

/// Writes {"<sample token>": record, ...} for the keyframes in their order, atomically and in the
/// memory of one record. `progress` is called after each with how many are done; what it throws
/// ends the export and leaves no file.
void ExportPlanning(const Tables& tables, std::span<const Row> keyframes,
                    const std::filesystem::path& path,
                    const std::function<void(uint64_t done)>& progress = {});

}  // namespace occvla::data::nuscenes
