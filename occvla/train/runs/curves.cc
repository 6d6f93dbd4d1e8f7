#include "occvla/train/runs/curves.h"

#include <cmath>

namespace occvla::train {

Curve::Stretch Curve::Joined(const Stretch& a, const Stretch& b) {
  const CurvePoint* points[] = {&a.first, &a.second, &b.first, &b.second};
  int low = 0, high = 0;
  for (int i = 1; i < 4; ++i) {
    if (points[i]->value < points[low]->value) low = i;
    if (points[i]->value > points[high]->value) high = i;
  }
  if (low > high) std::swap(low, high);
  return {*points[low], *points[high]};
}

void Curve::Add(int64_t step, double value) {
  if (!std::isfinite(value)) {
    if (not_finite_++ == 0) first_not_finite_ = step;
    return;
  }
  const CurvePoint point{step, value};
  if (!lowest_ || value < lowest_->value) lowest_ = point;
  if (!highest_ || value > highest_->value) highest_ = point;
  last_ = point;
  if (stretches_.empty() || in_last_ == per_stretch_) {
    if (stretches_.size() == kMaxStretches) {
      for (size_t i = 0; i < kMaxStretches / 2; ++i)
        stretches_[i] = Joined(stretches_[2 * i], stretches_[2 * i + 1]);
      stretches_.resize(kMaxStretches / 2);
      per_stretch_ *= 2;
    }
    stretches_.push_back({point, point});
    in_last_ = 1;
    return;
  }
  stretches_.back() = Joined(stretches_.back(), {point, point});
  ++in_last_;
}

std::vector<CurvePoint> Curve::Points() const {
  std::vector<CurvePoint> points;
  const auto add = [&](const CurvePoint& point) {
    if (points.empty() || points.back() != point) points.push_back(point);
  };
  for (const Stretch& stretch : stretches_) add(stretch.first), add(stretch.second);
  if (last_) add(*last_);
  return points;
}

void AddTo(Curves& curves, const MetricRecord& record) {
  for (const auto& [name, value] : record.values)
    curves[name][record.series].Add(record.step, value);
}

}  // namespace occvla::train
