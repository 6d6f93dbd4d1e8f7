#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "occvla/train/ranks.h"
#include "occvla/train/runs/step_meter.h"
#include "occvla/train/step.h"

namespace occvla::train {

/// What steps gave since the last record, on this rank.
class StepLog {
 public:
  void Add(const StepSums& sums, double gradient_norm);
  /// The means over all ranks' frames since the last record, and how fast it went: one record of
  /// metrics.jsonl. Collective. Begins anew.
  std::map<std::string, double> Record(Ranks& ranks, const StepMeter& meter, double learning_rate);

  /// Mean loss of this rank's frames in the last step that had one.
  double loss() const { return loss_; }

 private:
  std::map<std::string, std::pair<double, int64_t>> noted_;  // Name -> sum, count.
  at::Tensor confusion_, used_codes_;
  double loss_ = 0;
};

}  // namespace occvla::train
