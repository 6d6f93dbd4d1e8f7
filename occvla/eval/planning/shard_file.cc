#include "occvla/eval/planning/shard_file.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/json.h"
#include "occvla/base/text.h"
#include "occvla/data/complaints.h"
#include "occvla/data/json_walk.h"

namespace occvla::eval {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kVersion = 1;
constexpr size_t kMostFrameBytes = 64 << 10;
constexpr double kMostNumber = 1e12;

Json ToJson(const TrackMeasures& track) {
  Json motion = Json::object();
  Motion values = track.motion;
  values.VisitFields([&](const char* name, double& value) { motion[name] = value; });
  return {{"error", track.error},
          {"events", track.events},
          {"clean_error", track.clean_error},
          {"overlaps", track.overlaps},
          {"off_road", track.off_road},
          {"motion", motion}};
}

Json ToJson(const FrameMeasures& frame) {
  Json json = {{"scene", frame.scene},
               {"frames_before", frame.frames_before},
               {"frames_after", frame.frames_after},
               {"valid", frame.valid}};
  if (!frame.prediction) {
    json["dropped"] = frame.dropped;
    return json;
  }
  Json motion = Json::object();
  Motion values = frame.truth_motion;
  values.VisitFields([&](const char* name, double& value) { motion[name] = value; });
  json["clean"] = static_cast<int>(frame.clean);
  json["real_times"] = frame.real_times;
  json["road_known"] = frame.road_known;
  json["truth"] = {
      {"overlaps", frame.truth_overlaps}, {"off_road", frame.truth_off_road}, {"motion", motion}};
  json["reading_errors"] = frame.reading_errors;
  json["first_distance"] = frame.first_distance;
  json["prediction"] = ToJson(*frame.prediction);
  json["stationary"] = ToJson(*frame.stationary);
  if (frame.constant_velocity) json["constant_velocity"] = ToJson(*frame.constant_velocity);
  return json;
}

double NumberOf(const JsonNode& node) {
  const double number = node.Number();
  if (number < 0 || number > kMostNumber) node.Fail("must be from 0 to 1e12");
  return number;
}

template <size_t N>
void ReadNumbers(const JsonNode& node, std::array<double, N>* numbers) {
  if (node.size() != N) node.Fail("must have " + std::to_string(N) + " numbers");
  for (size_t at = 0; at < N; ++at) (*numbers)[at] = NumberOf(node.At(at));
}

uint8_t StepsOf(const JsonNode& node) { return static_cast<uint8_t>(node.Int(0, 63)); }

void ReadMotion(const JsonNode& node, Motion* motion) {
  motion->VisitFields(
      [&](const char* name, double& value) { value = NumberOf(node.At(std::string_view(name))); });
}

TrackMeasures ReadTrack(const JsonNode& node) {
  TrackMeasures track;
  ReadNumbers(node.At("error"), &track.error);
  const JsonNode events = node.At("events");
  if (events.size() != kEventRules) events.Fail("must have a value for each of eight rules");
  for (size_t rule = 0; rule < kEventRules; ++rule) track.events[rule] = StepsOf(events.At(rule));
  ReadNumbers(node.At("clean_error"), &track.clean_error);
  track.overlaps = StepsOf(node.At("overlaps"));
  track.off_road = StepsOf(node.At("off_road"));
  ReadMotion(node.At("motion"), &track.motion);
  return track;
}

FrameMeasures ReadFrame(const std::string& token, const JsonNode& node) {
  FrameMeasures frame;
  frame.token = token;
  frame.scene = node.At("scene").String();
  frame.frames_before = static_cast<int>(node.At("frames_before").Int(0, 1'000'000));
  frame.frames_after = static_cast<int>(node.At("frames_after").Int(0, 1'000'000));
  frame.valid = StepsOf(node.At("valid"));
  if (const auto dropped = node.Find("dropped")) {
    frame.dropped = dropped->String();
    if (frame.dropped.empty()) dropped->Fail("must say why");
    return frame;
  }
  frame.clean = static_cast<CleanUse>(node.At("clean").Int(0, 2));
  frame.real_times = node.At("real_times").Bool();
  frame.road_known = node.At("road_known").Bool();
  const JsonNode truth = node.At("truth");
  frame.truth_overlaps = StepsOf(truth.At("overlaps"));
  frame.truth_off_road = StepsOf(truth.At("off_road"));
  ReadMotion(truth.At("motion"), &frame.truth_motion);
  ReadNumbers(node.At("reading_errors"), &frame.reading_errors);
  frame.first_distance = NumberOf(node.At("first_distance"));
  frame.prediction = ReadTrack(node.At("prediction"));
  frame.stationary = ReadTrack(node.At("stationary"));
  if (const auto track = node.Find("constant_velocity"))
    frame.constant_velocity = ReadTrack(*track);
  return frame;
}

}  // namespace

