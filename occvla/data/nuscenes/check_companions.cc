#include "occvla/data/nuscenes/check_companions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <fstream>
#include <set>
#include <span>
#include <thread>
#include <utility>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/json.h"
#include "occvla/base/text.h"
#include "occvla/data/meta_action.h"
#include "occvla/data/nuscenes/check_files.h"
#include "occvla/data/nuscenes/parallel.h"
#include "occvla/data/occ3d/labels.h"
#include "occvla/data/occ3d/layout.h"
#include "occvla/data/text/questions.h"

namespace occvla::data::nuscenes {
namespace {

namespace fs = std::filesystem;

bool IsFile(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

bool IsFolder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

/// Runs a check; the error that it throws is a problem of the part.
template <typename Check>
void Try(CheckPart& part, const Check& check) {
  try {
    check();
  } catch (const DataError& error) {
    part.Add(error.what());
  }
}

CheckPart CheckSplits(const Tables& tables, const CheckOptions& options) {
  CheckPart part{.name = "splits"};
  const fs::path path = options.dataset.dataroot / options.dataset.version / "splits.json";
  if (!IsFile(path)) return part;
  Try(part, [&] {
    const nlohmann::json document = ReadJsonFile(path);
    const JsonNode splits(document, path.string());
    for (const std::string& split : splits.Names()) {
      std::vector<std::string> unknown;
      for (const std::string& scene : splits.At(split).Strings())
        if (!tables.FindScene(scene)) unknown.push_back(scene);
      ++part.checked;
      if (unknown.empty()) continue;
      part.Add(fmt::format("{}: split {} names {} scenes that no table has: {}.", path.string(),
                           Quoted(split), unknown.size(), ShortList(unknown)));
    }
  });
  return part;
}

CheckPart CheckMaps(const Tables& tables, const CheckOptions& options,
                    std::vector<std::string>& absent) {
  CheckPart part{.name = "maps"};
  std::set<std::string> places;
  for (const LogRow& log : tables.rows().log) places.emplace(tables.Text(log.location));
  std::vector<std::string> here, missing;
  const fs::path folder = options.dataset.dataroot / "maps" / "expansion";
  for (const std::string& place : places)
    (IsFile(folder / (place + ".json")) ? here : missing).push_back(place);
  if (here.empty() && !missing.empty()) {
    absent.push_back(
        "the map expansion (maps/expansion/): lanes in pictures, and labelling meta actions");
  } else {
    for (const std::string& place : missing) {
      part.Add(
          fmt::format("maps/expansion/{}.json: is missing, though maps of other places are "
                      "here.",
                      place));
    }
  }
  for (const std::string& place : here) {
    ++part.checked;
    Try(part, [&] { (void)ReadMap(folder / (place + ".json")); });
  }
  uint64_t rasters = 0;
  for (const MapRow& map : tables.rows().map)
    rasters += IsFile(options.dataset.dataroot / tables.Text(map.filename)) ? 1 : 0;
  const uint64_t without = tables.rows().map.size() - rasters;
  if (without > 0)
    absent.push_back(fmt::format("{} base map images (maps/): nothing here reads them", without));
  return part;
}

constexpr std::array<std::string_view, 6> kCanMessages = {
    "ms_imu", "pose", "steeranglefeedback", "vehicle_monitor", "zoesensors", "zoe_veh_info"};

/// nuScenes never published these (facts/data-and-metrics.md A.7).
bool IsKnownCanGap(std::string_view scene, std::string_view message) {
  int number = 0;
  if (!scene.starts_with("scene-") || scene.size() != 10) return false;
  for (const char digit : scene.substr(6)) {
    if (digit < '0' || digit > '9') return false;
    number = number * 10 + (digit - '0');
  }
  return (number >= 161 && number <= 168) || (number >= 170 && number <= 176) ||
         (number >= 309 && number <= 314) || (number == 419 && message == "vehicle_monitor");
}

std::string CanProblem(const fs::path& path) {
  try {
    const nlohmann::json document = ReadJsonFile(path);
    const JsonNode records(document, path.string());
    int64_t before = INT64_MIN;
    for (size_t index = 0; index < records.size(); ++index) {
      const int64_t time = records.At(index).At("utime").Int();
      if (time < before) records.At(index).Fail("is earlier than the record before it");
      before = time;
    }
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

/// Of a family of files, one a scene and kind or one a keyframe: what is missing, then what is
/// wrong with those that are here.
class CompanionFiles {
 public:
  struct File {
    ExpectedFile expected;
    std::string name;  // Below the folder.
  };
  CompanionFiles(fs::path folder, FilePresence presence)
      : folder_(std::move(folder)), presence_(std::move(presence)) {}

  void Expect(ExpectedFile expected, std::string name) {
    files_.push_back({expected, std::move(name)});
  }

  /// `problem_of` says what is wrong with a path, on any thread.
  template <typename ProblemOf>
  void Check(CheckPart& part, const CheckOptions& options, const ProblemOf& problem_of) {
    std::vector<char> missing(files_.size(), 0);
    std::vector<std::string> problems(files_.size());
    const size_t threads =
        options.threads > 0 ? options.threads : std::max(1u, std::thread::hardware_concurrency());
    std::atomic<uint64_t> done = 0;
    ForEachIndex(files_.size(), threads, [&](size_t thread, size_t index) {
      const fs::path path = folder_ / files_[index].name;
      missing[index] = !IsFile(path);
      if (!missing[index]) problems[index] = problem_of(path);
      if (thread == 0 && options.progress) options.progress(done, files_.size());
      ++done;
    });
    for (size_t index = 0; index < files_.size(); ++index) {
      ++presence_.At(files_[index].expected).total;
      presence_.At(files_[index].expected).missing += missing[index] ? 1 : 0;
    }
    MissingGroups groups = GroupMissing(presence_);
    for (std::string& text : groups.problems) part.Add(std::move(text));
    for (size_t index = 0; index < files_.size(); ++index) {
      if (missing[index] && !groups.covers(presence_, files_[index].expected)) {
        part.Add(fmt::format("{}: is missing, though other such files of {} are here.",
                             (folder_ / files_[index].name).string(),
                             presence_.scenes[files_[index].expected.scene]));
      } else if (!problems[index].empty()) {
        part.Add(std::move(problems[index]));
      }
    }
    part.checked += files_.size();
  }

 private:
  fs::path folder_;
  FilePresence presence_;
  std::vector<File> files_;
};

FilePresence PresenceOf(const Tables& tables, std::string family, std::vector<std::string> kinds) {
  std::vector<std::string> scenes;
  for (const SceneRow& scene : tables.rows().scene) scenes.emplace_back(tables.Text(scene.name));
  FilePresence presence(std::move(family), std::move(scenes), std::move(kinds));
  for (size_t index = 0; index < presence.scenes.size(); ++index)
    presence.logs[index] = tables.rows().scene[index].log;
  return presence;
}

CheckPart CheckCanBus(const Tables& tables, const CheckOptions& options,
                      std::vector<std::string>& absent) {
  CheckPart part{.name = "CAN bus"};
  const fs::path folder = options.dataset.dataroot / "can_bus";
  if (!IsFolder(folder)) {
    absent.push_back("the CAN bus (can_bus/): nothing here needs it");
    return part;
  }
  std::vector<std::string> kinds(kCanMessages.begin(), kCanMessages.end());
  CompanionFiles files(folder, PresenceOf(tables, "CAN bus", kinds));
  for (uint32_t scene = 0; scene < tables.rows().scene.size(); ++scene) {
    const std::string_view name = tables.Text(tables.rows().scene[scene].name);
    for (uint32_t kind = 0; kind < kCanMessages.size(); ++kind) {
      if (IsKnownCanGap(name, kCanMessages[kind])) continue;
      files.Expect({.scene = scene, .kind = kind},
                   fmt::format("{}_{}.json", name, kCanMessages[kind]));
    }
  }
  files.Check(part, options, [&](const fs::path& path) {
    return options.files == FileCheck::kRead ? CanProblem(path) : std::string();
  });
  return part;
}

std::string LabelsProblem(const fs::path& path, FileCheck level) {
  if (level < FileCheck::kHeader) return "";
  try {
    if (level == FileCheck::kRead) {
      const occ3d::LabelCounts counts = occ3d::CountLabels(occ3d::ReadLabels(path));
      const int64_t beyond = counts.masks[0][0][1] + counts.masks[1][0][1];
      if (beyond == 0) return "";
      return fmt::format("{}: mask_camera holds {} voxels that mask_lidar does not.", path.string(),
                         beyond);
    }
    std::ifstream file(path, std::ios::binary);
    std::array<char, 4> start{};
    file.read(start.data(), start.size());
    if (std::string_view(start.data(), 4) != "PK\x03\x04")
      return fmt::format("{}: does not start as an npz file does.", path.string());
    file.seekg(-22, std::ios::end);  // The zip directory's end, which has no comment.
    file.read(start.data(), start.size());
    if (std::string_view(start.data(), 4) != "PK\x05\x06")
      return fmt::format("{}: stops before its end mark, it is cut off.", path.string());
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

CheckPart CheckOccupancy(const Tables& tables, const CheckOptions& options,
                         std::vector<std::string>& absent) {
  CheckPart part{.name = "occupancy"};
  const fs::path named = options.dataset.occupancy;
  fs::path folder = occ3d::FindScenes(named.empty() ? options.dataset.dataroot : named);
  if (folder.empty() && IsFolder(named)) folder = named;
  if (folder.empty() && !named.empty()) {
    part.Add(fmt::format("{}: is no folder of scenes (gts/<scene>/<keyframe>/labels.npz).",
                         named.string()));
    return part;
  }
  if (folder.empty()) {
    absent.push_back("occupancy labels (gts/): training and evaluation of occupancy");
    return part;
  }
  CompanionFiles files(folder, PresenceOf(tables, "occupancy", {"labels.npz"}));
  for (const SampleRow& sample : tables.rows().sample) {
    const std::string_view scene = tables.Text(tables.rows().scene[sample.scene].name);
    files.Expect({.scene = sample.scene, .kind = 0},
                 occ3d::LabelsPath("", scene, sample.token.ToString()).string());
  }
  files.Check(part, options,
              [&](const fs::path& path) { return LabelsProblem(path, options.files); });
  return part;
}

/// A file may serve several data sets; one that serves nothing of this one is a mistake.
void CheckTokens(const Tables& tables, std::span<const std::string> tokens, std::string_view where,
                 CheckPart& part, std::vector<std::string>& absent) {
  uint64_t unknown = 0;
  for (const std::string& token : tokens) {
    const auto parsed = Token::Parse(token);
    if (!parsed || !tables.FindSample(*parsed)) ++unknown;
  }
  if (unknown == 0) return;
  if (unknown == tokens.size()) {
    part.Add(
        fmt::format("{}: none of the {} keyframes that it names is in the tables, the first "
                    "is {}. It belongs to another data set or version.",
                    where, unknown, Quoted(tokens[0])));
  } else {
    absent.push_back(fmt::format("{} of the {} keyframes that {} names: passed over", unknown,
                                 tokens.size(), where));
  }
}

CheckPart CheckQuestions(const Tables& tables, const CheckOptions& options,
                         std::vector<std::string>& absent) {
  CheckPart part{.name = "questions"};
  for (const fs::path& path : options.dataset.questions) {
    Try(part, [&] {
      const QuestionStore store = QuestionStore::Open(std::span(&path, 1));
      part.checked += store.size();
      CheckTokens(tables, store.Tokens(), path.string(), part, absent);
    });
  }
  return part;
}

CheckPart CheckMetaActions(const Tables& tables, const CheckOptions& options,
                           std::vector<std::string>& absent) {
  CheckPart part{.name = "meta actions"};
  const fs::path path =
      options.dataset.meta_actions.empty()
          ? options.dataset.dataroot / options.dataset.version / "meta_actions.json"
          : options.dataset.meta_actions;
  if (options.dataset.meta_actions.empty() && !IsFile(path)) return part;
  Try(part, [&] {
    const nlohmann::json document = ReadJsonFile(path);
    const JsonNode actions(document, path.string());
    const std::vector<std::string> tokens = actions.Names();
    part.checked = tokens.size();
    for (const std::string& token : tokens) {
      const std::string& text = actions.At(token).String();
      if (ParseMetaAction(text)) continue;
      part.Add(
          fmt::format("{}: {} has {}, which is no meta action such as \"Decelerate, Turn "
                      "Left\".",
                      path.string(), Quoted(token), Quoted(text)));
    }
    CheckTokens(tables, tokens, path.string(), part, absent);
  });
  return part;
}

}  // namespace

std::vector<CheckPart> CheckCompanions(const Tables& tables, const CheckOptions& options,
                                       std::vector<std::string>& absent) {
  std::vector<CheckPart> parts;
  parts.push_back(CheckSplits(tables, options));
  parts.push_back(CheckMaps(tables, options, absent));
  if (options.files != FileCheck::kNone) {
    parts.push_back(CheckCanBus(tables, options, absent));
    parts.push_back(CheckOccupancy(tables, options, absent));
  }
  parts.push_back(CheckQuestions(tables, options, absent));
  parts.push_back(CheckMetaActions(tables, options, absent));
  std::erase_if(parts, [](const CheckPart& p) { return p.checked == 0 && p.problems == 0; });
  return parts;
}

}  // namespace occvla::data::nuscenes
