#include "occvla/data/prediction.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "occvla/base/error.h"
#include "occvla/base/json.h"
#include "occvla/base/npy.h"

namespace occvla::data {
namespace {

constexpr size_t kMostTokens = 1 << 20;
constexpr std::array<int64_t, 3> kGridShape = {OccupancyGrid::kX, OccupancyGrid::kY,
                                               OccupancyGrid::kZ};

// The one list of timing fields: written and read through it.
template <typename TimingsType, typename Visitor>
void VisitTimings(TimingsType& timings, Visitor&& visit) {
  visit("image_ms", timings.image_ms);
  visit("vision_ms", timings.vision_ms);
  visit("prefill_ms", timings.prefill_ms);
  visit("prompt_ms", timings.prompt_ms);
  visit("decode_ms", timings.decode_ms);
  visit("occupancy_ms", timings.occupancy_ms);
  visit("planner_ms", timings.planner_ms);
  visit("total_ms", timings.total_ms);
  visit("prompt_tokens", timings.prompt_tokens);
  visit("new_tokens", timings.new_tokens);
  visit("frame_cached", timings.frame_cached);
  visit("peak_memory_bytes", timings.peak_memory_bytes);
}

void ReadInto(const JsonNode& node, double& value) { value = node.Number(); }
void ReadInto(const JsonNode& node, int64_t& value) {
  value = node.Int(0, std::numeric_limits<int64_t>::max());
}
void ReadInto(const JsonNode& node, uint64_t& value) { value = node.Unsigned(); }
void ReadInto(const JsonNode& node, bool& value) { value = node.Bool(); }

void ReadTimings(const JsonNode& node, Timings& timings) {
  node.RefuseOthers({"image_ms", "vision_ms", "prefill_ms", "prompt_ms", "decode_ms",
                     "occupancy_ms", "planner_ms", "total_ms", "prompt_tokens", "new_tokens",
                     "frame_cached", "peak_memory_bytes"});
  VisitTimings(timings, [&](const char* name, auto& value) { ReadInto(node.At(name), value); });
}

std::array<std::array<double, 2>, 6> ReadTrajectory(const JsonNode& node) {
  std::array<std::array<double, 2>, 6> trajectory_E{};
  if (!node.is_array() || node.size() != trajectory_E.size()) {
    node.Fail("must be 6 points [x, y], 0.5 s apart, but is " +
              (node.is_array() ? fmt::format("{} of them", node.size()) : node.json().dump()));
  }
  for (size_t index = 0; index < trajectory_E.size(); ++index) {
    const std::vector<double> point = node.At(index).Numbers(2);
    trajectory_E[index] = {point[0], point[1]};
  }
  return trajectory_E;
}

}  // namespace

std::string ToJson(const Prediction& prediction, const std::string& occupancy_file) {
  nlohmann::ordered_json json;
  json["token"] = prediction.token;
  json["meta_action"] = nullptr;
  if (prediction.meta_action) json["meta_action"] = ToString(*prediction.meta_action);
  json["trajectory"] = nullptr;
  if (prediction.trajectory_E) {
    for (const auto& [x, y] : *prediction.trajectory_E) {
      // JSON has no NaN: it would be written as null and read as damage.
      if (!std::isfinite(x) || !std::isfinite(y)) {
        throw DataError(
            fmt::format("prediction {}: the trajectory has a value that is not finite; "
                        "check the checkpoint's planner for NaN.",
                        prediction.token));
      }
    }
    json["trajectory"] = *prediction.trajectory_E;
  }
  json["text"] = prediction.text;
  json["token_ids"] = prediction.token_ids;
  if (!occupancy_file.empty()) json["occupancy_file"] = occupancy_file;
  nlohmann::ordered_json& timings = json["timings"];
  VisitTimings(prediction.timings, [&](const char* name, auto value) { timings[name] = value; });
  json["flags"] = prediction.flags;
  // A generated text may end inside a character: what is no UTF-8 becomes U+FFFD.
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

Prediction PredictionFromJson(const std::string& json, const std::string& where) {
  const nlohmann::json document = ParseJson(json, where);
  const JsonNode root(document, where);
  root.RefuseOthers({"token", "meta_action", "trajectory", "text", "token_ids", "occupancy_file",
                     "timings", "flags"});
  Prediction prediction;
  prediction.token = root.At("token").String();
  if (const auto node = root.Find("meta_action")) {
    prediction.meta_action = ParseMetaAction(node->String());
    if (!prediction.meta_action) {
      node->Fail(
          "must be \"<velocity>, <direction>\" such as \"Maintain speed, Go Straight\", but "
          "is " +
          node->json().dump());
    }
  }
  if (const auto node = root.Find("trajectory")) prediction.trajectory_E = ReadTrajectory(*node);
  prediction.text = root.At("text").String();
  if (const auto node = root.Find("token_ids")) {
    if (node->size() > kMostTokens) node->Fail(fmt::format("has more than {} ids", kMostTokens));
    prediction.token_ids = node->Ints();
  }
  if (const auto node = root.Find("occupancy_file")) (void)node->String();
  if (const auto node = root.Find("timings")) ReadTimings(*node, prediction.timings);
  if (const auto node = root.Find("flags")) prediction.flags = node->Strings();
  return prediction;
}

void WriteOccupancy(const std::filesystem::path& path, const OccupancyGrid& occupancy) {
  NpyArray array{.dtype = DType::kU8, .shape = {kGridShape.begin(), kGridShape.end()}, .bytes = {}};
  OCCVLA_DCHECK(static_cast<int64_t>(occupancy.labels.size()) == array.elements());
  array.bytes.resize(occupancy.labels.size());
  std::memcpy(array.bytes.data(), occupancy.labels.data(), occupancy.labels.size());
  WriteNpz(path, {{"pred", std::move(array)}});
}

OccupancyGrid ReadOccupancy(const std::filesystem::path& path) {
  const auto arrays = ReadNpz(path, {.max_array_bytes = uint64_t{16} << 20, .max_arrays = 16});
  const auto found = arrays.find("pred");
  if (found == arrays.end()) {
    throw DataError(path.string() + ": has no array \"pred\". Expected uint8 [200, 200, 16].");
  }
  const NpyArray& array = found->second;
  if (array.dtype != DType::kU8 ||
      !std::equal(array.shape.begin(), array.shape.end(), kGridShape.begin(), kGridShape.end())) {
    throw DataError(fmt::format("{}: \"pred\" must be uint8 [200, 200, 16], but is {} [{}].",
                                path.string(), SafetensorsName(array.dtype),
                                fmt::join(array.shape, ", ")));
  }
  OccupancyGrid grid;
  grid.labels.resize(array.bytes.size());
  std::memcpy(grid.labels.data(), array.bytes.data(), array.bytes.size());
  const auto bad = std::find_if(grid.labels.begin(), grid.labels.end(),
                                [](uint8_t label) { return label >= kOccupancyClasses.size(); });
  if (bad != grid.labels.end()) {
    throw DataError(
        fmt::format("{}: \"pred\" holds label {} at index {}; classes run from 0 to {}.",
                    path.string(), *bad, bad - grid.labels.begin(), kOccupancyClasses.size() - 1));
  }
  return grid;
}

}  // namespace occvla::data
