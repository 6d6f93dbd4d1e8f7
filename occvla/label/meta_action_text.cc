#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <numbers>

#include "occvla/base/files.h"
#include "occvla/data/nuscenes/map.h"
#include "occvla/data/nuscenes/write_tables.h"
#include "occvla/label/meta_action_set.h"

namespace occvla::label {
namespace {

using data::nuscenes::AppendQuoted;
using data::nuscenes::Map;
using data::nuscenes::Tables;

/// To a thousandth, in the shortest form; no "-0".
std::string Number(double value) {
  return fmt::format("{}", std::round(value * 1000) / 1000 + 0.0);
}

double Degrees(double radians) { return radians * 180 / std::numbers::pi; }

void AppendLane(const Map* map, uint32_t element, std::string* json) {
  if (map == nullptr || element == kNoElement) {
    *json += "null";
  } else {
    AppendQuoted(map->records().ElementToken(element), json);
  }
}

template <typename Values, typename Append>
void AppendList(const char* name, const Values& values, const Append& append, std::string* json) {
  *json += fmt::format(", \"{}\": [", name);
  bool first = true;
  for (const auto& value : values) {
    if (!std::exchange(first, false)) *json += ", ";
    append(value);
  }
  *json += "]";
}

void AppendEvidence(const LabelledKeyFrame& one, const std::string& provenance, std::string* json) {
  const MetaActionLabel& label = one.label;
  const MetaActionEvidence& evidence = label.evidence;
  *json += fmt::format(
      "{{\"label\": \"{}\", \"confidence\": {}, \"velocity_confidence\": {}, "
      "\"direction_confidence\": {}, \"rule\": \"{}\", \"fallback\": ",
      ToString(label.action), Number(label.confidence()), Number(label.velocity_confidence),
      Number(label.direction_confidence), kDirectionRuleNames[static_cast<size_t>(evidence.rule)]);
  if (evidence.fallback == Fallback::kNone) {
    *json += "null";
  } else {
    *json += fmt::format("\"{}\"", kFallbackNames[static_cast<size_t>(evidence.fallback)]);
  }
  const auto number = [&](double value) { *json += Number(value); };
  AppendList("speeds", evidence.speeds, number, json);
  *json += fmt::format(", \"acceleration\": {}, \"yaw_change_deg\": {}",
                       Number(evidence.acceleration), Number(Degrees(evidence.yaw_change)));
  AppendList("end_E", evidence.end_E, number, json);
  *json += fmt::format(", \"lane_shift\": {}",
                       evidence.lane_shift ? Number(*evidence.lane_shift) : "null");
  *json += ", \"connector\": ";
  AppendLane(one.map, evidence.connector.value_or(kNoElement), json);
  AppendList(
      "lanes", evidence.lanes, [&](uint32_t element) { AppendLane(one.map, element, json); }, json);
  *json += fmt::format(", \"provenance\": \"{}\"}}", provenance);
}

/// The thresholds as JSON text of their TOML lines, so that the list of fields stands once.
void AppendThresholds(const MetaActionRules& rules, std::string* json) {
  const std::string toml = ToToml(rules);
  AppendQuoted(toml, json);
}

}  // namespace

std::string LabelsText(const MetaActionSet& set, const Tables& tables) {
  std::string json = "{";
  for (const auto& one : set.labelled) {
    json +=
        fmt::format("{}\n\"{}\": \"{}\"", json.size() > 1 ? "," : "",
                    tables.rows().sample[one.sample].token.ToString(), ToString(one.label.action));
  }
  return json + "\n}\n";
}

std::string EvidenceText(const MetaActionSet& set, const Tables& tables) {
  const std::string provenance = Provenance(set.rules);
  const auto token = [&](data::nuscenes::Row sample) {
    return tables.rows().sample[sample].token.ToString();
  };
  std::string json = "{\n\"format\": \"occvla meta actions 1\",\n\"split\": ";
  AppendQuoted(set.split, &json);
  json += fmt::format(",\n\"provenance\": \"{}\",\n\"rules_version\": \"{}\",\n\"thresholds\": ",
                      provenance, kMetaActionRulesVersion);
  AppendThresholds(set.rules, &json);
  json += ",\n\"labels\": {";
  bool first = true;
  for (const auto& one : set.labelled) {
    json += fmt::format("{}\n\"{}\": ", std::exchange(first, false) ? "" : ",", token(one.sample));
    AppendEvidence(one, provenance, &json);
  }
  json += "\n},\n\"unlabelled\": {";
  first = true;
  for (const auto& one : set.unlabelled) {
    json += fmt::format("{}\n\"{}\": \"{}\"", std::exchange(first, false) ? "" : ",",
                        token(one.sample), kUnlabelledNames[static_cast<size_t>(one.why)]);
  }
  return json + "\n}\n}\n";
}

std::filesystem::path EvidencePath(const std::filesystem::path& labels) {
  std::filesystem::path path = labels;
  return path.replace_extension(".evidence.json");
}

void WriteMetaActions(const MetaActionSet& set, const Tables& tables,
                      const std::filesystem::path& labels) {
  WriteFileAtomically(EvidencePath(labels), EvidenceText(set, tables));
  WriteFileAtomically(labels, LabelsText(set, tables));
}

}  // namespace occvla::label
