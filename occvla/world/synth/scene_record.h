#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What a finished scene leaves for the tables: a file of its own, so that a run that was stopped
/// goes on from the scenes that are whole.
namespace occvla::world::synth {

/// Rows that a scene adds to the tables and to the files beside them.
enum class Part : uint8_t {
  kLog,
  kScene,
  kSample,
  kCalibratedSensor,
  kEgoPose,
  kSampleData,
  kInstance,
  kSampleAnnotation,
  kIntent,    ///< Of intents.json: `"<sample token>": {...}`, one a keyframe.
  kOccupancy  ///< Of annotations.json's scene_infos: `"<scene>": {...}`, one.
};
inline constexpr std::array<std::string_view, 10> kPartNames = {
    "log",      "scene",       "sample",   "calibrated_sensor",
    "ego_pose", "sample_data", "instance", "sample_annotation",
    "intent",   "occupancy"};

struct SceneRecord {
  struct File {
    std::string path;  ///< Relative to the data set, with '/'.
    uint64_t bytes = 0;
  };
  std::vector<File> files;
  std::array<std::vector<std::string>, kPartNames.size()> rows;  ///< JSON, one line each.

  void Add(Part part, std::string row) {
    rows[static_cast<size_t>(part)].push_back(std::move(row));
  }
  const std::vector<std::string>& operator[](Part part) const {
    return rows[static_cast<size_t>(part)];
  }
};

std::string ToText(const SceneRecord& record);
/// Nothing for a text that ToText did not write whole.
std::optional<SceneRecord> ParseSceneRecord(std::string_view text);

/// The record of a scene if it is there and every file that it names has its size.
std::optional<SceneRecord> ReadWholeScene(const std::filesystem::path& record,
                                          const std::filesystem::path& data_set);

}  // namespace occvla::world::synth
