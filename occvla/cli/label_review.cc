#include <CLI/Option.hpp>
#include <chrono>
#include <functional>
#include <iomanip>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/text.h"
#include "occvla/cli/dataset_flags.h"
#include "occvla/cli/verbs.h"
#include "occvla/label/review_labels.h"
#include "occvla/label/review_store.h"

namespace occvla::cli {
namespace {

using Json = nlohmann::ordered_json;
using label::LabelMap;
using label::ReviewStore;

struct Flags {
  std::string store, labels, out, by, change, comment, split = "all";
  DatasetFlags dataset;
  std::vector<std::string> tokens, files;
  bool undecided = false, accepted = false, changed = false, commented = false;
  bool accept = false, undo = false, json = false;
};

ReviewStore OpenExisting(const Flags& flags) {
  return ReviewStore(flags.store, ReviewStore::Missing::kRefuse);
}

int64_t Now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

void WriteResult(const std::string& text, const Flags& flags, const Context& context) {
  if (flags.out.empty()) {
    context.out << text;
  } else {
    WriteFileAtomically(flags.out, std::string_view(text));
  }
}

void PrintJson(const Json& json, std::ostream& out) {
  out << json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
}

// --- list

label::ReviewFilter FilterOf(const Flags& flags) {
  using label::ReviewStatus;
  label::ReviewFilter filter;
  filter.who = flags.by;
  if (flags.undecided) filter.status = ReviewStatus::kUndecided;
  if (flags.accepted) filter.status = ReviewStatus::kAccepted;
  if (flags.changed) filter.status = ReviewStatus::kChanged;
  if (flags.commented) filter.status = ReviewStatus::kCommented;
  return filter;
}

Json ToJson(const label::ReviewItem& item) {
  Json json = {{"sample_token", item.sample_token}, {"proposed", data::ToString(item.proposed)}};
  if (const auto& decision = item.state.decision) {
    json["verdict"] = label::NameOf(decision->verdict);
    json["label"] = data::ToString(*item.state.label());
    json["shown"] = data::ToString(decision->proposed);
    json["who"] = decision->who;
    json["when"] = label::UtcText(decision->when_ms);
  } else {
    json["verdict"] = "undecided";
    json["label"] = data::ToString(item.proposed);
  }
  json["comments"] = item.state.comments;
  if (item.state.comments > 0) json["last_comment"] = item.state.last_comment;
  return json;
}

std::string ToLine(const label::ReviewItem& item) {
  std::string text = item.sample_token + "  " + data::ToString(item.proposed);
  if (const auto& decision = item.state.decision) {
    const auto right = *item.state.label();
    text += right == item.proposed ? "  accepted" : "  -> " + data::ToString(right);
    text += " by " + decision->who + ", " + label::UtcText(decision->when_ms);
  } else {
    text += "  undecided";
  }
  if (item.state.comments > 0) text += "  " + Quoted(item.state.last_comment);
  return text;
}

void RunList(const Flags& flags, const Context& context) {
  data::nuscenes::DatasetOptions options = OptionsFrom(flags.dataset);
  options.meta_actions = flags.labels;
  const auto dataset = data::nuscenes::Dataset::Open(options);
  const auto labels_file = dataset.options().meta_actions;
  if (labels_file.empty()) {
    throw DataError(options.dataroot.string() + ", " + options.version +
                    ": has no meta actions to review. `occvla label meta-actions` makes them, or "
                    "name a file with --labels.");
  }
  const LabelMap proposals = label::ReadLabels(labels_file);
  std::vector<std::string> tokens;
  for (const data::nuscenes::Row sample : dataset.KeyFrames(flags.split))
    tokens.push_back(dataset.tables().rows().sample[sample].token.ToString());
  std::map<std::string, label::ReviewState> states;
  // Before the first decision there is no store, and all is undecided.
  std::error_code ignored;
  if (std::filesystem::exists(flags.store, ignored)) states = OpenExisting(flags).States();
  const auto items = ListReviews(tokens, proposals, states, FilterOf(flags));
  if (flags.json) {
    Json json = Json::array();
    for (const auto& item : items) json.push_back(ToJson(item));
    return PrintJson(json, context.out);
  }
  for (const auto& item : items) context.out << ToLine(item) << "\n";
  context.err << items.size() << " of " << tokens.size() << " keyframes of "
              << flags.dataset.version << ", split " << flags.split << "\n";
}

// --- set

label::Decision DecisionOf(const Flags& flags) {
  label::Decision decision;
  decision.who = flags.by;
  decision.comment = flags.comment;
  decision.when_ms = Now_ms();
  decision.verdict = label::Verdict::kComment;
  if (flags.accept) decision.verdict = label::Verdict::kAccept;
  if (flags.undo) decision.verdict = label::Verdict::kUndo;
  if (!flags.change.empty()) {
    decision.verdict = label::Verdict::kChange;
    decision.changed_to = data::ParseMetaAction(flags.change);
    if (!decision.changed_to) {
      throw ConfigError(
          "--change must be \"<velocity>, <direction>\" such as \"Decelerate, Stop\", "
          "but is " +
          Quoted(flags.change, 60) + ".");
    }
  }
  return decision;
}

void RunSet(const Flags& flags, const Context& context) {
  const int chosen = (flags.accept ? 1 : 0) + (flags.undo ? 1 : 0) + (flags.change.empty() ? 0 : 1);
  if (chosen > 1 || (chosen == 0 && flags.comment.empty()))
    throw ConfigError("review set: say one of --accept, --change, --undo, or --comment alone.");
  label::Decision decision = DecisionOf(flags);
  const LabelMap proposals = label::ReadLabels(flags.labels);
  std::vector<label::Decision> decisions;
  std::string unknown;
  for (const std::string& token : flags.tokens) {
    const auto proposal = proposals.find(token);
    if (proposal == proposals.end()) {
      unknown += "\n  - " + Printable(token, 60);
      continue;
    }
    decision.sample_token = token;
    decision.proposed = proposal->second;
    decisions.push_back(decision);
  }
  if (!unknown.empty()) {
    throw ConfigError(flags.labels +
                      ": proposes nothing for these keyframes; nothing was kept:" + unknown);
  }
  ReviewStore store(flags.store, ReviewStore::Missing::kCreate);
  store.Add(decisions);
  const auto states = store.States();
  for (const auto& one : decisions)
    context.out << ToLine({one.sample_token, one.proposed, states.at(one.sample_token)}) << "\n";
}

// --- export, import, apply

void RunExport(const Flags& flags, const Context& context) {
  WriteResult(OpenExisting(flags).Export(), flags, context);
}

void RunImport(const Flags& flags, const Context& context) {
  std::vector<label::Decision> decisions;
  for (const std::string& file : flags.files) {
    const auto some = label::ParseJsonLines(ReadTextFile(file, label::kMaxDecisionBytes), file);
    decisions.insert(decisions.end(), some.begin(), some.end());
  }
  ReviewStore store(flags.store, ReviewStore::Missing::kCreate);
  const uint64_t added = store.Import(decisions);
  context.out << flags.store << ": " << added << " records added, " << decisions.size() - added
              << " were there already\n";
}

void RunApply(const Flags& flags, const Context& context) {
  std::error_code ignored;
  if (std::filesystem::equivalent(flags.labels, flags.out, ignored)) {
    throw ConfigError("review apply: --out would replace the proposals in " + flags.labels +
                      ", and an undo could no longer bring them back. Keep the proposals under "
                      "another name.");
  }
  const LabelMap proposals = label::ReadLabels(flags.labels);
  const auto reviewed = ApplyReviews(proposals, OpenExisting(flags).States());
  label::WriteLabels(flags.out, reviewed.labels);
  context.out << flags.out << ": " << reviewed.labels.size() << " labels, " << reviewed.decided
              << " of them decided by a person, " << reviewed.changed << " changed\n";
  if (reviewed.outdated > 0) {
    context.out << reviewed.outdated << " were decided when another label was proposed\n";
  }
  if (reviewed.elsewhere > 0)
    context.out << reviewed.elsewhere << " decisions are about keyframes without a proposal\n";
}

// --- report

Json ToJson(const label::ReviewCounts& counts) {
  return {{"accepted", counts.accepted},
          {"changed", counts.changed},
          {"undecided", counts.undecided},
          {"share_changed", counts.share_changed()}};
}

// What the report counts, by title and class, in one order for text and JSON.
template <typename Take>
void VisitCounts(const label::ReviewShare& share, Take&& take) {
  take("all", "all", share.all);
  for (size_t i = 0; i < share.velocity.size(); ++i)
    take("velocity", std::string(data::kVelocityNames[i]), share.velocity[i]);
  for (size_t i = 0; i < share.direction.size(); ++i)
    take("direction", std::string(data::kDirectionNames[i]), share.direction[i]);
}

Json ToJson(const label::ReviewShare& share) {
  Json json = Json::object();
  VisitCounts(share, [&](const char* title, const std::string& name, const auto& counts) {
    if (name == title) {
      json[title] = ToJson(counts);
    } else {
      json[title][name] = ToJson(counts);
    }
  });
  json["changed_velocity"] = share.changed_velocity;
  json["changed_direction"] = share.changed_direction;
  json["changes"] = Json::array();
  for (const auto& [from_to, count] : share.changes) {
    json["changes"].push_back({{"from", from_to.first}, {"to", from_to.second}, {"count", count}});
  }
  json["people"] = Json::object();
  for (const auto& [who, person] : share.people) {
    json["people"][who] = {{"accepted", person.accepted},
                           {"changed", person.changed},
                           {"records", person.records},
                           {"comments", person.comments},
                           {"undone", person.undone}};
  }
  return json;
}

void PrintShare(const label::ReviewShare& share, std::ostream& out) {
  out << std::fixed << std::setprecision(1) << share.all.decided() << " of "
      << share.all.decided() + share.all.undecided << " keyframes decided, "
      << 100 * share.all.share_changed() << " % of them changed (" << share.changed_velocity
      << " in velocity, " << share.changed_direction
      << " in direction); the paper states about 20 %\n"
      << std::left << std::setw(24) << "shown" << std::right << std::setw(10) << "accepted"
      << std::setw(10) << "changed" << std::setw(11) << "undecided" << std::setw(11) << "changed"
      << "\n";
  VisitCounts(share, [&](const char*, const std::string& name, const auto& counts) {
    out << std::left << std::setw(24) << name << std::right << std::setw(10) << counts.accepted
        << std::setw(10) << counts.changed << std::setw(11) << counts.undecided << std::setw(9)
        << 100 * counts.share_changed() << " %\n";
  });
  for (const auto& [from_to, count] : share.changes)
    out << from_to.first << " -> " << from_to.second << ": " << count << "\n";
  for (const auto& [who, person] : share.people) {
    out << who << ": " << person.accepted << " accepted, " << person.changed << " changed; "
        << person.records << " records, " << person.comments << " with a comment, " << person.undone
        << " undone\n";
  }
}

void RunReport(const Flags& flags, const Context& context) {
  const auto share = MeasureShare(label::ReadLabels(flags.labels), OpenExisting(flags).History());
  if (flags.json) return PrintJson(ToJson(share), context.out);
  PrintShare(share, context.out);
}

// --- flags

CLI::App& AddChild(CLI::App& review, const char* name, const char* what,
                   const std::shared_ptr<Flags>& flags, const Context& context,
                   void (*run)(const Flags&, const Context&)) {
  auto& child = *review.add_subcommand(name, what);
  child.add_option("--store", flags->store, "The review store, a SQLite file")
      ->required()
      ->type_name("FILE");
  child.callback([flags, &context, run] { run(*flags, context); });
  return child;
}

CLI::Option* AddLabels(CLI::App& child, const std::shared_ptr<Flags>& flags) {
  return child
      .add_option("--labels", flags->labels, "The proposals, as `label meta-actions` writes them")
      ->type_name("FILE");
}

void AddList(CLI::App& review, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& child =
      AddChild(review, "list", "Keyframes with proposal and decision", flags, context, RunList);
  AddDatasetFlags(child, flags->dataset);
  AddSplitFlag(child, flags->split)->capture_default_str();
  AddLabels(child, flags)
      ->description("The proposals; default: DATAROOT/VERSION/meta_actions.json");
  auto* status = child.add_option_group("status", "Only keyframes that are");
  status->add_flag("--undecided", flags->undecided, "not decided");
  status->add_flag("--accepted", flags->accepted, "accepted");
  status->add_flag("--changed", flags->changed, "changed");
  status->add_flag("--commented", flags->commented, "commented on");
  status->require_option(0, 1);
  child.add_option("--by", flags->by, "Only decisions of this person that hold")->type_name("WHO");
  child.add_flag("--json", flags->json, "As JSON");
  child.footer(
      "Example:\n  occvla label review list --store review.sqlite --dataroot data/nuscenes "
      "--version v1.0-mini --split mini_train --undecided");
}

void AddSet(CLI::App& review, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& child = AddChild(review, "set", "Records what a person decided", flags, context, RunSet);
  AddLabels(child, flags)->required();
  child.add_option("TOKEN", flags->tokens, "Sample tokens")->required();
  child.add_option("--by", flags->by, "Who decides")->required()->type_name("WHO");
  child.add_flag("--accept", flags->accept, "The proposal is right");
  child.add_option("--change", flags->change, "This is right")->type_name("\"V, D\"");
  child.add_flag("--undo", flags->undo, "Takes back the latest decision that holds");
  child.add_option("--comment", flags->comment, "In words; alone or with one of the others")
      ->type_name("TEXT");
  child.footer(
      "Example:\n  occvla label review set --store review.sqlite --labels proposed.json --by Ada "
      "--change \"Decelerate, Stop\" ca9a282c9e77460f8360f564131a8af5");
}

}  // namespace

void AddLabelReview(CLI::App& label, const Context& context) {
  auto& review = *label.add_subcommand(
      "review", "What people accepted or corrected: every record kept, the latest holds");
  AddList(review, context);
  AddSet(review, context);
  AddLabelReviewPage(review, context);
  {
    auto flags = std::make_shared<Flags>();
    auto& child =
        AddChild(review, "export", "Every record as JSON Lines", flags, context, RunExport);
    child.add_option("--out", flags->out, "Default: standard output")->type_name("FILE");
    child.footer("Example:\n  occvla label review export --store review.sqlite --out review.jsonl");
  }
  {
    auto flags = std::make_shared<Flags>();
    auto& child = AddChild(review, "import", "Adds records of JSON Lines files that are not there",
                           flags, context, RunImport);
    child.add_option("FILE", flags->files, "As `label review export` writes them")->required();
    child.footer(
        "Example:\n  occvla label review import --store review.sqlite ada.jsonl ben.jsonl");
  }
  {
    auto flags = std::make_shared<Flags>();
    auto& child = AddChild(review, "apply",
                           "Writes the labels for training: proposals, with what "
                           "people decided in their place",
                           flags, context, RunApply);
    AddLabels(child, flags)->required();
    child.add_option("--out", flags->out, "The reviewed labels")->required()->type_name("FILE");
    child.footer(
        "Example:\n  occvla label review apply --store review.sqlite --labels proposed.json --out "
        "data/nuscenes/v1.0-mini/meta_actions.json");
  }
  {
    auto flags = std::make_shared<Flags>();
    auto& child = AddChild(review, "report", "How much people accepted and changed", flags, context,
                           RunReport);
    AddLabels(child, flags)->required();
    child.add_flag("--json", flags->json, "As JSON");
    child.footer(
        "Example:\n  occvla label review report --store review.sqlite --labels proposed.json");
  }
  review.require_subcommand(1);
}

}  // namespace occvla::cli
