#include "occvla/data/occ3d/annotations.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/text.h"
#include "occvla/data/json_record.h"
#include "occvla/data/json_walk.h"

namespace occvla::data::occ3d {
namespace {

namespace dom = simdjson::dom;

constexpr size_t kMaxFrame = 1 << 20;
constexpr size_t kMaxOther = 16 << 20;
constexpr double kUnitTolerance = 1e-3;

void ReadPose(const JsonRecord& outer, std::string_view name, FilePose& pose) {
  const auto record = outer.Record(name);
  if (!record) return;
  if (const auto translation = record->Numbers("translation", 3))
    std::copy(translation->begin(), translation->end(), pose.translation.begin());
  const auto rotation = record->Numbers("rotation", 4);
  if (!rotation) return;
  std::copy(rotation->begin(), rotation->end(), pose.rotation.begin());
  double square = 0;
  for (const double part : *rotation) square += part * part;
  if (std::abs(square - 1) > kUnitTolerance)
    record->ComplainType("rotation", "a unit quaternion", *record->Find("rotation"));
}

void ReadIntrinsic(const JsonRecord& camera, std::array<double, 9>& intrinsic) {
  const auto rows = camera.Array("intrinsic");
  if (!rows) return;
  size_t at = 0;
  bool sound = rows->size() == 3;
  for (const dom::element row : *rows) {
    if (!row.is_array() || dom::array(row).size() != 3) sound = false;
    if (!sound) break;
    for (const dom::element number : dom::array(row))
      sound = number.get(intrinsic[at++]) == simdjson::SUCCESS && sound;
  }
  if (!sound) camera.ComplainType("intrinsic", "3 rows of 3 numbers", *camera.Find("intrinsic"));
}

// A path that stays below the folder of the annotations.
std::filesystem::path ReadPath(const JsonRecord& record, std::string_view name) {
  const auto text = record.Text(name);
  if (!text) return {};
  if (!IsPathInside(*text)) {
    record.Complain(Quoted(name) + " must be a path below the file's folder, but is " +
                    Quoted(*text));
    return {};
  }
  return *text;
}

void ReadCameras(const JsonRecord& frame, Complaints& complaints,
                 std::vector<AnnotatedCamera>& cameras) {
  const auto all = frame.Record("camera_sensor");
  if (!all) return;
  for (const auto field : dom::object(*frame.Find("camera_sensor"))) {
    const JsonRecord record(
        field.value, [&] { return all->where()() + " " + Quoted(field.key, 60); }, complaints);
    if (!IsToken(field.key)) record.Complain("is not a token of 32 hex digits");
    if (!record.ok()) continue;
    AnnotatedCamera camera;
    camera.sample_data_token = field.key;
    camera.image = ReadPath(record, "img_path");
    ReadIntrinsic(record, camera.intrinsic);
    ReadPose(record, "extrinsic", camera.camera_in_ego);
    ReadPose(record, "ego_pose", camera.ego_in_global);
    cameras.push_back(std::move(camera));
  }
}

// The publisher writes it as a string of digits.
int64_t ReadTimestamp(const JsonRecord& frame) {
  const auto value = frame.Field("timestamp");
  if (!value) return 0;
  int64_t timestamp_us = 0;
  if (value->is_string()) {
    const std::string_view text(*value);
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, timestamp_us);
    if (error == std::errc() && stop == end && timestamp_us > 0) return timestamp_us;
  } else if (value->get(timestamp_us) == simdjson::SUCCESS && timestamp_us > 0) {
    return timestamp_us;
  }
  frame.ComplainType("timestamp", "microseconds as an integer above 0", *value);
  return 0;
}

// A neighbour's token; null and "" stand for none.
std::string ReadNeighbour(const JsonRecord& frame, std::string_view name) {
  const auto value = frame.Field(name);
  if (!value || value->is_null()) return "";
  if (value->is_string() && std::string_view(*value).empty()) return "";
  return std::string(frame.Token(name).value_or(""));
}

class Reader {
 public:
  Reader(std::string_view text, const std::string& where,
         const std::function<void(const AnnotatedFrame&)>& take, Complaints& complaints)
      : walk_(text, where), where_(where), take_(take), complaints_(complaints) {}

  AnnotationSplits Read() {
    bool scenes = false, train = false, val = false;
    AnnotationSplits splits;
    walk_.Object([&](std::string_view name) {
      if (name == "scene_infos") {
        scenes = true;
        walk_.Object([&](std::string_view scene) { Scene(scene); });
      } else if (name == "train_split") {
        train = true;
        splits.train = Names(name);
      } else if (name == "val_split") {
        val = true;
        splits.val = Names(name);
      } else {
        walk_.Value(kMaxOther);
      }
    });
    walk_.End();
    if (!scenes) complaints_.Add(where_, "lacks the field \"scene_infos\"");
    // The test split's file has no splits.
    if (train != val)
      complaints_.Add(where_, "has one of \"train_split\" and \"val_split\", expected both");
    CheckSplits(splits);
    return splits;
  }

 private:
  using Times = std::unordered_map<std::string, int64_t>;
  using Frames = std::unordered_map<std::string, const AnnotatedFrame*>;

