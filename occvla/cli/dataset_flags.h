#pragma once
#include <CLI/App.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "occvla/base/progress.h"
#include "occvla/cli/verbs.h"
#include "occvla/data/nuscenes/dataset.h"

namespace occvla::cli {

/// What every verb asks that works on a data set.
struct DatasetFlags {
  std::string dataroot, version, occupancy;
  std::vector<std::string> questions;
  bool no_cache = false;
};

/// --dataroot, --version, --no-cache, --occupancy, --questions.
void AddDatasetFlags(CLI::App& verb, DatasetFlags& flags);
/// --split; `all` is every scene.
CLI::Option* AddSplitFlag(CLI::App& verb, std::string& split);

/// Occupancy is looked for beside the tables and in the places where its archive unpacks to.
data::nuscenes::DatasetOptions OptionsFrom(const DatasetFlags& flags);

/// A progress bar for work that says now and then how much of how much is done; another total
/// begins another bar. Passes an interruption on as BusyError. One thread.
class WorkProgress {
 public:
  WorkProgress(const Context& context, std::string label, std::string unit)
      : context_(context), label_(std::move(label)), unit_(std::move(unit)) {}
  void operator()(uint64_t done, uint64_t total);

 private:
  const Context& context_;  // Not owned; outlives the verb.
  std::string label_, unit_;
  std::optional<Progress> bar_;
  uint64_t done_ = 0, total_ = 0;
};

}  // namespace occvla::cli
