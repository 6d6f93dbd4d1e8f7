#include <algorithm>
#include <iomanip>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "occvla/base/config.h"
#include "occvla/base/error.h"
#include "occvla/base/text.h"
#include "occvla/cli/dataset_flags.h"
#include "occvla/cli/verbs.h"
#include "occvla/label/meta_action_set.h"

namespace occvla::cli {
namespace {

using label::MetaActionSet;
using Counts = std::vector<std::pair<std::string, uint64_t>>;

struct Flags {
  DatasetFlags dataset;
  std::string split = "all", out, config;
  std::vector<std::string> sets;
  bool calibrate = false, force = false, json = false;
};

template <size_t N, typename IndexOf>
Counts CountBy(const std::array<std::string_view, N>& names, const MetaActionSet& set,
               const IndexOf& index_of) {
  Counts counts;
  for (const auto name : names) counts.emplace_back(name, 0);
  for (const auto& one : set.labelled) ++counts[static_cast<size_t>(index_of(one.label))].second;
  return counts;
}

Counts Velocities(const MetaActionSet& set) {
  return CountBy(data::kVelocityNames, set,
                 [](const auto& label) { return label.action.velocity; });
}
Counts Directions(const MetaActionSet& set) {
  return CountBy(data::kDirectionNames, set,
                 [](const auto& label) { return label.action.direction; });
}
Counts Rules(const MetaActionSet& set) {
  return CountBy(label::kDirectionRuleNames, set,
                 [](const auto& label) { return label.evidence.rule; });
}
Counts Fallbacks(const MetaActionSet& set) {
  Counts counts = CountBy(label::kFallbackNames, set,
                          [](const auto& label) { return label.evidence.fallback; });
  counts.erase(counts.begin());  // None.
  return counts;
}
Counts Unlabelled(const MetaActionSet& set) {
  Counts counts;
  for (const auto name : label::kUnlabelledNames) counts.emplace_back(name, 0);
  for (const auto& one : set.unlabelled) ++counts[static_cast<size_t>(one.why)].second;
  return counts;
}

double MeanConfidence(const MetaActionSet& set) {
  double sum = 0;
  for (const auto& one : set.labelled) sum += one.label.confidence();
  return set.labelled.empty() ? 0 : sum / static_cast<double>(set.labelled.size());
}

void PrintCounts(const char* title, const Counts& counts, size_t all, std::ostream& out) {
  out << title << "\n";
  for (const auto& [name, count] : counts) {
    out << "  " << std::left << std::setw(52) << name << std::right << std::setw(9) << count
        << std::setw(8)
        << (all > 0 ? 100 * static_cast<double>(count) / static_cast<double>(all) : 0) << " %\n";
  }
}

void PrintText(const MetaActionSet& set, const std::optional<label::Calibration>& calibration,
               std::ostream& out) {
  const size_t all = set.labelled.size();
  out << std::fixed << std::setprecision(1) << "split " << set.split << ": "
      << all + set.unlabelled.size() << " keyframes, " << all << " labelled ("
      << label::Provenance(set.rules) << ")\n";
  if (calibration) {
    const double most = *std::max_element(calibration->share.begin(), calibration->share.end());
    out << std::setprecision(2) << "calibrated: speed.changing = " << calibration->changing
        << " m/s^2" << std::setprecision(1)
        << (most > 0.505
                ? "; the largest class still holds more than half: too many windows are alike"
                : "")
        << "\n";
  }
  PrintCounts("not labelled", Unlabelled(set), all + set.unlabelled.size(), out);
  PrintCounts("velocity", Velocities(set), all, out);
  PrintCounts("direction", Directions(set), all, out);
  PrintCounts("direction by rule", Rules(set), all, out);
  PrintCounts("fallback to geometry", Fallbacks(set), all, out);
  out << std::setprecision(3) << "mean confidence " << MeanConfidence(set) << "\n"
      << std::setprecision(1);
}

void PrintJson(const MetaActionSet& set, const std::optional<label::Calibration>& calibration,
               std::ostream& out) {
  const auto object = [](const Counts& counts) {
    auto json = nlohmann::ordered_json::object();
    for (const auto& [name, count] : counts) json[name] = count;
    return json;
  };
  nlohmann::ordered_json json = {{"split", set.split},
                                 {"provenance", label::Provenance(set.rules)},
                                 {"labelled", set.labelled.size()},
                                 {"unlabelled", object(Unlabelled(set))},
                                 {"velocity", object(Velocities(set))},
                                 {"direction", object(Directions(set))},
                                 {"rules", object(Rules(set))},
                                 {"fallback", object(Fallbacks(set))},
                                 {"mean_confidence", MeanConfidence(set)}};
  json["calibrated"] = nullptr;
  if (calibration) json["calibrated"] = calibration->changing;
  out << json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
}

void Run(const Flags& flags, const Context& context) {
  label::MetaActionRules rules;
  LoadConfig(rules, flags.config, flags.sets);
  rules.Validate();
  auto options = OptionsFrom(flags.dataset);
  options.read_meta_actions = false;
  const std::filesystem::path out = flags.out.empty()
                                        ? options.dataroot / options.version / "meta_actions.json"
                                        : std::filesystem::path(flags.out);
  for (const auto& path : {out, label::EvidencePath(out)}) {
    if (flags.force || !std::filesystem::exists(path)) continue;
    throw ConfigError(path.string() +
                      ": is there already, and somebody may have corrected it. --force replaces "
                      "it, --out writes to another file.");
  }
  const auto dataset = data::nuscenes::Dataset::Open(options);
  WorkProgress bar(context, "labelling", "keyframes");
  const auto progress = [&](uint64_t done, uint64_t total) { bar(done, total); };
  MetaActionSet set = label::LabelKeyFrames(dataset, flags.split, rules, progress);
  std::optional<label::Calibration> calibration;
  if (flags.calibrate) {
    calibration = label::CalibrateChanging(set);
    rules.speed.changing = calibration->changing;
    set = label::LabelKeyFrames(dataset, flags.split, rules, progress);
  }
  label::WriteMetaActions(set, dataset.tables(), out);
  (flags.json ? PrintJson : PrintText)(set, calibration, context.out);
  if (!flags.json) context.out << out.string() << "\n" << label::EvidencePath(out).string() << "\n";
}

}  // namespace

void AddLabelMetaActions(CLI::App& label, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& verb = *label.add_subcommand(
      "meta-actions", "What the car does over the next three seconds, by rules from poses and map");
  AddDatasetFlags(verb, flags->dataset);
  AddSplitFlag(verb, flags->split)->capture_default_str();
  verb.add_option("--out", flags->out,
                  "The labels; the evidence goes beside them, as *.evidence.json "
                  "[DATAROOT/VERSION/meta_actions.json]")
      ->type_name("JSON");
  verb.add_flag("--calibrate", flags->calibrate,
                "Finds the speed.changing that balances the velocities, and labels with it");
  verb.add_flag("--force", flags->force, "Replaces labels that are there");
  verb.add_flag("--json", flags->json, "The counts as JSON");
  verb.add_option("--config", flags->config, "TOML with any of the fields below")
      ->type_name("FILE");
  verb.add_option("--set", flags->sets, "Changes a field; repeatable")->type_name("FIELD=VALUE");
  verb.footer("Fields of --config and --set:\n" + HelpText(label::MetaActionRules{}) +
              "\nExample:\n  occvla label meta-actions --dataroot data/nuscenes --version "
              "v1.0-trainval --split train --config configs/meta-actions.toml");
  verb.callback([flags, &context] { Run(*flags, context); });
}

}  // namespace occvla::cli
