#include "occvla/cli/runs_text.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

namespace occvla::cli {

void AddRegistryFlag(CLI::App& verb, std::string& registry) {
  verb.add_option("--registry", registry,
                  "The registry of runs [OCCVLA_RUNS, else ~/.local/share/occvla/runs.db]")
      ->type_name("FILE");
}

std::optional<std::filesystem::path> RegistryFile(const std::string& flag) {
  if (!flag.empty()) return flag;
  return train::DefaultRegistry();
}

std::string Aligned(const std::vector<std::vector<std::string>>& rows, size_t numbers) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (size_t c = 0; c < row.size(); ++c) {
      const std::string space(widths[c] - row[c].size(), ' ');
      line += (c ? "  " : "") + (c >= numbers ? space + row[c] : row[c] + space);
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string Significant(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

std::string MinuteText(int64_t ms) {
  const auto seconds = static_cast<std::time_t>(ms / 1000);
  std::tm parts{};
  char text[40] = "unknown";
  if (::gmtime_r(&seconds, &parts) != nullptr)
    (void)std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts);
  return text;
}

std::string PlaceText(train::RunPlace place) {
  switch (place) {
    case train::RunPlace::kHere:
      return "here";
    case train::RunPlace::kGone:
      return "gone";
    case train::RunPlace::kTaken:
      return "taken";
  }
  return "gone";
}

nlohmann::ordered_json RunToJson(const train::FoundRun& run) {
  return {{"name", run.origin.name},
          {"folder", run.folder.string()},
          {"folder_is", PlaceText(run.place)},
          {"id", run.origin.id},
          {"stage", run.origin.stage},
          {"preset", run.origin.preset},
          {"status", run.state.Word()},
          {"reason", run.state.reason},
          {"step", run.state.step},
          {"steps", run.origin.steps},
          {"started_ms", run.origin.started_ms},
          {"updated_ms", run.state.updated_ms},
          {"config_sha256", run.origin.config_hash},
          {"data_fingerprint", run.origin.data_fingerprint},
          {"parent", run.origin.parent},
          {"host", run.state.process.host},
          {"pid", run.state.process.pid}};
}

}  // namespace occvla::cli
