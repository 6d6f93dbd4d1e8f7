#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "occvla/base/rng.h"

namespace occvla::infer {

/// The largest logit's id; the lowest id on ties.
int64_t Greedy(std::span<const float> logits);

/// Draws from softmax(logits / temperature), cut to the smallest set of ids whose probability
/// reaches `top_p` (nucleus; 0 < top_p <= 1). temperature 0 is greedy. One uniform number of `rng`
/// a call. Throws CheckpointError for logits that are not numbers.
int64_t Sample(std::span<const float> logits, double temperature, double top_p, Rng& rng);

/// The legal continuations of "Meta action: " as token sequences, walked like a trie: what may come
/// next after what was taken so far.
class LabelConstraint {
 public:
  /// One sequence a label, end token included.
  explicit LabelConstraint(std::vector<std::vector<int64_t>> sequences)
      : sequences_(std::move(sequences)) {}

  /// Ids allowed next, ascending; empty once a label is complete.
  std::vector<int64_t> Allowed() const;
  /// Takes one of them.
  void Take(int64_t id);

 private:
  std::vector<std::vector<int64_t>> sequences_;  // Those that agree with what was taken.
  size_t taken_ = 0;
};

}  // namespace occvla::infer
