#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "occvla/eval/report/table.h"

namespace occvla::eval {

/// What the `eval` verbs wrote about one model: a folder with any of `planning.json`, `qa.json`,
/// `meta_action.json`, `occupancy.json`; `scenes.json`, where it is there, gives intervals.
struct ModelResults {
  std::string name;
  std::filesystem::path folder;
};

/// Every table that some model has numbers for, published rows first, then a row a model (planning:
/// a row a protocol); with no model, the published tables alone. Percentages are 100 times the
/// reports' fractions. With two models that have `scenes.json`, their differences too. Throws one
/// DataError with every complaint: a folder without any report, a report that is not in its form
/// (docs/METRICS.md).
std::vector<Table> MakeTables(const std::vector<ModelResults>& models);

}  // namespace occvla::eval
