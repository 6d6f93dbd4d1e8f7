#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "occvla/data/prediction.h"

namespace occvla::serve {

/// {"frame": "ego", "step_s": 0.5, "points": [[x, y] x 6]}, or null. Throws DataError for numbers
/// that are none.
nlohmann::ordered_json TrajectoryJson(const data::Prediction& prediction);
/// "<velocity>, <direction>" or null.
nlohmann::ordered_json MetaActionJson(const data::Prediction& prediction);
nlohmann::ordered_json TimingsJson(const data::Prediction& prediction);

enum class OccupancyEncoding { kNpz, kRuns };
/// {"encoding", "shape", "frame", "voxel_m", "origin_m", "classes"} and "data" (npz: base64 of an
/// npz file with `pred` uint8 [200, 200, 16]) or "runs" (rle: [class, count] in C order).
nlohmann::ordered_json OccupancyJson(const data::OccupancyGrid& grid, OccupancyEncoding encoding);

/// Whether trajectory, meta action, text and occupancy contradict each other (eval/consistency.h);
/// null where the prediction has not what it takes.
nlohmann::ordered_json ConsistencyJson(const data::Prediction& prediction);

/// OpenAI's usage. `image_tokens` count as prompt tokens, and as cached ones where the frame's
/// prefill was.
nlohmann::ordered_json UsageJson(const data::Timings& timings, int64_t image_tokens);

/// "stop" or "length".
std::string FinishReason(const data::Prediction& prediction);

/// JSON as text; what is no UTF-8 becomes U+FFFD.
std::string Dump(const nlohmann::ordered_json& json);

/// `prefix` and 128 random bits.
std::string NewId(const std::string& prefix);

}  // namespace occvla::serve
