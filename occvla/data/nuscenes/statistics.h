#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/data/nuscenes/dataset.h"
#include "occvla/data/occ3d/labels.h"

namespace occvla::data::nuscenes {

/// How often something occurs.
struct Count {
  std::string name;
  uint64_t count = 0;
};

/// Values in equal bins from `low` on; the last bin also holds everything beyond it, the first
/// everything below.
struct Distribution {
  double low = 0, bin_width = 1;
  std::vector<uint64_t> bins;
  uint64_t count = 0;
  double sum = 0, smallest = 0, largest = 0;

  Distribution(double low_value, double width, size_t bin_count)
      : low(low_value), bin_width(width), bins(bin_count) {}
  void Add(double value);
  double Mean() const { return count > 0 ? sum / static_cast<double>(count) : 0; }
};

/// What a split of a data set holds. Lists by count are sorted, largest first, equal ones by name.
struct Statistics {
  std::string version, split;
  uint64_t scenes = 0, keyframes = 0, boxes = 0, tracks = 0;
  std::vector<Count> places;  ///< Scenes by location.
  std::vector<Count> categories, attributes;
  std::array<uint64_t, 5> visibility{};  ///< Boxes by level; 0 = not stated.
  std::vector<Count> lidar_points;       ///< Boxes by lidar points, in the order of the numbers.
  uint64_t boxes_without_velocity = 0;
  Distribution box_speed{0, 1, 20};     ///< m/s, of boxes with a velocity.
  Distribution box_distance{0, 5, 20};  ///< Metres from the ego origin, seen from above.
  Distribution ego_speed{0, 1, 20};     ///< m/s.
  Distribution gap{0.3, 0.02, 20};      ///< Seconds from a keyframe to the next.

  uint64_t meta_actions = 0;  ///< Labelled keyframes.
  std::array<std::array<uint64_t, kDirectionNames.size()>, kVelocityNames.size()> meta_action{};

  uint64_t occupancy_frames = 0;  ///< Keyframes with labels.
  uint64_t occupancy_read = 0;    ///< Of which so many, evenly spread, are counted here.
  occ3d::LabelCounts occupancy;

  uint64_t questions = 0;
  std::vector<Count> question_kinds;  ///< In the order of their names.
};

struct StatisticsOptions {
  std::string split = "all";
  size_t occupancy_frames = 200;  ///< At most so many labels are read.
  /// Called on the caller's thread; what it throws ends the counting.
  std::function<void(uint64_t done, uint64_t total)> progress = {};
};

/// Counts a split. The same data give the same numbers. Throws as Dataset does, and DataError for
/// occupancy labels that cannot be read.
Statistics MeasureDataset(const Dataset& dataset, const StatisticsOptions& options);

}  // namespace occvla::data::nuscenes
