#include "occvla/label/review_labels.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/json.h"
#include "occvla/base/text.h"
#include "occvla/data/complaints.h"

namespace occvla::label {
namespace {

bool IsSampleToken(std::string_view text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool IsChange(const ReviewState& state) {
  return state.decision && state.decision->verdict == Verdict::kChange;
}

void Count(ReviewCounts& counts, const ReviewState& state) {
  ++(!state.decision ? counts.undecided : IsChange(state) ? counts.changed : counts.accepted);
}

bool Passes(const ReviewState& state, const ReviewFilter& filter) {
  if (!filter.who.empty() && (!state.decision || state.decision->who != filter.who)) return false;
  switch (filter.status) {
    case ReviewStatus::kUndecided:
      return !state.decision;
    case ReviewStatus::kAccepted:
      return state.decision && !IsChange(state);
    case ReviewStatus::kChanged:
      return IsChange(state);
    case ReviewStatus::kCommented:
      return state.comments > 0;
    case ReviewStatus::kAny:
      break;
  }
  return true;
}

}  // namespace

LabelMap ReadLabels(const std::filesystem::path& path) {
  const nlohmann::json document = ReadJsonFile(path, {.max_depth = 2});
  const JsonNode root(document, path.string());
  if (!root.is_object()) root.Fail("must be an object of sample tokens and labels");
  LabelMap labels;
  data::Complaints complaints;
  for (const auto& [token, value] : root.json().items()) {
    const auto* text = value.get_ptr<const std::string*>();
    const auto action = text != nullptr ? data::ParseMetaAction(*text) : std::nullopt;
    if (!IsSampleToken(token)) {
      complaints.AddWhole(Quoted(token, 60) + " must be a sample token of 32 hex digits");
    } else if (!action) {
      complaints.Add(
          token,
          "must be \"<velocity>, <direction>\" such as \"Maintain speed, Go Straight\", "
          "but is " +
              Printable(value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace), 80));
    } else {
      labels.emplace(token, *action);
    }
  }
  complaints.Throw(path.string() + ": meta actions",
                   "Make the file again with `occvla label meta-actions`.");
  if (labels.empty()) {
    throw DataError(path.string() +
                    ": holds no label. `occvla label meta-actions` makes such files.");
  }
  return labels;
}

void WriteLabels(const std::filesystem::path& path, const LabelMap& labels) {
  std::string text;
  for (const auto& [token, action] : labels) {
    text += text.empty() ? "{\n" : ",\n";
    text += "\"" + token + "\": \"" + data::ToString(action) + "\"";
  }
  WriteFileAtomically(path, text.empty() ? "{}\n" : text + "\n}\n");
}

ReviewedLabels ApplyReviews(const LabelMap& proposals,
                            const std::map<std::string, ReviewState>& states) {
  ReviewedLabels reviewed{.labels = proposals};
  for (const auto& [token, state] : states) {
    if (!state.decision) continue;
    const auto proposal = reviewed.labels.find(token);
    if (proposal == reviewed.labels.end()) {
      ++reviewed.elsewhere;
      continue;
    }
    ++reviewed.decided;
    if (state.decision->proposed != proposal->second) ++reviewed.outdated;
    if (*state.label() != proposal->second) ++reviewed.changed;
    proposal->second = *state.label();
  }
  return reviewed;
}

double ReviewCounts::share_changed() const {
  return decided() == 0 ? 0 : static_cast<double>(changed) / static_cast<double>(decided());
}

ReviewShare MeasureShare(const LabelMap& proposals, std::span<const Decision> history) {
  ReviewShare share;
  std::map<std::string, std::vector<Decision>> histories;
  for (const Decision& one : history) {
    if (!proposals.contains(one.sample_token)) continue;
    auto& person = share.people[one.who];
    ++person.records;
    if (!one.comment.empty()) ++person.comments;
    if (one.verdict == Verdict::kUndo) ++person.undone;
    histories[one.sample_token].push_back(one);
  }
  for (const auto& [token, proposed] : proposals) {
    const auto found = histories.find(token);
    const ReviewState state = found == histories.end() ? ReviewState{} : Play(found->second);
    const data::MetaAction shown = state.decision ? state.decision->proposed : proposed;
    Count(share.all, state);
    Count(share.velocity[static_cast<size_t>(shown.velocity)], state);
    Count(share.direction[static_cast<size_t>(shown.direction)], state);
    if (!state.decision) continue;
    auto& person = share.people[state.decision->who];
    ++(IsChange(state) ? person.changed : person.accepted);
    if (!IsChange(state)) continue;
    const data::MetaAction right = *state.label();
    if (right.velocity != shown.velocity) ++share.changed_velocity;
    if (right.direction != shown.direction) ++share.changed_direction;
    ++share.changes[{data::ToString(shown), data::ToString(right)}];
  }
  return share;
}

std::vector<ReviewItem> ListReviews(std::span<const std::string> tokens, const LabelMap& proposals,
                                    const std::map<std::string, ReviewState>& states,
                                    const ReviewFilter& filter) {
  std::vector<ReviewItem> items;
  for (const std::string& token : tokens) {
    const auto proposal = proposals.find(token);
    if (proposal == proposals.end()) continue;
    const auto found = states.find(token);
    ReviewItem item{token, proposal->second, found == states.end() ? ReviewState{} : found->second};
    if (Passes(item.state, filter)) items.push_back(std::move(item));
  }
  return items;
}

}  // namespace occvla::label
