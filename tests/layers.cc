#include "tests/layers.h"

#include <map>
#include <regex>
#include <set>

namespace occvla::tests {
namespace {

using Rooms = std::set<std::string>;

// Who stands directly on whom; docs/ARCHITECTURE.md draws it.
const std::map<std::string, Rooms, std::less<>>& Below() {
  static const std::map<std::string, Rooms, std::less<>> below{
      {"base", {}},
      {"geom", {"base"}},
      {"data", {"geom"}},
      {"world", {"data"}},
      {"label", {"data"}},
      {"view", {"data"}},
      {"eval", {"data"}},
      {"kernels", {}},
      {"model/files", {"data"}},
      {"model", {"model/files", "kernels"}},
      {"train/feed", {"model/files"}},
      {"train/runs", {"data"}},
      {"train/recipe", {"train/feed"}},
      {"train", {"model", "train/recipe", "train/runs"}},
      {"infer", {"model"}},
      {"serve", {"infer", "view", "label", "eval"}},
      {"serve/viewer", {"serve"}},
      {"serve/review", {"serve"}},
      {"cli", {"world", "train", "serve/viewer", "serve/review"}},
      {"", {"cli"}},
  };
  return below;
}

void AddBelow(const std::string& room, Rooms& rooms) {
  if (!rooms.insert(room).second) return;
  for (const auto& lower : Below().at(room)) AddBelow(lower, rooms);
}

bool IsTorch(std::string_view header) {
  return header.starts_with("torch/") || header.starts_with("ATen/") || header.starts_with("c10/");
}

}  // namespace

std::optional<std::string> RoomOf(std::string_view file) {
  constexpr std::string_view kHouse = "occvla/";
  if (!file.starts_with(kHouse)) return "";
  file.remove_prefix(kHouse.size());
  if (file.find('/') == file.npos) return "";
  // The longest folder that is a room: model/files is one of its own inside model.
  for (auto end = file.rfind('/'); end != file.npos;
       end = end ? file.rfind('/', end - 1) : file.npos)
    if (Below().count(file.substr(0, end))) return std::string(file.substr(0, end));
  return std::nullopt;
}

std::optional<std::string> Included(std::string_view line) {
  static const std::regex include(R"(^\s*#\s*include\s*[<"]([^>"]+)[>"].*)");
  std::match_results<std::string_view::const_iterator> match;
  if (!std::regex_match(line.begin(), line.end(), match, include)) return std::nullopt;
  return match[1].str();
}

std::optional<std::string> Breach(std::string_view file, std::string_view header) {
  const auto room = RoomOf(file);
  if (!room) return "its folder is not a room of the house";
  if (IsTorch(header)) {
    if (*room == "model" || *room == "train" || *room == "infer") return std::nullopt;
    return "torch is for model, train and infer only";
  }
  if (!header.starts_with("occvla/")) return std::nullopt;
  const auto other = RoomOf(header);
  if (!other) return "that folder is not a room of the house";
  Rooms allowed;
  AddBelow(*room, allowed);
  if (allowed.count(*other)) return std::nullopt;
  return *room + " does not stand on " + *other;
}

}  // namespace occvla::tests
