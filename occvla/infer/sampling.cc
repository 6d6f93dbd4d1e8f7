#include "occvla/infer/sampling.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "occvla/base/error.h"

namespace occvla::infer {

namespace {

[[noreturn]] void RefuseLogits() {
  throw CheckpointError(
      "the model's logits are infinite or not numbers: its weights are damaged, or too large for "
      "the compute type. Take the checkpoint from its source again, or compute in float32.");
}

}  // namespace

int64_t Greedy(std::span<const float> logits) {
  return std::max_element(logits.begin(), logits.end()) - logits.begin();
}

int64_t Sample(std::span<const float> logits, double temperature, double top_p, Rng& rng) {
  OCCVLA_DCHECK(temperature >= 0 && top_p > 0);
  const int64_t likeliest = Greedy(logits);
  const double top = logits[static_cast<size_t>(likeliest)];
  if (!std::isfinite(top)) RefuseLogits();
  if (temperature <= 0) return likeliest;
  std::vector<double> weight(logits.size());
  for (size_t i = 0; i < logits.size(); ++i) {
    weight[i] = std::exp((logits[i] - top) / temperature);
  }
  std::vector<int64_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  // Ids break ties, so that the draw does not depend on the sort.
  const auto likelier = [&](int64_t a, int64_t b) {
    return weight[a] != weight[b] ? weight[a] > weight[b] : a < b;
  };
  const double total = std::accumulate(weight.begin(), weight.end(), 0.0);
  if (!std::isfinite(total)) RefuseLogits();
  double kept = 0;
  size_t count = 0;
  if (top_p < 1) {
    // Most nuclei are small: sort ever larger heads instead of 257,216 ids.
    for (size_t head = 64; kept < top_p * total && count < order.size(); head *= 8) {
      const size_t sorted = std::min(head, order.size());
      std::partial_sort(order.begin(), order.begin() + static_cast<int64_t>(sorted), order.end(),
                        likelier);
      for (; count < sorted && kept < top_p * total; ++count) kept += weight[order[count]];
    }
  } else {
    kept = total;
    count = order.size();
  }
  double target = rng.Uniform() * kept;
  for (size_t i = 0; i < count; ++i) {
    target -= weight[order[i]];
    if (target < 0) return order[i];
  }
  return order[count - 1];
}

std::vector<int64_t> LabelConstraint::Allowed() const {
  std::vector<int64_t> ids;
  for (const auto& sequence : sequences_) {
    if (taken_ < sequence.size()) ids.push_back(sequence[taken_]);
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

void LabelConstraint::Take(int64_t id) {
  std::erase_if(sequences_, [&](const auto& sequence) {
    return taken_ >= sequence.size() || sequence[taken_] != id;
  });
  OCCVLA_DCHECK(!sequences_.empty());
  ++taken_;
}

}  // namespace occvla::infer
