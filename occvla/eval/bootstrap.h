#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace occvla::eval {

/// How intervals are drawn. The same seed gives the same interval, whatever else is computed.
struct BootstrapOptions {
  size_t resamples = 2000;
  double confidence = 0.95;
  uint64_t seed = 17;
};

/// A value and the percentile interval around it.
struct Interval {
  double value = 0, low = 0, high = 0;
  size_t scenes = 0, resamples = 0;
  size_t undefined = 0;  ///< Resamples without a value (nothing to count in them), left out.
  /// Whether zero lies outside: for a difference, that it is more than chance at this confidence.
  bool ExcludesZero() const { return low > 0 || high < 0; }
};

/// What one scene adds to a rate or a mean over all scenes: sum(numerator) / sum(denominator).
struct SceneSum {
  double numerator = 0, denominator = 0;
};

/// The interval of any value over scenes, by drawing as many scenes with replacement as there are.
/// Scenes, not frames: frames of one scene are alike. `value` is given the indices drawn and may
/// have no value. Throws ConfigError for options that make no interval, DataError for fewer than
/// two scenes, or when all scenes together or more than half of the resamples have no value.
Interval Bootstrap(size_t scenes,
                   const std::function<std::optional<double>(std::span<const size_t>)>& value,
                   const BootstrapOptions& options = {});

/// The interval of one model's rate.
Interval BootstrapRate(std::span<const SceneSum> scenes, const BootstrapOptions& options = {});

/// The interval of `ours` - `theirs` over the same scenes in the same order, drawn together: what
/// makes a scene hard for both cancels out.
Interval BootstrapDifference(std::span<const SceneSum> ours, std::span<const SceneSum> theirs,
                             const BootstrapOptions& options = {});

}  // namespace occvla::eval
