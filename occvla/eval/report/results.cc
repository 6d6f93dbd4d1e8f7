#include "occvla/eval/report/results.h"

#include <array>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/json.h"
#include "occvla/base/text.h"
#include "occvla/eval/report/differences.h"
#include "occvla/eval/report/published.h"
#include "occvla/eval/scene_sums.h"

namespace occvla::eval {
namespace {

namespace fs = std::filesystem;
using Values = std::vector<std::optional<double>>;

std::optional<double> Percent(const JsonNode& object, std::string_view name) {
  const auto value = object.Find(name);  // null: a rate over nothing.
  if (!value) return std::nullopt;
  return 100 * value->Number();
}

/// What each protocol means, in the words of the tables (docs/METRICS.md).
std::string ProtocolText(const std::string& name, uint64_t frames) {
  static const std::vector<std::pair<std::string, std::string>> kMeanings = {
      {"stp3", "averaged up to"},
      {"vad", "averaged up to"},
      {"bev-planner", "averaged up to"},
      {"omnidrive", "averaged up to"},
      {"occworld-averaged", "averaged up to"},
      {"occworld-single", "at horizon"},
      {"uniad", "at horizon"},
      {"opendrivevla-uniad", "at horizon"},
      {"opendrivevla-stp3", "averaged up to"}};
  for (const auto& [known, meaning] : kMeanings)
    if (known == name) return name + ", " + meaning + ", n = " + std::to_string(frames);
  return name + ", n = " + std::to_string(frames);
}

void AddPlanning(const std::string& model, const JsonNode& report, Table* table) {
  const auto protocols = report.At("protocols");
  for (const auto& name : protocols.Names()) {
    const auto protocol = protocols.At(name);
    const auto n = protocol.At("n").Unsigned();
    TableRow row{model, "", ProtocolText(name, n), true, {}, ""};
    for (const char* part : {"l2", "collision"}) {
      const auto values = protocol.At(part);
      for (const char* horizon : {"1s", "2s", "3s", "avg"}) {
        const auto value = values.Find(horizon);
        if (!value) {
          row.values.push_back(std::nullopt);
        } else {
          row.values.push_back(value->Number() * (part[0] == 'c' ? 100 : 1));
        }
      }
    }
    table->rows.push_back(std::move(row));
  }
}

void AddQuestions(const std::string& model, const JsonNode& report, Table* table) {
  TableRow row{model, "", "official", true, {}, ""};
  const auto types = report.At("types");
  for (const char* type : {"exist", "count", "object", "status", "comparison"}) {
    const auto scores = types.Find(type);
    for (const char* hop : {"h0", "h1", "all"})
      row.values.push_back(scores ? Percent(*scores, hop) : std::nullopt);
  }
  row.values.push_back(Percent(report, "overall"));
  table->rows.push_back(std::move(row));
}

void AddMetaActions(const std::string& model, const JsonNode& report, Table* table) {
  TableRow row{model, "", "labels of `occvla label`", true, {}, ""};
  for (const char* name : {"speed", "direction", "mean", "both"})
    row.values.push_back(Percent(report, name));
  table->rows.push_back(std::move(row));
}

void AddOccupancy(const std::string& model, const JsonNode& report, Table* table) {
  TableRow row{model, "", "Occ3D", true, {}, ""};
  for (const char* mask : {"camera", "lidar", "unmasked"})
    row.values.push_back(Percent(report.At(mask), "miou"));
  const auto rays = report.Find("rayiou");
  for (const char* name : {"1", "2", "4", "mean"})
    row.values.push_back(rays ? Percent(*rays, name) : std::nullopt);
  table->rows.push_back(std::move(row));
}

struct Part {
  const char* file;
  void (*add)(const std::string&, const JsonNode&, Table*);
  size_t table;
};
constexpr std::array<Part, 4> kParts = {{{"planning.json", AddPlanning, 0},
                                         {"qa.json", AddQuestions, 2},
                                         {"meta_action.json", AddMetaActions, 3},
                                         {"occupancy.json", AddOccupancy, 5}}};

}  // namespace

std::vector<Table> MakeTables(const std::vector<ModelResults>& models) {
  std::vector<Table> tables = {PublishedPlanning(),    PublishedOccupancyPlanning(),
                               PublishedQuestions(),   PublishedMetaActions(),
                               PublishedEgoAblation(), PublishedOccupancy()};
  std::vector<std::string> complaints;
  for (const auto& model : models) {
    bool any = false;
    for (const auto& part : kParts) {
      const auto path = model.folder / part.file;
      std::error_code ignored;
      if (!fs::exists(path, ignored)) continue;
      any = true;
      try {
        const auto json = ReadJsonFile(path);
        part.add(model.name, JsonNode(json, path.string()), &tables[part.table]);
      } catch (const Error& error) {
        complaints.push_back(error.what());
      }
    }
    if (!any)
      complaints.push_back(model.folder.string() +
                           ": holds none of planning.json, qa.json, meta_action.json, "
                           "occupancy.json. The `occvla eval` verbs write them with --out.");
  }
  std::vector<std::pair<std::string, SceneSums>> sums;
  for (const auto& model : models) {
    std::error_code ignored;
    const auto path = model.folder / "scenes.json";
    if (!fs::exists(path, ignored)) continue;
    try {
      sums.emplace_back(model.name, ReadSceneSums(path));
    } catch (const Error& error) {
      complaints.push_back(error.what());
    }
  }
  if (!complaints.empty()) throw DataError(Join(complaints, "\n"));
  if (sums.size() > 1) tables.push_back(DifferenceTable(sums));
  return tables;
}

}  // namespace occvla::eval
