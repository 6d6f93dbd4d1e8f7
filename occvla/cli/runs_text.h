#pragma once
#include <CLI/App.hpp>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "occvla/train/runs/run_lookup.h"

/// What the children of `runs` share.
namespace occvla::cli {

/// `--registry FILE`; empty: train::DefaultRegistry().
void AddRegistryFlag(CLI::App& verb, std::string& registry);
std::optional<std::filesystem::path> RegistryFile(const std::string& flag);

/// Lines of aligned cells, two spaces apart; `numbers`: the first column from which on cells stand
/// right.
std::string Aligned(const std::vector<std::vector<std::string>>& rows, size_t numbers);

/// "0.1235": four significant digits.
std::string Significant(double value);
/// "2026-01-31 23:59".
std::string MinuteText(int64_t ms);

/// Name, folder, stage, status and so on; without what is long.
nlohmann::ordered_json RunToJson(const train::FoundRun& run);
/// "here", "gone", "taken".
std::string PlaceText(train::RunPlace place);

}  // namespace occvla::cli
