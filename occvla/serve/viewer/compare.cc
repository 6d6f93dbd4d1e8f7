#include "occvla/serve/viewer/compare.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "occvla/serve/viewer/run_folder.h"

namespace occvla::serve::viewer {
namespace {

using Points = std::array<std::array<double, 2>, 6>;

double MeanDistance(const Points& a, const Points& b) {
  double sum = 0;
  for (size_t step = 0; step < a.size(); ++step)
    sum += std::hypot(a[step][0] - b[step][0], a[step][1] - b[step][1]);
  return sum / static_cast<double>(a.size());
}

double VoxelShare(const data::OccupancyGrid& a, const data::OccupancyGrid& b) {
  size_t either = 0, different = 0;
  for (size_t index = 0; index < a.labels.size(); ++index) {
    const uint8_t left = a.labels[index], right = b.labels[index];
    either += left != data::kFreeClass || right != data::kFreeClass ? 1 : 0;
    different += left != right ? 1 : 0;
  }
  return either == 0 ? 0 : static_cast<double>(different) / static_cast<double>(either);
}

std::map<std::string, int> Words(std::string_view text) {
  std::map<std::string, int> words;
  std::istringstream stream{std::string(text)};
  for (std::string word; stream >> word;) ++words[word];
  return words;
}

double Rounded(double value) { return std::round(value * 1000) / 1000; }

}  // namespace

double TextDifference(std::string_view a, std::string_view b) {
  const auto left = Words(a), right = Words(b);
  int common = 0, all = 0;
  for (const auto& [word, count] : left) {
    all += count;
    const auto found = right.find(word);
    if (found != right.end()) common += std::min(count, found->second);
  }
  for (const auto& [word, count] : right) all += count;
  return all == 0 ? 0 : 1 - 2.0 * common / all;
}

std::vector<Difference> CompareReplies(const RunFolder& a, const RunFolder& b) {
  std::vector<Difference> differences;
  for (const auto& [token, reply] : a.replies()) {
    const RunReply* other = b.Find(token);
    if (other == nullptr) continue;
    const data::Prediction &left = reply.prediction, &right = other->prediction;
    Difference one{.token = token,
                   .plan_m = std::nullopt,
                   .action_differs = !(left.meta_action == right.meta_action),
                   .text = TextDifference(left.text, right.text),
                   .voxels = std::nullopt};
    if (left.trajectory_E && right.trajectory_E)
      one.plan_m = MeanDistance(*left.trajectory_E, *right.trajectory_E);
    differences.push_back(std::move(one));
  }
  return differences;
}

void VoxelDifferences::AddTo(std::vector<Difference>& differences, const RunFolder& a,
                             const RunFolder& b) {
  for (auto& one : differences) {
    if (!a.HasOccupancy(one.token) || !b.HasOccupancy(one.token)) continue;
    const auto key = std::make_tuple(a.name(), b.name(), one.token);
    auto kept = kept_.find(key);
    if (kept == kept_.end()) {
      kept =
          kept_.emplace(key, VoxelShare(*a.ReadOccupancy(one.token), *b.ReadOccupancy(one.token)))
              .first;
    }
    one.voxels = kept->second;
  }
}

std::optional<double> ValueOf(const Difference& difference, std::string_view by) {
  if (by == "action") return difference.action_differs ? 1 : 0;
  if (by == "text") return difference.text;
  if (by == "voxels") return difference.voxels;
  return difference.plan_m;
}

void Sort(std::vector<Difference>& differences, std::string_view by) {
  std::stable_sort(
      differences.begin(), differences.end(), [&](const Difference& left, const Difference& right) {
        const auto key = [&](const Difference& one) {
          return std::make_pair(ValueOf(one, by).value_or(-1), one.plan_m.value_or(-1));
        };
        return key(left) > key(right);
      });
}

nlohmann::ordered_json ToJson(const Difference& difference, std::string_view by) {
  using Json = nlohmann::ordered_json;
  const auto number = [](const std::optional<double>& value) {
    return value ? Json(Rounded(*value)) : Json(nullptr);
  };
  return {{"token", difference.token},           {"difference", number(ValueOf(difference, by))},
          {"plan_m", number(difference.plan_m)}, {"action_differs", difference.action_differs},
          {"text", Rounded(difference.text)},    {"voxels", number(difference.voxels)}};
}

}  // namespace occvla::serve::viewer
