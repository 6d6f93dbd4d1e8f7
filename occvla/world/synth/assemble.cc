#include "occvla/world/synth/assemble.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/data/frame.h"
#include "occvla/data/nuscenes/category.h"
#include "occvla/data/nuscenes/write_tables.h"
#include "occvla/world/synth/annotate.h"
#include "occvla/world/synth/token.h"

namespace occvla::world::synth {
namespace {

namespace fs = std::filesystem;
using data::nuscenes::TableWriter;

constexpr std::string_view kReadme =
    "# A synthetic data set in nuScenes format\n"
    "\n"
    "Made by `occvla synth`; nothing in it was recorded. `origin.json` says by which version of "
    "the\n"
    "program, from which seed and with which settings: the same values give the same bytes.\n"
    "\n"
    "- Version folder `v1.0-synth`, splits train, val and test in `v1.0-synth/splits.json`.\n"
    "- Locations and scene names are nuScenes's, because its devkit opens no others. The towns "
    "are\n"
    "  not those places, and the scenes not those drives. No town is in two splits.\n"
    "- `gts/` and `annotations.json`: occupancy as Occ3D-nuScenes lays it out.\n"
    "- `v1.0-synth/intents.json`: what the simulated driver meant to do over the next three "
    "seconds\n"
    "  of each keyframe. It is what was intended, not a label made from what was driven.\n"
    "- `.synth/`: the scenes' records, by which the program checks and continues the data set.\n"
    "\n"
    "The data are in the public domain (CC0-1.0).\n";

struct Visibility {
  const char *token, *level, *description;
};
constexpr Visibility kVisibility[] = {
    {"1", "v0-40", "visibility of whole object is between 0 and 40%"},
    {"2", "v40-60", "visibility of whole object is between 40 and 60%"},
    {"3", "v60-80", "visibility of whole object is between 60 and 80%"},
    {"4", "v80-100", "visibility of whole object is between 80 and 100%"}};

void WriteFixedTables(const fs::path& to) {
  TableWriter categories(to, "category"), attributes(to, "attribute"), levels(to, "visibility"),
      sensors(to, "sensor");
  for (uint8_t c = data::nuscenes::kFirstBoxCategory; c <= data::nuscenes::kLastBoxCategory; ++c) {
    categories.Add(
        data::nuscenes::CategoryRecord{.token = CategoryToken(c),
                                       .name = std::string(data::nuscenes::kCategories[c].name),
                                       .description = "Synthetic. As nuScenes defines it."});
  }
  for (const auto attribute : data::nuscenes::kAttributes) {
    attributes.Add(
        data::nuscenes::AttributeRecord{.token = AttributeToken(attribute),
                                        .name = std::string(attribute),
                                        .description = "Synthetic. As nuScenes defines it."});
  }
  for (const auto& level : kVisibility)
    levels.Add(data::nuscenes::VisibilityRecord{level.token, level.level, level.description});
  for (const auto camera : data::kCameraNames) {
    sensors.Add(data::nuscenes::SensorRecord{SensorToken(camera), std::string(camera), "camera"});
  }
  sensors.Add(data::nuscenes::SensorRecord{SensorToken("LIDAR_TOP"), "LIDAR_TOP", "lidar"});
  for (auto* table : {&categories, &attributes, &levels, &sensors}) table->Commit();
}

/// One map a town that has scenes. `logs` are tokens by location.
void WriteMaps(const fs::path& to, const std::vector<std::vector<std::string>>& logs) {
  TableWriter maps(to, "map");
  for (size_t l = 0; l < logs.size(); ++l) {
    if (logs[l].empty()) continue;
    const std::string token(kLocations[l].map_token);
    maps.Add(data::nuscenes::MapRecord{.token = token,
                                       .log_tokens = logs[l],
                                       .category = "semantic_prior",
                                       .filename = "maps/" + token + ".png"});
  }
  maps.Commit();
}

/// A JSON object whose fields are written one by one as they come.
class ObjectWriter {
 public:
  ObjectWriter(const fs::path& path, std::string_view head) : file_(path) { file_.Write(head); }
  void Add(std::string_view field) {
    file_.Write(std::string(first_ ? "\n" : ",\n").append(field));
    first_ = false;
  }
  void Finish(std::string_view tail) {
    file_.Write(tail);
    file_.Commit();
  }

