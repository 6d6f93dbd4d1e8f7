#include "occvla/eval/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "occvla/base/error.h"
#include "occvla/base/rng.h"

namespace occvla::eval {
namespace {

constexpr size_t kMostResamples = 10'000'000;

std::optional<double> Rate(std::span<const SceneSum> scenes, std::span<const size_t> drawn) {
  double numerator = 0, denominator = 0;
  for (const size_t scene : drawn) {
    numerator += scenes[scene].numerator;
    denominator += scenes[scene].denominator;
  }
  if (denominator == 0) return std::nullopt;
  return numerator / denominator;
}

// Between two sorted values linearly, as numpy's percentile does by default.
double Quantile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(std::floor(at));
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - std::floor(at)) * (sorted[above] - sorted[below]);
}

void Check(size_t scenes, const BootstrapOptions& options) {
  if (options.resamples < 1 || options.resamples > kMostResamples) {
    throw ConfigError("bootstrap: resamples must be 1 to " + std::to_string(kMostResamples) +
                      ", but are " + std::to_string(options.resamples) + ".");
  }
  if (!(options.confidence > 0 && options.confidence < 1)) {
    throw ConfigError("bootstrap: confidence must be between 0 and 1, but is " +
                      std::to_string(options.confidence) + ".");
  }
  if (scenes < 2) {
    throw DataError("bootstrap: an interval over scenes needs at least two, but there are " +
                    std::to_string(scenes) + ".");
  }
}

}  // namespace

Interval Bootstrap(size_t scenes,
                   const std::function<std::optional<double>(std::span<const size_t>)>& value,
                   const BootstrapOptions& options) {
  Check(scenes, options);
  std::vector<size_t> drawn(scenes);
  std::iota(drawn.begin(), drawn.end(), size_t{0});
  const std::optional<double> whole = value(drawn);
  if (!whole) throw DataError("bootstrap: all scenes together have no value.");
  std::vector<double> values;
  for (size_t resample = 0; resample < options.resamples; ++resample) {
    Rng rng(options.seed, "bootstrap", 0, resample);
    for (size_t& scene : drawn) scene = rng.Below(scenes);
    if (const auto one = value(drawn)) values.push_back(*one);
  }
  if (2 * values.size() < options.resamples || values.empty()) {
    throw DataError("bootstrap: " + std::to_string(options.resamples - values.size()) + " of " +
                    std::to_string(options.resamples) +
                    " resamples have no value: too few scenes have anything to count.");
  }
  std::sort(values.begin(), values.end());
  const double tail = (1 - options.confidence) / 2;
  return {.value = *whole,
          .low = Quantile(values, tail),
          .high = Quantile(values, 1 - tail),
          .scenes = scenes,
          .resamples = values.size(),
          .undefined = options.resamples - values.size()};
}

Interval BootstrapRate(std::span<const SceneSum> scenes, const BootstrapOptions& options) {
  return Bootstrap(
      scenes.size(), [&](std::span<const size_t> drawn) { return Rate(scenes, drawn); }, options);
}

Interval BootstrapDifference(std::span<const SceneSum> ours, std::span<const SceneSum> theirs,
                             const BootstrapOptions& options) {
  if (ours.size() != theirs.size()) {
    throw DataError("bootstrap: the models have " + std::to_string(ours.size()) + " and " +
                    std::to_string(theirs.size()) +
                    " scenes; a paired interval needs the same ones.");
  }
  return Bootstrap(
      ours.size(),
      [&](std::span<const size_t> drawn) -> std::optional<double> {
        const auto our_rate = Rate(ours, drawn), their_rate = Rate(theirs, drawn);
        if (!our_rate || !their_rate) return std::nullopt;
        return *our_rate - *their_rate;
      },
      options);
}

}  // namespace occvla::eval
