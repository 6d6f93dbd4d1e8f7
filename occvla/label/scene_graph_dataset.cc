#include "occvla/label/scene_graph_dataset.h"

#include <array>
#include <set>

#include "occvla/base/error.h"

namespace occvla::label {
namespace {

using data::nuscenes::Dataset;
using data::nuscenes::Row;

constexpr std::array<const char*, 3> kParts = {"train", "val", "test"};

// Scene names of a part by the data set's own lists, if it has that split and scenes of it.
std::set<std::string, std::less<>> ScenesOfPart(const Dataset& dataset, const std::string& part) {
  std::set<std::string, std::less<>> names;
  const auto splits = dataset.Splits();
  if (std::find(splits.begin(), splits.end(), part) == splits.end()) {
    if (part == "train") return names;
    for (std::string& name : data::nuscenes::OfficialScenes(part)) names.insert(std::move(name));
    return names;
  }
  try {
    for (const Row scene : dataset.Scenes(part))
      names.emplace(dataset.tables().Text(dataset.tables().rows().scene[scene].name));
  } catch (const DataError&) {
    // A split that is known here but has none of its scenes.
  }
  return names;
}

}  // namespace

std::vector<SplitPart> PartsOf(const Dataset& dataset, const std::string& split) {
  const auto& rows = dataset.tables().rows();
  const auto train = ScenesOfPart(dataset, "train"), val = ScenesOfPart(dataset, "val"),
             test = ScenesOfPart(dataset, "test");
  std::vector<SplitPart> parts;
  for (const char* name : kParts) parts.push_back({name, {}});
  for (const Row sample : dataset.KeyFrames(split)) {
    const auto scene = dataset.tables().Text(rows.scene[rows.sample[sample].scene].name);
    const size_t part = train.contains(scene)  ? 0
                        : val.contains(scene)  ? 1
                        : test.contains(scene) ? 2
                                               : 0;
    parts[part].keyframes.push_back(sample);
  }
  std::erase_if(parts, [](const SplitPart& part) { return part.keyframes.empty(); });
  return parts;
}

SceneNotes NotesOf(const Dataset& dataset, Row sample) {
  const auto& rows = dataset.tables().rows();
  return SceneNotes::From(dataset.tables().Text(rows.scene[rows.sample[sample].scene].description));
}

void RefuseToOverwrite(const std::vector<std::filesystem::path>& paths,
                       const MakeOptions& options) {
  if (options.overwrite) return;
  std::string found;
  for (const auto& path : paths) {
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored))
      found += (found.empty() ? "" : ", ") + path.string();
  }
  if (!found.empty()) {
    throw ConfigError(found +
                      ": is there already. Name another place with --out, or replace it with "
                      "--force.");
  }
}

}  // namespace occvla::label
