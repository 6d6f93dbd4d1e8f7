#pragma once
#include <cstddef>
#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/data/frame.h"
#include "occvla/data/nuscenes/dataset.h"

namespace occvla::serve::viewer {

class RunFolder;

/// Which occupied voxels are given out; the others count as free. The masks are those of the
/// frame's labels.
enum class Mask { kNone, kCamera, kLidar };

struct SourceOptions {
  std::string name;                         ///< Of the data set, as the page shows it.
  std::vector<std::filesystem::path> runs;  ///< Folders of `occvla eval run`.
};

/// What the viewer shows: the frames of one data set, and what runs predicted of them. Every name
/// that a request brings is looked up here; none becomes part of a path. Any thread may use it.
class Source {
 public:
  /// Without a data set there are no frames. Throws DataError for a run folder that cannot be read,
  /// or whose predictions are all of other frames.
  Source(std::shared_ptr<const data::nuscenes::Dataset> dataset, const SourceOptions& options);
  ~Source();

  /// Nothing for a text that is no keyframe's token here.
  std::optional<data::Frame> FrameOf(std::string_view token) const;
  /// nullptr for a name that no run has.
  const RunFolder* FindRun(std::string_view name) const;
  size_t run_count() const;

  /// {"datasets": [{"name", "version", "scenes": [{"token", "name", "description", "location",
  /// "frames": [token...]}]}], "runs": [{"name", "frames", "occupancy"}]}.
  nlohmann::ordered_json Overview() const;
  /// Everything about a frame but its images and voxels (docs/VIEWER.md). Nothing for an unknown
  /// token.
  std::optional<nlohmann::ordered_json> FrameJson(std::string_view token) const;
  /// Labels [200][200][16] of the frame, or of a run's prediction. Nothing where there are none.
  /// Throws DataError for a damaged file.
  std::optional<std::string> Occupancy(const data::Frame& frame, const RunFolder* run,
                                       Mask mask) const;
  /// {"run", "reports": {"planning": ..., ...}, "frames": [{"token", "scene", "l2": [6 or null],
  /// "collision", "off_road", "velocity_right", "direction_right"}]}, measured when first asked
  /// for.
  std::shared_ptr<const nlohmann::ordered_json> Metrics(const RunFolder& run) const;
  /// {"a", "b", "by", "frames": [{"token", "scene", "difference", "plan_m", "action_differs",
  /// "text_differs", "voxels"}]}, largest difference first; `by` is plan, action, text or voxels.
  /// Voxels are compared, and "voxels" stands there, only when sorting by them.
  nlohmann::ordered_json Compare(const RunFolder& a, const RunFolder& b, std::string_view by) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace occvla::serve::viewer
