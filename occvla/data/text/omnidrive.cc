#include "occvla/data/text/omnidrive.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/text.h"
#include "occvla/data/json_record.h"

namespace occvla::data {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxFile = 4 << 20;
constexpr std::array<std::string_view, 5> kNames = {"conversation", "vqa", "description", "action",
                                                    "keywords"};
constexpr std::array<std::string_view, 4> kFolders = {"conv", "vqa", "desc", "keywords"};
constexpr std::array<std::string_view, 3> kSplits = {"train", "val", "test"};

struct FileReader {
  std::string_view folder_name;
  OmnidriveText text;  // Token and split are set.
  const std::string& where;
  const std::function<void(const OmnidriveText&)>& take;
  Complaints& complaints;

  void Give(OmnidriveKind kind, std::string_view question, std::string_view answer) {
    text.kind = kind;
    text.question = question;
    text.answer = answer;
    take(text);
  }

  void Pairs(simdjson::dom::element root, OmnidriveKind kind) {
    if (!root.is_array()) {
      complaints.Add(where, "must be a list of questions with answers, but is " + ValueText(root));
      return;
    }
    size_t index = 0;
    for (const simdjson::dom::element pair : simdjson::dom::array(root)) {
      const JsonRecord record(
          pair, [&] { return where + ": [" + std::to_string(index) + "]"; }, complaints);
      if (record.ok()) {
        const auto question = record.Text("question");
        const auto answer = record.Text("answer");
        if (question && answer) Give(kind, *question, *answer);
      }
      ++index;
    }
  }

  void Description(simdjson::dom::element root) {
    const JsonRecord record(
        root, [&] { return where; }, complaints);
    if (!record.ok()) return;
    const auto description = record.Text("description");
    const auto action = record.Text("action");
    const auto give = [&](OmnidriveKind kind, std::string_view answer) {
      Give(kind, OmnidriveQuestion(kind), answer);
    };
    if (description) give(OmnidriveKind::kDescription, *description);
    if (action) give(OmnidriveKind::kAction, *action);
  }

  void Keywords(simdjson::dom::element root) {
    if (!root.is_string() || std::string_view(root).empty() ||
        std::string_view(root).size() > kMaxRecordText) {
      complaints.Add(where, "must be one string that is not empty, but is " + ValueText(root));
      return;
    }
    Give(OmnidriveKind::kKeywords, OmnidriveQuestion(OmnidriveKind::kKeywords),
         std::string_view(root));
  }

  void Read(std::string_view json) {
    RecordParser parser;
    const auto root = parser.Parse(
        json, [&] { return where; }, complaints);
    if (!root) return;
    if (folder_name == "conv") return Pairs(*root, OmnidriveKind::kConversation);
    if (folder_name == "vqa") return Pairs(*root, OmnidriveKind::kVqa);
    if (folder_name == "desc") return Description(*root);
    Keywords(*root);
  }
};

// The files of one folder, by name. What is no <token>.json is a complaint.
std::vector<fs::path> TokenFiles(const fs::path& folder, Complaints& complaints) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const fs::path& path = entry->path();
    if (path.extension() == ".json" && IsToken(path.stem().string())) {
      files.push_back(path);
    } else {
      complaints.Add(folder.string(), "holds " + Quoted(path.filename().string()) +
                                          ", expected files named <sample token>.json");
    }
  }
  if (error) complaints.Add(folder.string(), "cannot be listed: " + error.message());
  std::sort(files.begin(), files.end());
  return files;
}

void ReadTokenFile(const fs::path& path, std::string_view folder_name, std::string_view split,
                   const std::function<void(const OmnidriveText&)>& take, Complaints& complaints) {
  const std::string where = path.string();
  try {
    const std::string json = ReadTextFile(path, kMaxFile);
    OmnidriveText base;
    base.sample_token = path.stem().string();
    base.split = split;
    ReadOmnidriveFile(json, folder_name, std::move(base), where, take, complaints);
  } catch (const DataError& error) {
    complaints.AddWhole(error.what());
  }
}

// A number of the plan's list: digits, a point, digits; a sign before them may be there.
std::optional<double> TakeNumber(std::string_view text, size_t& at) {
  while (at < text.size() && text[at] == ' ') ++at;
  double sign = 1;
  if (at < text.size() && (text[at] == '+' || text[at] == '-')) sign = text[at++] == '-' ? -1 : 1;
  const auto digits = [&] {
    const size_t start = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at - start;
  };
  const size_t start = at;
  if (digits() == 0 || at == text.size() || text[at] != '.') return std::nullopt;
  ++at;
  if (digits() == 0 || at - start > 32) return std::nullopt;
  return sign * std::stod(std::string(text.substr(start, at - start)));
}

