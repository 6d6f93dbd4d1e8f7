#include "occvla/serve/reply_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <random>

#include "occvla/base/base64.h"
#include "occvla/base/npy.h"
#include "occvla/eval/consistency.h"

namespace occvla::serve {
namespace {

using Json = nlohmann::ordered_json;
using data::OccupancyGrid;

template <typename T>
Json OrNull(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

// What prediction.h writes is the one list of fields.
Json WholeJson(const data::Prediction& prediction) { return Json::parse(data::ToJson(prediction)); }

}  // namespace

Json TrajectoryJson(const data::Prediction& prediction) {
  if (!prediction.trajectory_E) return nullptr;
  return {{"frame", "ego"}, {"step_s", 0.5}, {"points", WholeJson(prediction)["trajectory"]}};
}

Json MetaActionJson(const data::Prediction& prediction) {
  return prediction.meta_action ? Json(ToString(*prediction.meta_action)) : Json(nullptr);
}

Json TimingsJson(const data::Prediction& prediction) {
  data::Prediction timed;
  timed.timings = prediction.timings;
  auto timings = WholeJson(timed)["timings"];
  timings.erase("peak_memory_bytes");  // The machine's business; /metrics has it.
  return timings;
}

Json OccupancyJson(const OccupancyGrid& grid, OccupancyEncoding encoding) {
  const bool npz = encoding == OccupancyEncoding::kNpz;
  Json json{{"encoding", npz ? "npz" : "rle"},
            {"shape", {OccupancyGrid::kX, OccupancyGrid::kY, OccupancyGrid::kZ}},
            {"frame", "ego"},
            {"voxel_m", OccupancyGrid::kVoxel},
            {"origin_m", {-40.0, -40.0, -1.0}},
            {"classes", data::kOccupancyClasses}};
  const auto& labels = grid.labels;
  if (npz) {
    NpyArray array{.dtype = DType::kU8,
                   .shape = {OccupancyGrid::kX, OccupancyGrid::kY, OccupancyGrid::kZ},
                   .bytes = {}};
    array.bytes.resize(labels.size());
    std::memcpy(array.bytes.data(), labels.data(), labels.size());
    json["data"] = EncodeBase64(NpzBytes({{"pred", std::move(array)}}, /*deflate_level=*/1));
    return json;
  }
  Json runs = Json::array();
  for (size_t at = 0; at < labels.size();) {
    const auto end = std::find_if(labels.begin() + static_cast<ptrdiff_t>(at), labels.end(),
                                  [&](uint8_t label) { return label != labels[at]; });
    const auto next = static_cast<size_t>(end - labels.begin());
    runs.push_back({labels[at], next - at});
    at = next;
  }
  json["runs"] = std::move(runs);
  return json;
}

Json ConsistencyJson(const data::Prediction& prediction) {
  const auto found = eval::CheckConsistency(prediction);
  return {{"velocity_contradicted", OrNull(found.velocity_contradicted)},
          {"direction_contradicted", OrNull(found.direction_contradicted)},
          {"hits_fixed", OrNull(found.hits_fixed)},
          {"hits_movable", OrNull(found.hits_movable)},
          {"text_differs", OrNull(found.text_differs)}};
}

Json UsageJson(const data::Timings& timings, int64_t image_tokens) {
  const int64_t prompt = timings.prompt_tokens + image_tokens;
  return {{"prompt_tokens", prompt},
          {"completion_tokens", timings.new_tokens},
          {"total_tokens", prompt + timings.new_tokens},
          {"prompt_tokens_details",
           {{"cached_tokens", timings.frame_cached ? image_tokens : int64_t{0}}}}};
}

std::string FinishReason(const data::Prediction& prediction) {
  const auto& flags = prediction.flags;
  const bool cut = std::find(flags.begin(), flags.end(), "stopped_at_max_tokens") != flags.end();
  return cut ? "length" : "stop";
}

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

std::string NewId(const std::string& prefix) {
  thread_local std::random_device random;  // An address of the reply, no part of what is drawn.
  return fmt::format("{}{:08x}{:08x}{:08x}{:08x}", prefix, random(), random(), random(), random());
}

}  // namespace occvla::serve