std::string ToJson(const PlanningShard& shard) {
  const Json head = {{"planning_shard", kVersion},
                     {"shard", shard.shard},
                     {"shards", shard.shards},
                     {"run", shard.run}};
  std::string text = head.dump();
  text.pop_back();
  text += ",\"frames\":{";
  for (size_t at = 0; at < shard.frames.size(); ++at) {
    text += at == 0 ? "\n" : ",\n";
    text += Json(shard.frames[at].token).dump() + ":" + ToJson(shard.frames[at]).dump();
  }
  return text + "\n}}\n";
}

PlanningShard ParsePlanningShard(std::string_view text, const std::string& where) {
  PlanningShard shard;
  data::Complaints complaints;
  data::JsonWalk walk(text, where);
  int fields = 0;
  const auto value = [&](const std::string& name) {
    return ParseJson(walk.Value(kMostFrameBytes), where + ", " + name);
  };
  const auto read_field = [&](std::string_view name) {
    ++fields;
    if (name == "frames") {
      walk.Object([&](std::string_view token) {
        const std::string place = "frame " + Quoted(token);
        const std::string_view json = walk.Value(kMostFrameBytes);
        try {
          const nlohmann::json document = ParseJson(json, place);
          shard.frames.push_back(ReadFrame(std::string(token), JsonNode(document, place)));
        } catch (const DataError& error) {
          complaints.AddWhole(error.what());
        }
      });
      return;
    }
    const nlohmann::json document = value(std::string(name));
    const JsonNode node(document, where + ", " + std::string(name));
    if (name == "planning_shard") {
      node.Int(kVersion, kVersion);
    } else if (name == "shard") {
      shard.shard = node.Unsigned();
    } else if (name == "shards") {
      shard.shards = node.Unsigned();
    } else if (name == "run") {
      shard.run = node.String();
    } else {
      node.Fail("is no field of a shard");
    }
  };
  try {
    walk.Object(read_field);
    walk.End();
    if (fields != 5)
      complaints.AddWhole(where +
                          ": must have planning_shard, shard, shards, run "
                          "and frames");
    if (shard.shards == 0 || shard.shards > 1'000'000 || shard.shard >= shard.shards)
      complaints.AddWhole(where + ": shard must be below shards, and shards at most 1000000");
  } catch (const DataError& error) {
    complaints.AddWhole(error.what());
  }
  complaints.Throw(where + " is not usable as a shard of `eval planning`",
                   "`occvla eval planning --shard i/n --out PART.json` writes one.");
  return shard;
}

std::vector<FrameMeasures> MergePlanningShards(std::span<const std::filesystem::path> paths) {
  std::vector<FrameMeasures> frames;
  data::Complaints complaints;
  std::vector<bool> there;
  std::string run;
  for (const std::filesystem::path& path : paths) {
    const MappedFile file(path);
    PlanningShard shard = ParsePlanningShard(file.text(), path.string());
    if (there.empty()) {
      there.resize(shard.shards, false);
      run = shard.run;
    }
    if (shard.run != run || shard.shards != there.size()) {
      complaints.Add(path.string(), "belongs to another run than " + paths.front().string());
    } else if (there[shard.shard]) {
      complaints.Add(path.string(),
                     "is shard " + std::to_string(shard.shard) + ", which another file is too");
    } else {
      there[shard.shard] = true;
      std::move(shard.frames.begin(), shard.frames.end(), std::back_inserter(frames));
    }
  }
  for (size_t shard = 0; shard < there.size(); ++shard) {
    if (!there[shard])
      complaints.AddWhole("shard " + std::to_string(shard) + "/" + std::to_string(there.size()) +
                          " is missing");
  }
  complaints.Throw("the shards do not make one run",
                   "Name every shard of one run once, made with the same inputs.");
  return frames;
}

}  // namespace occvla::eval