  std::vector<std::string> Names(std::string_view field) {
    const auto value = parser_.Parse(
        walk_.Value(kMaxOther), [&] { return where_ + ": " + std::string(field); }, complaints_);
    std::vector<std::string> names;
    if (!value) return names;
    bool sound = value->is_array();
    if (sound) {
      for (const dom::element name : dom::array(*value)) {
        sound = sound && name.is_string();
        if (sound) names.emplace_back(std::string_view(name));
      }
    }
    if (!sound)
      complaints_.Add(
          where_, Quoted(field) + " must be a list of scene names, but is " + ValueText(*value));
    return names;
  }

  void CheckSplits(const AnnotationSplits& splits) {
    std::set<std::string> train;
    for (const auto& [name, scenes] :
         {std::pair{"train_split", &splits.train}, std::pair{"val_split", &splits.val}}) {
      for (const std::string& scene : *scenes) {
        if (!train.insert(scene).second)
          complaints_.Add(where_, std::string(name) + " names " + Quoted(scene) +
                                      ", which the splits already have");
        if (!scenes_.contains(scene))
          complaints_.Add(
              where_, std::string(name) + " names " + Quoted(scene) + ", which scene_infos lacks");
      }
    }
  }

  void Scene(std::string_view scene) {
    scenes_.insert(std::string(scene));
    if (!IsPathInside(scene) || scene.find('/') != std::string_view::npos)
      complaints_.Add(where_ + ": scene " + Quoted(scene, 60), "is no name for a folder");
    std::vector<AnnotatedFrame> frames;
    Times times;  // Of every keyframe, also of damaged ones.
    walk_.Object([&](std::string_view token) { Frame(scene, token, frames, times); });
    Frames by_token;
    for (const AnnotatedFrame& frame : frames) by_token[frame.sample_token] = &frame;
    for (const AnnotatedFrame& frame : frames) {
      const size_t before = complaints_.count();
      CheckNeighbours(frame, by_token, times);
      if (complaints_.count() == before) take_(frame);
    }
  }

  std::string Here(std::string_view scene, std::string_view token) const {
    return where_ + ": scene " + Quoted(scene, 60) + ", keyframe " + Quoted(token, 60);
  }

  void Frame(std::string_view scene, std::string_view token, std::vector<AnnotatedFrame>& frames,
             Times& times) {
    const Where here = [&] { return Here(scene, token); };
    const size_t before = complaints_.count();
    if (!IsToken(token)) complaints_.Add(here(), "is not a token of 32 hex digits");
    if (!tokens_.insert(std::string(token)).second)
      complaints_.Add(here(), "occurs in another scene too");
    times[std::string(token)] = 0;
    const auto value = parser_.Parse(walk_.Value(kMaxFrame), here, complaints_);
    if (!value) return;
    const JsonRecord record(*value, here, complaints_);
    if (!record.ok()) return;
    AnnotatedFrame frame;
    frame.scene = scene;
    frame.sample_token = token;
    frame.timestamp_us = times[std::string(token)] = ReadTimestamp(record);
    ReadCameras(record, complaints_, frame.cameras);
    ReadPose(record, "ego_pose", frame.ego_in_global);
    if (record.Find("gt_path")) frame.labels = ReadPath(record, "gt_path");
    frame.previous = ReadNeighbour(record, "prev");
    frame.next = ReadNeighbour(record, "next");
    if (complaints_.count() == before) frames.push_back(std::move(frame));
  }

  // The published description swaps the two fields' meanings; their names are right.
  void CheckNeighbours(const AnnotatedFrame& frame, const Frames& frames, const Times& times) {
    const auto check = [&](std::string_view name, const std::string& other, int direction,
                           std::string AnnotatedFrame::*back) {
      if (other.empty()) return;
      const auto complain = [&](const std::string& problem) {
        complaints_.Add(Here(frame.scene, frame.sample_token),
                        Quoted(name) + " is " + Quoted(other) + ", " + problem);
      };
      const auto time = times.find(other);
      if (time == times.end()) return complain("which this scene lacks");
      if (time->second != 0 && (time->second - frame.timestamp_us) * direction <= 0)
        complain(direction > 0 ? "which is not later" : "which is not earlier");
      const auto found = frames.find(other);
      if (found != frames.end() && (*found->second).*back != frame.sample_token)
        complain("which does not name this keyframe as its " +
                 std::string(direction > 0 ? "\"prev\"" : "\"next\""));
    };
    check("next", frame.next, 1, &AnnotatedFrame::previous);
    check("prev", frame.previous, -1, &AnnotatedFrame::next);
  }

  JsonWalk walk_;
  RecordParser parser_;
  const std::string& where_;
  const std::function<void(const AnnotatedFrame&)>& take_;
  Complaints& complaints_;
  std::unordered_set<std::string> tokens_;
  std::set<std::string, std::less<>> scenes_;
};

}  // namespace

AnnotationSplits ReadAnnotations(std::string_view text, const std::string& where,
                                 const std::function<void(const AnnotatedFrame&)>& take,
                                 Complaints& complaints) {
  try {
    return Reader(text, where, take, complaints).Read();
  } catch (const DataError& error) {
    complaints.AddWhole(error.what());
    return {};
  }
}

AnnotationSplits ReadAnnotations(const std::filesystem::path& path,
                                 const std::function<void(const AnnotatedFrame&)>& take) {
  const MappedFile file(path);
  Complaints complaints;
  AnnotationSplits splits = ReadAnnotations(file.text(), path.string(), take, complaints);
  complaints.Throw("Occ3D annotations", "Fetch the file again.");
  return splits;
}

}  // namespace occvla::data::occ3d