bool TakeMark(std::string_view text, size_t& at, char mark) {
  while (at < text.size() && text[at] == ' ') ++at;
  if (at == text.size() || text[at] != mark) return false;
  ++at;
  return true;
}

// The list that opens with "[PT" right before `at`.
std::optional<PlannedPath> ParsePoints(std::string_view text, size_t at) {
  PlannedPath plan_E{};
  for (auto& [x, y] : plan_E) {
    if (!TakeMark(text, at, ',') || !TakeMark(text, at, '(')) return std::nullopt;
    const auto forward = TakeNumber(text, at);
    if (!forward || !TakeMark(text, at, ',')) return std::nullopt;
    const auto left = TakeNumber(text, at);
    if (!left || !TakeMark(text, at, ')')) return std::nullopt;
    x = *forward;
    y = *left;
  }
  if (!TakeMark(text, at, ']')) return std::nullopt;
  return plan_E;
}

}  // namespace

std::string_view Name(OmnidriveKind kind) { return kNames[static_cast<size_t>(kind)]; }

std::string_view OmnidriveQuestion(OmnidriveKind kind) {
  switch (kind) {
    case OmnidriveKind::kDescription:
      return "What does the scene around the car look like?";
    case OmnidriveKind::kAction:
      return "What should the car do now, and why?";
    case OmnidriveKind::kKeywords:
      return "Which driving action comes next, in a few words?";
    case OmnidriveKind::kConversation:
    case OmnidriveKind::kVqa:
      break;
  }
  return "";
}

bool IsOmnidriveFolder(const fs::path& folder) {
  return std::any_of(kFolders.begin(), kFolders.end(), [&](std::string_view name) {
    std::error_code ignored;
    return fs::is_directory(folder / name, ignored);
  });
}

void ReadOmnidriveFile(std::string_view json, std::string_view folder_name, OmnidriveText base,
                       const std::string& where,
                       const std::function<void(const OmnidriveText&)>& take,
                       Complaints& complaints) {
  FileReader{folder_name, std::move(base), where, take, complaints}.Read(json);
}

void ReadOmnidrive(const fs::path& folder, const std::function<void(const OmnidriveText&)>& take,
                   Complaints& complaints) {
  bool any = false;
  for (const std::string_view name : kFolders) {
    std::unordered_map<std::string, fs::path> seen;  // By token, over both splits.
    for (const std::string_view split : kSplits) {
      const fs::path part = folder / name / split;
      std::error_code ignored;
      if (!fs::is_directory(part, ignored)) continue;
      any = true;
      for (const fs::path& path : TokenFiles(part, complaints)) {
        const auto [first, fresh] = seen.emplace(path.stem().string(), path);
        if (!fresh) {
          complaints.Add(path.string(), "the same keyframe has " + first->second.string());
          continue;
        }
        ReadTokenFile(path, name, split, take, complaints);
      }
    }
  }
  if (!any) {
    complaints.Add(folder.string(),
                   "has none of {conv,vqa,desc,keywords}/{train,val}, OmniDrive's folders");
  }
}

void ReadOmnidrive(const fs::path& folder, const std::function<void(const OmnidriveText&)>& take) {
  Complaints complaints;
  ReadOmnidrive(folder, take, complaints);
  complaints.Throw("OmniDrive texts", "Unpack data_nusc.zip again.");
}

std::string FormatPlan(const PlannedPath& plan_E) {
  const auto number = [](double value) {
    const std::string text = fmt::format("{:+.2f}", value);
    return std::abs(std::stod(text)) <= 0.01 ? std::string("0.0") : text;
  };
  std::string text = "[PT";
  for (const auto& [x, y] : plan_E) text += ", (" + number(x) + ", " + number(y) + ")";
  return text + "]";
}

std::optional<PlannedPath> ParsePlan(std::string_view text) {
  constexpr std::string_view kOpening = "[PT";
  const size_t found = text.find(kOpening);
  if (found == std::string_view::npos) return std::nullopt;
  return ParsePoints(text, found + kOpening.size());
}

}  // namespace occvla::data
