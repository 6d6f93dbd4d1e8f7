#include "occvla/train/feed/question_draw.h"

#include <string>

#include "occvla/base/error.h"
#include "occvla/base/text.h"

namespace occvla::train {

QuestionFamily FamilyOf(std::string_view kind) {
  if (kind == "occvla/chain-of-thought") return QuestionFamily::kChainOfThought;
  const std::string_view set = kind.substr(0, kind.find('/'));
  if (set == "nuscenes-qa") return QuestionFamily::kNuscenesQa;
  if (set == "omnidrive") return QuestionFamily::kOmnidrive;
  if (set == "drivelm") return QuestionFamily::kDrivelm;
  if (set == "nuscenes-mqa") return QuestionFamily::kNuscenesMqa;
  throw DataError("a question is of the kind " + Quoted(kind) +
                  ", of which data.mix knows no family.");
}

std::array<double, kQuestionFamilies> SharesOf(const QuestionMix& mix) {
  return {mix.chain_of_thought, mix.nuscenes_qa, mix.omnidrive, mix.drivelm, mix.nuscenes_mqa};
}

bool MayBeAsked(const FeedConfig& config, std::string_view kind) {
  const QuestionFamily family = FamilyOf(kind);
  if (SharesOf(config.mix)[static_cast<size_t>(family)] > 0) return true;
  return family == QuestionFamily::kChainOfThought && config.always_chain_of_thought;
}

namespace {

// Takes one of `left` by lot.
size_t Pick(std::vector<size_t>& left, Rng& rng) {
  const size_t at = rng.Below(left.size());
  const size_t picked = left[at];
  left[at] = left.back();
  left.pop_back();
  return picked;
}

}  // namespace

std::vector<size_t> DrawQuestions(std::span<const data::QuestionAnswer> questions,
                                  const FeedConfig& config, Rng& rng,
                                  const std::function<bool(size_t index)>& take) {
  std::array<std::vector<size_t>, kQuestionFamilies> left;
  for (size_t i = 0; i < questions.size(); ++i)
    left[static_cast<size_t>(FamilyOf(questions[i].kind))].push_back(i);
  const auto shares = SharesOf(config.mix);
  const auto wanted = static_cast<size_t>(config.questions_per_frame);

  std::vector<size_t> taken;
  auto& thoughts = left[static_cast<size_t>(QuestionFamily::kChainOfThought)];
  while (config.always_chain_of_thought && taken.empty() && !thoughts.empty()) {
    const size_t picked = Pick(thoughts, rng);
    if (take(picked)) taken.push_back(picked);
  }
  while (taken.size() < wanted) {
    double sum = 0;
    for (size_t family = 0; family < left.size(); ++family)
      if (!left[family].empty()) sum += shares[family];
    if (!(sum > 0)) break;
    double lot = rng.Uniform() * sum;
    size_t drawn = left.size();  // The last that may be drawn, should rounding leave a rest.
    for (size_t family = 0; family < left.size(); ++family) {
      if (left[family].empty() || !(shares[family] > 0)) continue;
      drawn = family;
      lot -= shares[family];
      if (lot < 0) break;
    }
    const size_t picked = Pick(left[drawn], rng);
    if (take(picked)) taken.push_back(picked);
  }
  return taken;
}

}  // namespace occvla::train
