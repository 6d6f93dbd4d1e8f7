#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/text.h"
#include "occvla/cli/runs_text.h"
#include "occvla/cli/verbs.h"
#include "occvla/train/runs/config_difference.h"

namespace occvla::cli {
namespace {

using Json = nlohmann::ordered_json;
using train::FoundRun;

constexpr size_t kMaxRuns = 20;

struct Flags {
  std::string registry;
  std::vector<std::string> runs;
  size_t steps = 5;
  bool json = false;
};

struct Comparison {
  std::vector<FoundRun> runs;
  std::vector<train::ConfigDifference> config;
  std::vector<train::MetricSteps> metrics;  ///< One a run.
  std::set<std::string> names;              ///< Of all metrics.
};

Comparison Compare(const Flags& flags) {
  Comparison comparison;
  std::vector<std::map<std::string, std::string>> configs;
  std::vector<std::string> gone;
  const auto rows = train::RowsOf(RegistryFile(flags.registry));
  for (const std::string& name : flags.runs) {
    FoundRun run = train::FindRun(name, rows);
    if (run.place != train::RunPlace::kHere) {
      gone.push_back(run.folder.string());
      continue;
    }
    const auto config = run.folder / "config.toml";
    configs.push_back(train::FlatConfig(ReadTextFile(config), config.string()));
    comparison.metrics.push_back(
        train::StepsOf(train::ReadMetrics(run.folder / "metrics.jsonl").records));
    for (const auto& [metric, steps] : comparison.metrics.back()) comparison.names.insert(metric);
    comparison.runs.push_back(std::move(run));
  }
  if (!gone.empty()) {
    throw DataError("runs that were moved or deleted cannot be compared:\n  - " +
                    Join(gone, "\n  - ") + "\nName their new folders.");
  }
  comparison.config = train::DifferencesOf(configs);
  return comparison;
}

const std::map<int64_t, double>* StepsOf(const train::MetricSteps& run, const std::string& metric) {
  const auto found = run.find(metric);
  return found == run.end() ? nullptr : &found->second;
}

Json ToJson(const Comparison& comparison, size_t most) {
  Json json = {{"runs", Json::array()}, {"config", Json::array()}, {"metrics", Json::object()}};
  for (const auto& run : comparison.runs) json["runs"].push_back(RunToJson(run));
  for (const auto& field : comparison.config) {
    Json values = Json::array();
    for (const auto& value : field.values) values.push_back(value ? Json(*value) : Json());
    json["config"].push_back({{"field", field.field}, {"values", values}});
  }
  for (const std::string& name : comparison.names) {
    Json common = Json::array(), last = Json::array();
    for (const int64_t step : train::CommonSteps(comparison.metrics, name, most)) {
      Json values = Json::array();
      for (const auto& run : comparison.metrics) values.push_back(run.at(name).at(step));
      common.push_back({{"step", step}, {"values", values}});
    }
    for (const auto& run : comparison.metrics) {
      const auto* steps = StepsOf(run, name);
      last.push_back(
          steps ? Json{{"step", steps->rbegin()->first}, {"value", steps->rbegin()->second}}
                : Json());
    }
    json["metrics"][name] = {{"common", common}, {"last", last}};
  }
  return json;
}

void PrintText(const Comparison& comparison, size_t most, std::ostream& out) {
  std::vector<std::string> head;
  for (size_t i = 0; i < comparison.runs.size(); ++i) {
    const FoundRun& run = comparison.runs[i];
    head.push_back("(" + std::to_string(i + 1) + ")");
    out << head.back() << " " << Printable(run.origin.name) << ", " << run.origin.stage << " of "
        << run.origin.preset << ", " << run.state.Word() << ": " << run.folder.string() << "\n";
  }
  const auto with = [&](std::vector<std::string> row, const std::vector<std::string>& more) {
    row.insert(row.end(), more.begin(), more.end());
    return row;
  };
  if (comparison.config.empty()) {
    out << "\nthe configs are the same\n";
  } else {
    std::vector<std::vector<std::string>> table{with({"config"}, head)};
    for (const auto& field : comparison.config) {
      table.push_back({Printable(field.field)});
      for (const auto& value : field.values)
        table.back().push_back(Printable(value.value_or("absent"), 60));
    }
    out << "\n" << Aligned(table, comparison.runs.size() + 1);
  }
  std::vector<std::vector<std::string>> table{with({"metric", "step"}, head)};
  for (const std::string& name : comparison.names) {
    for (const int64_t step : train::CommonSteps(comparison.metrics, name, most)) {
      table.push_back({Printable(name), std::to_string(step)});
      for (const auto& run : comparison.metrics)
        table.back().push_back(Significant(run.at(name).at(step)));
    }
    table.push_back({Printable(name), "last"});
    for (const auto& run : comparison.metrics) {
      const auto* steps = StepsOf(run, name);
      table.back().push_back(steps ? Significant(steps->rbegin()->second) + " @" +
                                         std::to_string(steps->rbegin()->first)
                                   : "-");
    }
  }
  if (table.size() > 1) out << "\n" << Aligned(table, 1);
}

void Run(const Flags& flags, const Context& context) {
  const Comparison comparison = Compare(flags);
  if (flags.json) {
    context.out
        << ToJson(comparison, flags.steps).dump(2, ' ', false, Json::error_handler_t::replace)
        << "\n";
  } else {
    PrintText(comparison, flags.steps, context.out);
  }
}

}  // namespace

void AddRunsCompare(CLI::App& runs, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& child = *runs.add_subcommand(
      "compare", "Where configs differ, and metrics at the steps that all runs have, and last");
  AddRegistryFlag(child, flags->registry);
  child.add_option("RUN", flags->runs, "Two runs or more: folders, names, or how names begin")
      ->required()
      ->expected(2, static_cast<int>(kMaxRuns));
  child.add_option("--steps", flags->steps, "Common steps to show a metric at")
      ->check(CLI::Range(size_t{0}, size_t{1000}))
      ->capture_default_str();
  child.add_flag("--json", flags->json, "As JSON");
  child.footer("Example:\n  occvla runs compare runs/lambda-0 runs/lambda-1");
  child.callback([flags, &context] { Run(*flags, context); });
}

}  // namespace occvla::cli
