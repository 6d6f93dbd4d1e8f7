#include "occvla/label/meta_action_rules.h"

#include <fmt/format.h>

#include <cmath>
#include <span>
#include <vector>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/text.h"

namespace occvla::label {

void MetaActionRules::Validate() const {
  std::vector<std::string> bad;
  const auto within = [&](const char* name, double value, double low, double high) {
    if (!(value >= low && value <= high))
      bad.push_back(fmt::format("{} must be from {} to {}, but is {}", name, low, high, value));
  };
  within("speed.standstill", speed.standstill, 0.01, 5);
  within("speed.changing", speed.changing, 0.001, 10);
  within("matching.reach", matching.reach, 0.5, 20);
  within("matching.heading_deg", matching.heading_deg, 1, 180);
  within("matching.cost_of_30_deg", matching.cost_of_30_deg, 0, 100);
  within("matching.change_cost", matching.change_cost, 0, 1000);
  within("matching.beside_deg", matching.beside_deg, 1, 90);
  within("matching.least_gap", matching.least_gap, 0.5, 10);
  within("matching.most_gap", matching.most_gap, matching.least_gap, 20);
  within("matching.least_matched", static_cast<double>(matching.least_matched), 2, 7);
  within("turning.connector_deg", turning.connector_deg, 1, 180);
  within("turning.begun_deg", turning.begun_deg, 0, 180);
  within("turning.intersection_deg", turning.intersection_deg, 1, 180);
  within("turning.any_deg", turning.any_deg, 1, 360);
  within("lane_change.shift", lane_change.shift, 0.1, 10);
  within("lane_change.most_turn_deg", lane_change.most_turn_deg, 1, 180);
  within("lane_change.look_ahead", lane_change.look_ahead, 0, 200);
  within("geometry.straight", geometry.straight, 0.1, 50);
  within("geometry.turn", geometry.turn, geometry.straight, 100);
  within("geometry.turn_deg", geometry.turn_deg, 1, 180);
  within("geometry.change_deg", geometry.change_deg, 0, geometry.turn_deg);
  if (!bad.empty()) throw ConfigError("meta-action rules:\n  - " + Join(bad, "\n  - "));
}

std::string Provenance(const MetaActionRules& rules) {
  const std::string text = ToToml(rules);
  return fmt::format("rules {}, thresholds {}", kMetaActionRulesVersion,
                     Sha256(std::as_bytes(std::span(text))).substr(0, 12));
}

}  // namespace occvla::label
