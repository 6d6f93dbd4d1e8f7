#include "occvla/serve/viewer/run_folder.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/json.h"
#include "occvla/eval/meta_action.h"
#include "occvla/eval/prediction_file.h"

namespace occvla::serve::viewer {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostReplyBytes = size_t{2} << 30;
constexpr size_t kMostReportBytes = size_t{32} << 20;
constexpr std::array<std::string_view, 5> kReports = {"planning", "occupancy", "meta_action", "qa",
                                                      "consistency"};

bool Holds(std::span<const std::string> sorted, std::string_view value) {
  return std::binary_search(sorted.begin(), sorted.end(), value, std::less<>());
}

std::vector<fs::path> FilesIn(const fs::path& folder, const std::string& extension) {
  std::vector<fs::path> files;
  if (!fs::is_directory(folder)) return files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == extension) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

RunReply ParseReply(std::string_view line, const std::string& where) {
  const auto document = ParseJson(line, where);
  const JsonNode root(document, where);
  RunReply reply;
  const auto prediction = root.At("prediction");
  reply.prediction = data::PredictionFromJson(prediction.json().dump(), where);
  reply.has_timings = prediction.Find("timings").has_value();
  if (const auto answers = root.Find("answers")) reply.answers = answers->Strings();
  return reply;
}

}  // namespace

RunFolder::RunFolder(std::string name, const fs::path& folder, std::span<const std::string> known)
    : name_(std::move(name)), folder_(folder) {
  if (!fs::is_directory(folder))
    throw DataError(folder.string() + ": there is no such folder of predictions.");
  trajectories_ = folder / "predictions" / "trajectories.json";
  if (!fs::exists(trajectories_)) trajectories_.clear();
  if (fs::is_directory(folder / "replies")) {
    ReadReplies(known);
  } else if (fs::is_directory(folder / "predictions")) {
    ReadPredictions(known);
  } else {
    throw DataError(folder.string() +
                    ": holds neither replies/ nor predictions/, which `occvla eval run --out DIR` "
                    "writes.");
  }
  for (const auto& path : FilesIn(folder / "occupancy", ".npz"))
    if (Holds(known, path.stem().string())) with_occupancy_.push_back(path.stem().string());
}

void RunFolder::ReadReplies(std::span<const std::string> known) {
  for (const auto& path : FilesIn(folder_ / "replies", ".jsonl")) {
    const std::string text = ReadTextFile(path, kMostReplyBytes);
    size_t number = 0;
    // A last line without its end was being written when the run was stopped.
    for (size_t start = 0, end; (end = text.find('\n', start)) != std::string::npos;
         start = end + 1) {
      auto reply = ParseReply(std::string_view(text).substr(start, end - start),
                              path.string() + ":" + std::to_string(++number));
      auto token = reply.prediction.token;
      if (Holds(known, token)) {
        replies_.emplace(std::move(token), std::move(reply));
      } else {
        ++unknown_;
      }
    }
  }
}

void RunFolder::ReadPredictions(std::span<const std::string> known) {
  const auto folder = folder_ / "predictions";
  const auto reply_of = [&](const std::string& token) {
    RunReply* reply = nullptr;
    if (Holds(known, token)) {
      reply = &replies_[token];
      reply->prediction.token = token;
    } else {
      ++unknown_;
    }
    return reply;
  };
  if (!trajectories_.empty())
    for (const auto& [token, points] : eval::ReadTrajectories(trajectories_, known))
      if (auto* reply = reply_of(token)) reply->prediction.trajectory_E = points;
  if (fs::exists(folder / "meta_actions.json"))
    for (const auto& [token, action] : eval::ReadMetaActions(folder / "meta_actions.json"))
      if (auto* reply = reply_of(token)) reply->prediction.meta_action = action;
  if (fs::exists(folder / "texts.json"))
    for (const auto& [token, text] : eval::ReadAnswers(folder / "texts.json"))
      if (auto* reply = reply_of(token)) reply->prediction.text = text;
}

const RunReply* RunFolder::Find(std::string_view token) const {
  const auto found = replies_.find(token);
  return found == replies_.end() ? nullptr : &found->second;
}

bool RunFolder::HasOccupancy(std::string_view token) const { return Holds(with_occupancy_, token); }

std::optional<data::OccupancyGrid> RunFolder::ReadOccupancy(std::string_view token) const {
  if (!HasOccupancy(token)) return std::nullopt;
  return data::ReadOccupancy(folder_ / "occupancy" / (std::string(token) + ".npz"));
}

nlohmann::ordered_json RunFolder::ReadReports() const {
  auto reports = nlohmann::ordered_json::object();
  for (const auto name : kReports) {
    const auto path = folder_ / (std::string(name) + ".json");
    if (fs::exists(path))
      reports[std::string(name)] = ReadJsonFile(path, {.max_bytes = kMostReportBytes});
  }
  return reports;
}

}  // namespace occvla::serve::viewer
