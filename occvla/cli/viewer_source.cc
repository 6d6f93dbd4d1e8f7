#include "occvla/cli/viewer_source.h"

#include <algorithm>

#include "occvla/base/error.h"
#include "occvla/base/json.h"
#include "occvla/base/text.h"
#include "occvla/data/nuscenes/dataset.h"
#include "occvla/data/occ3d/layout.h"

namespace occvla::cli {
namespace {

namespace fs = std::filesystem;

bool IsRun(const fs::path& folder) {
  return fs::is_directory(folder / "replies") || fs::is_directory(folder / "predictions");
}

struct RunData {
  fs::path dataroot;
  std::string version;
};

/// What `eval run` wrote of the data set that it was over.
RunData DataOf(const fs::path& run) {
  const auto path = run / "dataset.json";
  if (!fs::exists(path)) {
    throw ConfigError(run.string() +
                      ": does not say which data set it was over (it has no dataset.json); name it "
                      "by --dataroot.");
  }
  const auto document = ReadJsonFile(path);
  const JsonNode root(document, path.string());
  return {root.At("dataroot").String(), root.At("version").String()};
}

/// Where `occvla synth` puts questions: `questions/*.json` and `omnidrive/`.
std::vector<fs::path> UsualQuestions(const fs::path& version) {
  std::vector<fs::path> questions;
  if (fs::is_directory(version / "questions"))
    for (const auto& entry : fs::directory_iterator(version / "questions"))
      if (entry.path().extension() == ".json") questions.push_back(entry.path());
  std::sort(questions.begin(), questions.end());
  if (fs::is_directory(version / "omnidrive")) questions.push_back(version / "omnidrive");
  return questions;
}

data::nuscenes::DatasetOptions OptionsOf(const fs::path& dataroot, const std::string& version,
                                         const ViewerInputs& inputs) {
  data::nuscenes::DatasetOptions options;
  options.dataroot = dataroot;
  options.version = version;
  options.occupancy = data::occ3d::FindScenes(dataroot);
  options.questions.assign(inputs.questions.begin(), inputs.questions.end());
  if (options.questions.empty()) options.questions = UsualQuestions(dataroot / version);
  return options;
}

}  // namespace

std::string FindVersion(const fs::path& dataroot) {
  std::vector<std::string> versions;
  if (fs::is_directory(dataroot))
    for (const auto& entry : fs::directory_iterator(dataroot))
      if (fs::exists(entry.path() / "sample.json"))
        versions.push_back(entry.path().filename().string());
  std::sort(versions.begin(), versions.end());
  if (versions.empty()) {
    throw DataError(dataroot.string() +
                    ": is neither a nuScenes data set (no folder in it holds sample.json) nor a "
                    "run (no replies/ and no predictions/).");
  }
  if (versions.size() > 1) {
    throw ConfigError(dataroot.string() + ": holds several versions, " + Join(versions, ", ") +
                      "; choose one by --version.");
  }
  return versions.front();
}

std::unique_ptr<serve::viewer::Source> OpenViewerSource(const ViewerInputs& inputs) {
  std::vector<fs::path> runs = inputs.runs;
  RunData data{.dataroot = inputs.what, .version = inputs.version};
  if (IsRun(inputs.what)) {
    runs.insert(runs.begin(), inputs.what);
    data.dataroot = inputs.dataroot;
    if (inputs.dataroot.empty()) {
      data = DataOf(inputs.what);
      if (!inputs.version.empty()) data.version = inputs.version;
    }
  }
  if (data.version.empty()) data.version = FindVersion(data.dataroot);
  auto dataset = std::make_shared<data::nuscenes::Dataset>(
      data::nuscenes::Dataset::Open(OptionsOf(data.dataroot, data.version, inputs)));
  const fs::path whole = fs::weakly_canonical(data.dataroot);
  return std::make_unique<serve::viewer::Source>(
      std::move(dataset),
      serve::viewer::SourceOptions{.name = whole.filename().string(), .runs = runs});
}

}  // namespace occvla::cli
