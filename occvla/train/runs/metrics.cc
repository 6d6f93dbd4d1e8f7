#include "occvla/train/runs/metrics.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/json.h"
#include "occvla/base/text.h"

namespace occvla::train {
namespace {

using Json = nlohmann::ordered_json;

const char* NameOfNotFinite(double value) {
  if (std::isnan(value)) return "NaN";
  return value > 0 ? "Infinity" : "-Infinity";
}

/// What `name` stood for when it was written as null.
double NotFinite(const JsonNode& record, const std::string& name) {
  const auto note = record.Find("not_finite");
  const auto word = note ? note->Find(name) : std::nullopt;
  const std::string text = word ? word->String() : "";
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return kInfinity;
  if (text == "-Infinity") return -kInfinity;
  record.At("values").Fail("has null for " + Quoted(name) +
                           ", and not_finite does not say NaN, Infinity or -Infinity for it");
}

MetricRecord ParseRecord(std::string_view line, const std::string& where) {
  JsonLimits limits;
  limits.max_bytes = kMaxMetricLine;
  limits.max_depth = 4;
  const nlohmann::json document = ParseJson(line, where, limits);
  const JsonNode root(document, where);
  root.RefuseOthers({"step", "time", "series", "values", "not_finite"});
  MetricRecord record;
  record.step = root.At("step").Int(0);
  record.time = root.At("time").Number();
  record.series = root.At("series").String();
  const JsonNode values = root.At("values");
  for (const std::string& name : values.Names()) {
    const auto value = values.Find(name);  // null counts as absent.
    record.values[name] = value ? value->Number() : NotFinite(root, name);
  }
  return record;
}

}  // namespace

std::string ToJsonLine(const MetricRecord& record) {
  Json json = {{"step", record.step}, {"time", record.time}, {"series", record.series}};
  Json values = Json::object(), not_finite = Json::object();
  for (const auto& [name, value] : record.values) {
    values[name] = value;  // The library writes null for what is not finite.
    if (!std::isfinite(value)) not_finite[name] = NameOfNotFinite(value);
  }
  json["values"] = std::move(values);
  if (!not_finite.empty()) json["not_finite"] = std::move(not_finite);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

MetricFile ParseMetrics(std::string_view text, const std::string& where) {
  MetricFile file;
  size_t number = 0;
  while (file.whole_bytes < text.size()) {
    const size_t end = text.find('\n', file.whole_bytes);
    if (end == std::string_view::npos) {
      file.cut = true;
      break;
    }
    const std::string_view line = text.substr(file.whole_bytes, end - file.whole_bytes);
    file.records.push_back(ParseRecord(line, where + ", line " + std::to_string(++number)));
    file.whole_bytes = end + 1;
  }
  return file;
}

MetricFile ReadMetrics(const std::filesystem::path& path) {
  return ParseMetrics(ReadTextFile(path, kMaxMetricBytes), path.string());
}

std::vector<MetricRecord> CutMetrics(const std::filesystem::path& path, int64_t last_step) {
  const std::string text = ReadTextFile(path, kMaxMetricBytes);
  MetricFile file = ParseMetrics(text, path.string());
  std::string kept;
  size_t start = 0;
  for (const MetricRecord& record : file.records) {
    const size_t end = text.find('\n', start) + 1;
    if (record.step <= last_step) kept.append(text, start, end - start);
    start = end;
  }
  if (kept.size() != text.size()) WriteFileAtomically(path, std::string_view(kept));
  std::erase_if(file.records, [&](const MetricRecord& record) { return record.step > last_step; });
  return std::move(file.records);
}

}  // namespace occvla::train
