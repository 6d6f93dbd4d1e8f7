#pragma once
#include <array>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "occvla/base/rng.h"
#include "occvla/data/frame.h"
#include "occvla/train/feed/feed_config.h"

namespace occvla::train {

/// Where a question comes from.
enum class QuestionFamily { kChainOfThought, kNuscenesQa, kOmnidrive, kDrivelm, kNuscenesMqa };
inline constexpr size_t kQuestionFamilies = 5;
inline constexpr std::array<std::string_view, kQuestionFamilies> kFamilyNames = {
    "chain_of_thought", "nuscenes_qa", "omnidrive", "drivelm", "nuscenes_mqa"};

/// By the kind that data::QuestionStore gives; throws DataError for another.
QuestionFamily FamilyOf(std::string_view kind);
/// By family.
std::array<double, kQuestionFamilies> SharesOf(const QuestionMix& mix);
/// The questions that a frame may be asked under this config; not empty = it has text.
bool MayBeAsked(const FeedConfig& config, std::string_view kind);

/// Draws questions without replacement: first the chain of thought where it is always asked, then
/// families by their shares among those that have questions left, then any of the family's. `take`
/// says false for one that is left out (too long), and another is drawn for it. Indices into
/// `questions` in the order in which they were taken, at most config.questions_per_frame.
std::vector<size_t> DrawQuestions(std::span<const data::QuestionAnswer> questions,
                                  const FeedConfig& config, Rng& rng,
                                  const std::function<bool(size_t index)>& take);

}  // namespace occvla::train
