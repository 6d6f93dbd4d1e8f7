#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "occvla/train/runs/metrics.h"

namespace occvla::train {

struct CurvePoint {
  int64_t step = 0;
  double value = 0;
  bool operator==(const CurvePoint&) const = default;
};

/// One metric of one series in bounded memory, whatever the length of the run: all points while
/// they are few, then the lowest and the highest of each stretch, so that no spike is lost.
class Curve {
 public:
  static constexpr size_t kMaxStretches = 1000;

  void Add(int64_t step, double value);
  /// In the order of `Add`; at most two a stretch and the last; all finite.
  std::vector<CurvePoint> Points() const;

  /// Of the finite values; nothing before the first.
  const std::optional<CurvePoint>& lowest() const { return lowest_; }
  const std::optional<CurvePoint>& highest() const { return highest_; }
  const std::optional<CurvePoint>& last() const { return last_; }
  uint64_t not_finite() const { return not_finite_; }
  int64_t first_not_finite() const { return first_not_finite_; }

 private:
  struct Stretch {
    CurvePoint first, second;  // Lowest and highest, as they came.
  };
  static Stretch Joined(const Stretch& a, const Stretch& b);

  std::vector<Stretch> stretches_;
  uint64_t per_stretch_ = 1, in_last_ = 0;
  std::optional<CurvePoint> lowest_, highest_, last_;
  uint64_t not_finite_ = 0;
  int64_t first_not_finite_ = 0;
};

/// All metrics of a run: name -> series -> curve.
using Curves = std::map<std::string, std::map<std::string, Curve>>;

void AddTo(Curves& curves, const MetricRecord& record);

}  // namespace occvla::train