 private:
  AtomicFile file_;
  bool first_ = true;
};

nlohmann::ordered_json SplitNames(std::span<const ScenePlan> plan, Split split) {
  auto names = nlohmann::ordered_json::array();
  for (const auto& scene : plan)
    if (scene.split == split) names.push_back(scene.name);
  return names;
}

std::string SplitsText(std::span<const ScenePlan> plan) {
  nlohmann::ordered_json splits;
  for (size_t s = 0; s < kSplitNames.size(); ++s)
    splits[std::string(kSplitNames[s])] = SplitNames(plan, static_cast<Split>(s));
  return splits.dump(2) + "\n";
}

}  // namespace

std::string SensorToken(std::string_view channel) {
  const auto at = std::find(data::kCameraNames.begin(), data::kCameraNames.end(), channel);
  return Token(0, "sensor", 0, static_cast<uint64_t>(at - data::kCameraNames.begin()));
}

std::string OriginText(const Config& config, uint64_t scenes, uint64_t seed) {
  auto lines = nlohmann::ordered_json::array();
  std::istringstream toml(ToToml(config));
  for (std::string line; std::getline(toml, line);)
    if (!line.empty() && !line.starts_with('#')) lines.push_back(line);
  const nlohmann::ordered_json origin = {{"program", "occvla synth"},
                                         {"program_version", OCCVLA_VERSION},
                                         {"seed", seed},
                                         {"scenes", scenes},
                                         {"licence", "CC0-1.0"},
                                         {"config", lines}};
  return origin.dump(2) + "\n";
}

void Assemble(Folder& folder, std::span<const ScenePlan> plan) {
  const auto stage = folder.Stage("tables");
  const auto to = stage / kVersion;
  fs::create_directories(to);
  WriteFixedTables(to);

  static constexpr Part kTables[] = {
      Part::kLog,     Part::kScene,      Part::kSample,   Part::kCalibratedSensor,
      Part::kEgoPose, Part::kSampleData, Part::kInstance, Part::kSampleAnnotation};
  std::vector<std::unique_ptr<TableWriter>> tables;
  for (const Part part : kTables)
    tables.push_back(std::make_unique<TableWriter>(to, kPartNames[static_cast<size_t>(part)]));
  ObjectWriter intents(
      to / "intents.json",
      "{\"source\": \"the simulator's driver, not a label maker\",\n\"intents\": {");
  ObjectWriter occupancy(stage / "annotations.json",
                         "{\"train_split\": " + SplitNames(plan, Split::kTrain).dump() +
                             ",\n\"val_split\": " + SplitNames(plan, Split::kVal).dump() +
                             ",\n\"scene_infos\": {");
  std::vector<std::vector<std::string>> logs(kLocations.size());

  for (size_t i = 0; i < plan.size(); ++i) {
    const auto record = folder.Find(plan[i].name);
    if (!record) {
      throw DataError(folder.path().string() + ": " + plan[i].name +
                      " changed while the tables were written. Run the same command again.");
    }
    for (size_t t = 0; t < tables.size(); ++t)
      for (const auto& row : (*record)[kTables[t]]) tables[t]->AddRow(row);
    for (const auto& row : (*record)[Part::kIntent]) intents.Add(row);
    for (const auto& row : (*record)[Part::kOccupancy]) occupancy.Add(row);
    logs[plan[i].location].push_back(LogToken(plan[i]));
  }
  for (auto& table : tables) table->Commit();
  WriteMaps(to, logs);
  intents.Finish("\n}}\n");
  occupancy.Finish("\n}}\n");
  WriteStaged(to / "splits.json", SplitsText(plan));
  WriteStaged(stage / "README.md", kReadme);
  folder.Publish("tables");
}

}  // namespace occvla::world::synth
