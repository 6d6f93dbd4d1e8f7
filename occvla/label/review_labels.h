#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "occvla/label/review_decision.h"

/// Reviewed decisions over proposed labels: the labels for training, and how much people changed.
namespace occvla::label {

/// Sample token -> label: the content of a `meta_actions.json`.
using LabelMap = std::map<std::string, data::MetaAction>;
/// Throws one DataError with every complaint: a token that is none, a label that is none, no label
/// at all.
LabelMap ReadLabels(const std::filesystem::path& path);
/// Sorted by token, a line each; atomically.
void WriteLabels(const std::filesystem::path& path, const LabelMap& labels);

struct ReviewedLabels {
  LabelMap labels;         ///< Every proposal, or what a person put in its place.
  uint64_t decided = 0;    ///< Of the proposals.
  uint64_t changed = 0;    ///< Labels that differ from their proposal.
  uint64_t outdated = 0;   ///< Decided when another label was proposed than now.
  uint64_t elsewhere = 0;  ///< Keyframes with a decision that holds, but without a proposal.
};
/// What a person stands for wins over the proposal, also where that has changed since: the person
/// judged the images. Undecided keyframes keep their proposal.
ReviewedLabels ApplyReviews(const LabelMap& proposals,
                            const std::map<std::string, ReviewState>& states);

/// How many keyframes of a class are where.
struct ReviewCounts {
  uint64_t accepted = 0, changed = 0, undecided = 0;
  uint64_t decided() const { return accepted + changed; }
  /// Changed among the decided; the paper states about 0.2. 0 where nothing is decided.
  double share_changed() const;
};

/// The share report. Classes go by the label that the person was shown, or the proposal where
/// nobody decided.
struct ReviewShare {
  ReviewCounts all;
  uint64_t changed_velocity = 0, changed_direction = 0;  ///< A change may do both.
  std::array<ReviewCounts, 3> velocity;
  std::array<ReviewCounts, 6> direction;
  /// (shown, changed to) -> how often, of changes that hold.
  std::map<std::pair<std::string, std::string>, uint64_t> changes;
  struct Person {
    uint64_t accepted = 0, changed = 0;              ///< Decisions of theirs that hold.
    uint64_t records = 0, comments = 0, undone = 0;  ///< Everything they recorded.
  };
  std::map<std::string, Person> people;
};
/// Over the keyframes of `proposals`; `history` is everything in the store.
ReviewShare MeasureShare(const LabelMap& proposals, std::span<const Decision> history);

/// One keyframe as the list shows it.
struct ReviewItem {
  std::string sample_token;
  data::MetaAction proposed;
  ReviewState state;
};
enum class ReviewStatus { kAny, kUndecided, kAccepted, kChanged, kCommented };
struct ReviewFilter {
  ReviewStatus status = ReviewStatus::kAny;
  std::string who;  ///< The decision that holds is this person's; empty = anybody's or none.
};
/// The keyframes of `tokens`, in their order, that have a proposal and pass the filter.
std::vector<ReviewItem> ListReviews(std::span<const std::string> tokens, const LabelMap& proposals,
                                    const std::map<std::string, ReviewState>& states,
                                    const ReviewFilter& filter);

}  // namespace occvla::label
