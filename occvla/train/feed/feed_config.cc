#include "occvla/train/feed/feed_config.h"

#include <cmath>

#include "occvla/base/config.h"
#include "occvla/base/error.h"
#include "occvla/base/text.h"

namespace occvla::train {
namespace {

constexpr double kMostRepeats = 1000;

void CheckLengths(const FeedConfig& config, std::vector<std::string>& bad) {
  const size_t sets = config.dataroots.size();
  if (sets == 0) bad.emplace_back("dataroots names no data set");
  const auto check = [&](const char* name, size_t count, bool may_be_empty) {
    if (count == sets || (may_be_empty && count == 0)) return;
    bad.push_back(std::string(name) + " must have " + std::to_string(sets) +
                  " entries, as many as dataroots, but has " + std::to_string(count));
  };
  check("versions", config.versions.size(), false);
  check("splits", config.splits.size(), false);
  check("weights", config.weights.size(), true);
  check("packs", config.packs.size(), true);
}

}  // namespace

void FeedConfig::Validate() const {
  std::vector<std::string> bad;
  CheckLengths(*this, bad);
  double weights_sum = weights.empty() ? 1 : 0;
  for (const double weight : weights) {
    if (!(weight >= 0 && weight <= kMostRepeats))
      bad.push_back("weights must be 0 to 1000, but one is " + std::to_string(weight));
    weights_sum += weight;
  }
  if (!(weights_sum > 0)) bad.emplace_back("weights are all 0");
  QuestionMix shares = mix;
  config::Collector fields;
  shares.VisitFields(fields);
  double mix_sum = 0;
  for (const config::Field& field : fields.fields()) {
    const double share = *std::get<double*>(field.target);
    if (!(share >= 0 && std::isfinite(share)))
      bad.push_back("mix." + field.path + " must be 0 or above, is " + std::to_string(share));
    mix_sum += share;
  }
  if (!(mix_sum > 0) && !always_chain_of_thought) bad.emplace_back("mix draws no question");
  const auto within = [&](const char* name, int64_t value, int64_t least, int64_t most) {
    if (value >= least && value <= most) return;
    bad.push_back(std::string(name) + " must be " + std::to_string(least) + " to " +
                  std::to_string(most) + ", is " + std::to_string(value));
  };
  within("questions_per_frame", questions_per_frame, 1, 1024);
  within("max_text_tokens", max_text_tokens, 4, 1 << 20);
  within("most_frames", most_frames, 0, UINT32_MAX);
  within("threads", threads, 1, 256);
  within("ahead", ahead, 1, 65536);
  augment.Check(bad);
  if (!bad.empty()) throw ConfigError("data:\n  - " + Join(bad, "\n  - "));
}

}  // namespace occvla::train
