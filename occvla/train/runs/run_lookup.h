#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "occvla/train/runs/metrics.h"
#include "occvla/train/runs/registry.h"
#include "occvla/train/runs/run_facts.h"

namespace occvla::train {

/// What lies where a registry's row says that its run is.
enum class RunPlace {
  kHere,
  kGone,   ///< No folder, or no run in it: it was moved or deleted.
  kTaken,  ///< Another run; the row's own is gone.
};
RunPlace PlaceOf(const RegistryRow& row);

/// A run that was asked for.
struct FoundRun {
  std::filesystem::path folder;
  RunOrigin origin;
  RunState state;  ///< The folder's; the row's where the folder is gone.
  RunPlace place = RunPlace::kHere;
  bool registered = false;
};

/// The registry's rows; none where there is no registry yet. Throws as Registry does.
std::vector<RegistryRow> RowsOf(const std::optional<std::filesystem::path>& registry);

/// `run` is a folder that holds a run, or the path of a registered one, or how the name of exactly
/// one registered run begins (a whole name wins over a beginning). Throws ConfigError that lists
/// the nearest names, or the runs among which to choose; DataError for damaged files.
FoundRun FindRun(const std::string& run, std::span<const RegistryRow> rows);

/// The run in a folder; nothing when there is no origin.json. Throws DataError.
std::optional<FoundRun> RunIn(const std::filesystem::path& folder);

/// "train/loss" -> step -> value, of all that was logged; a step logged twice keeps the last.
using MetricSteps = std::map<std::string, std::map<int64_t, double>>;
MetricSteps StepsOf(std::span<const MetricRecord> records);

/// Up to `most` steps, spread evenly, at which each of `runs` has a value of `metric`; the last
/// such step is among them.
std::vector<int64_t> CommonSteps(std::span<const MetricSteps> runs, const std::string& metric,
                                 size_t most);

/// Writes TensorBoard's events of all that a run's folder holds in metrics.jsonl and samples/ into
/// one new file in `out`, a folder that is made if need be. Gives its path.
std::filesystem::path ExportEvents(const std::filesystem::path& folder,
                                   const std::filesystem::path& out);

}  // namespace occvla::train
