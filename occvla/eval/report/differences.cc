#include "occvla/eval/report/differences.h"

namespace occvla::eval {
namespace {

/// The scenes that both have, in one order.
std::pair<std::vector<SceneSum>, std::vector<SceneSum>> Paired(
    const std::map<std::string, SceneSum>& ours, const std::map<std::string, SceneSum>& theirs) {
  std::pair<std::vector<SceneSum>, std::vector<SceneSum>> pairs;
  for (const auto& [scene, sum] : ours) {
    const auto other = theirs.find(scene);
    if (other == theirs.end()) continue;
    pairs.first.push_back(sum);
    pairs.second.push_back(other->second);
  }
  return pairs;
}

}  // namespace

Table DifferenceTable(const std::vector<std::pair<std::string, SceneSums>>& models) {
  Table table{"Differences between models",
              "Against the first model, with 95 % intervals: 2,000 draws of whole scenes, the same "
              "for both. An interval that holds 0 shows no difference.",
              {},
              {}};
  for (const char* name : {"difference", "from", "to"})
    table.columns.push_back({name, "", Better::kLower, 4});
  for (size_t m = 1; m < models.size(); ++m) {
    for (const auto& [metric, scenes] : models[m].second) {
      const auto first = models[0].second.find(metric);
      if (first == models[0].second.end()) continue;
      const auto [ours, theirs] = Paired(scenes, first->second);
      TableRow row{models[m].first + " - " + models[0].first,
                   "",
                   metric + ", " + std::to_string(ours.size()) + " scenes",
                   true,
                   std::vector<std::optional<double>>(3),
                   ""};
      if (ours.size() < 2) {
        row.note = "Fewer than two scenes in common: no interval.";
      } else {
        const auto interval = BootstrapDifference(ours, theirs);
        row.values = {interval.value, interval.low, interval.high};
        if (!interval.ExcludesZero()) row.note = "The interval holds 0: no difference is shown.";
      }
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}

}  // namespace occvla::eval
