#pragma once
#include <ATen/core/Tensor.h>

#include <array>
#include <vector>

#include "occvla/data/frame.h"
#include "occvla/model/files/config.h"
#include "occvla/model/linear.h"

namespace occvla::model {

/// The planning head (facts C.3): meta action, previous velocity, pooled visual tokens and ego
/// history -> 6 x 2 positions in the ego frame at 0.5 s .. 3.0 s. float32 throughout.
class Planner {
 public:
  PlannerConfig config;
  at::Tensor velocity_embedding;   ///< [3, Wv]
  at::Tensor direction_embedding;  ///< [6, Wd]
  Linear visual;                   ///< C -> Wi
  at::Tensor query;                ///< [1, C], where config.pool is "query"
  std::vector<Linear> mlp;         ///< input -> hidden -> hidden -> 12

  /// hidden [N_img, C]: the image tokens after the final norm. Returns [6, 2], metres.
  /// Velocity or past positions that are not known count as zero; say so with `MissingInputs`.
  at::Tensor operator()(const at::Tensor& hidden, const data::MetaAction& action,
                        const data::EgoState& ego) const;

  /// Which of the inputs it uses are absent from `ego`: "velocity", "past_positions".
  std::vector<std::string> MissingInputs(const data::EgoState& ego) const;

 private:
  at::Tensor Pool(const at::Tensor& hidden) const;
};

}  // namespace occvla::model
