#include "occvla/train/runs/run_lookup.h"

#include <algorithm>
#include <iterator>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/text.h"
#include "occvla/train/runs/events.h"
#include "occvla/train/runs/samples.h"

namespace occvla::train {
namespace {

namespace fs = std::filesystem;

FoundRun FromRow(const RegistryRow& row, RunPlace place) {
  return {row.folder, row.origin, row.state, place, true};
}

/// The folder's own account, which knows more than the row; the row's where it is gone.
FoundRun Resolve(const RegistryRow& row) {
  const RunPlace place = PlaceOf(row);
  if (place != RunPlace::kHere) return FromRow(row, place);
  FoundRun run = *RunIn(row.folder);
  run.registered = true;
  return run;
}

const RegistryRow* RowOf(const fs::path& folder, std::span<const RegistryRow> rows) {
  for (const RegistryRow& row : rows)
    if (row.folder == folder) return &row;
  return nullptr;
}

[[noreturn]] void ThrowUnknown(const std::string& run, std::span<const RegistryRow> rows) {
  std::vector<std::string> names;
  for (const RegistryRow& row : rows) names.push_back(row.origin.name);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  const auto nearest = Nearest(run, names);
  throw ConfigError("there is no run " + Quoted(run) +
                    ", neither a folder with an origin.json nor a " + "registered name." +
                    (nearest.empty() ? " `occvla runs list --all` shows what is registered."
                                     : " Did you mean " + Join(nearest, " or ") + "?"));
}

}  // namespace

RunPlace PlaceOf(const RegistryRow& row) {
  const auto run = RunIn(row.folder);
  if (!run) return RunPlace::kGone;
  return run->origin.id == row.origin.id ? RunPlace::kHere : RunPlace::kTaken;
}

std::vector<RegistryRow> RowsOf(const std::optional<fs::path>& registry) {
  std::error_code ignored;
  if (!registry || !fs::exists(*registry, ignored)) return {};
  return Registry(*registry, Registry::Missing::kRefuse).Rows();
}

std::optional<FoundRun> RunIn(const fs::path& folder) {
  std::error_code ignored;
  const fs::path file = folder / "origin.json";
  if (!fs::exists(file, ignored)) return std::nullopt;
  FoundRun run;
  run.folder = fs::weakly_canonical(folder);
  run.origin = ParseOrigin(ReadTextFile(file), file.string());
  const fs::path status = folder / "status.json";
  run.state = ParseState(ReadTextFile(status), status.string());
  return run;
}

FoundRun FindRun(const std::string& run, std::span<const RegistryRow> rows) {
  std::error_code ignored;
  const fs::path folder = fs::weakly_canonical(run, ignored);
  if (auto found = RunIn(run)) {
    const RegistryRow* row = RowOf(folder, rows);
    found->registered = row != nullptr && row->origin.id == found->origin.id;
    return *found;
  }
  if (const RegistryRow* row = RowOf(folder, rows)) return Resolve(*row);
  std::vector<const RegistryRow*> whole, begun;
  for (const RegistryRow& row : rows) {
    if (row.origin.name == run) whole.push_back(&row);
    if (!run.empty() && row.origin.name.starts_with(run)) begun.push_back(&row);
  }
  const auto& found = whole.empty() ? begun : whole;
  if (found.empty()) ThrowUnknown(run, rows);
  if (found.size() == 1) return Resolve(*found.front());
  std::string text =
      Quoted(run) + " may be one of " + std::to_string(found.size()) + " runs; name its folder:";
  for (const RegistryRow* row : found)
    text += "\n  - " + Printable(row->origin.name) + "  " + row->folder.string();
  throw ConfigError(text);
}

MetricSteps StepsOf(std::span<const MetricRecord> records) {
  MetricSteps steps;
  for (const MetricRecord& record : records)
    for (const auto& [name, value] : record.values)
      steps[record.series + "/" + name][record.step] = value;
  return steps;
}

std::vector<int64_t> CommonSteps(std::span<const MetricSteps> runs, const std::string& metric,
                                 size_t most) {
  if (runs.empty() || runs.front().count(metric) == 0) return {};
  std::vector<int64_t> common;
  for (const auto& [step, value] : runs.front().at(metric)) {
    const bool everywhere = std::all_of(runs.begin(), runs.end(), [&](const MetricSteps& run) {
      const auto found = run.find(metric);
      return found != run.end() && found->second.count(step) > 0;
    });
    if (everywhere) common.push_back(step);
  }
  std::vector<int64_t> chosen;
  const size_t count = std::min(most, common.size());
  for (size_t i = 1; i <= count; ++i) chosen.push_back(common[i * common.size() / count - 1]);
  return chosen;
}

fs::path ExportEvents(const fs::path& folder, const fs::path& out) {
  const MetricFile metrics = ReadMetrics(folder / "metrics.jsonl");
  std::error_code error;
  fs::create_directories(out, error);
  if (error) {
    throw ConfigError(out.string() + ": the folder cannot be made: " + error.message() +
                      ". Choose another one.");
  }
  const double begun = metrics.records.empty() ? Now() : metrics.records.front().time;
  EventWriter events(out, begun);
  std::map<int64_t, double> times;
  for (const MetricRecord& record : metrics.records) {
    times[record.step] = record.time;
    for (const auto& [name, value] : record.values)
      events.Scalar(record.step, record.time, record.series + "/" + name, value);
  }
  for (const Sample& sample : SamplesIn(folder / "samples")) {
    // A picture has no time of its own: that of the numbers before it.
    const auto after = times.upper_bound(sample.step);
    const double time = after == times.begin() ? begun : std::prev(after)->second;
    events.Picture(sample.step, time, sample.name, ReadFile(sample.path, kMaxSampleBytes));
  }
  events.Sync();
  return events.path();
}

}  // namespace occvla::train
