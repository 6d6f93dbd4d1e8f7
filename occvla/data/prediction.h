#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/data/meta_action.h"

namespace occvla::data {

/// Semantic classes of Occ3D-nuScenes, index = label.
inline constexpr std::array<std::string_view, 18> kOccupancyClasses = {
    "others",     "barrier",    "bicycle",      "bus",     "car",        "construction_vehicle",
    "motorcycle", "pedestrian", "traffic_cone", "trailer", "truck",      "driveable_surface",
    "other_flat", "sidewalk",   "terrain",      "manmade", "vegetation", "free"};
inline constexpr uint8_t kFreeClass = 17;

/// Dense labels [200][200][16], first axis x, C order; 0.4 m voxels from (-40, -40, -1) m in the
/// ego frame.
struct OccupancyGrid {
  static constexpr int kX = 200, kY = 200, kZ = 16;
  static constexpr double kVoxel = 0.4;
  std::vector<uint8_t> labels;  ///< kX * kY * kZ values below 18.
};

/// Where the time went, milliseconds; what was reused is 0.
struct Timings {
  double image_ms = 0;    ///< Decode, resize, normalise.
  double vision_ms = 0;   ///< SigLIP and projector.
  double prefill_ms = 0;  ///< Image tokens through the language model.
  double prompt_ms = 0;   ///< Text prefix.
  double decode_ms = 0;   ///< All new tokens.
  double occupancy_ms = 0;
  double planner_ms = 0;
  double total_ms = 0;
  int64_t prompt_tokens = 0;
  int64_t new_tokens = 0;
  bool frame_cached = false;       ///< Vision and image prefill came from an earlier request.
  uint64_t peak_memory_bytes = 0;  ///< Peak resident memory of the process so far.
};

/// HAND-OVER 4: what a model said about a frame.
struct Prediction {
  std::string token;
  /// p_E at 0.5 s .. 3.0 s: metres in the ego frame at the frame's time, x forward, y left.
  std::optional<std::array<std::array<double, 2>, 6>> trajectory_E;
  std::optional<MetaAction> meta_action;
  std::string text;
  std::vector<int64_t> token_ids;  ///< Generated ids, the stop token left out.
  std::optional<OccupancyGrid> occupancy;
  Timings timings;
  /// Fallbacks taken and consistency warnings, one short word list each:
  /// "meta_action_fallback_past", "meta_action_fallback_default", "stopped_at_max_tokens", ...
  std::vector<std::string> flags;
};

/// The JSON for people and tools (docs/API.md). `occupancy_file` is named in it when not empty.
std::string ToJson(const Prediction& prediction, const std::string& occupancy_file = "");
Prediction PredictionFromJson(const std::string& json, const std::string& where);

/// `<sample_token>.npz` with `pred` uint8 [200, 200, 16].
void WriteOccupancy(const std::filesystem::path& path, const OccupancyGrid& occupancy);
OccupancyGrid ReadOccupancy(const std::filesystem::path& path);

}  // namespace occvla::data
