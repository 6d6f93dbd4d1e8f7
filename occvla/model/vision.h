#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

#include "occvla/model/files/config.h"
#include "occvla/model/layers.h"

namespace occvla::model {

struct VisionLayer {
  LayerNormWeights norm1, norm2;
  Linear q, k, v, out, fc1, fc2;
};

/// SigLIP (facts A.2). N images, P patches an image, C channels. Immutable after loading.
class VisionTower {
 public:
  VisionConfig config;
  Linear patch;         ///< [C, 3 * p * p]: the patch convolution as a product.
  at::Tensor position;  ///< [P, C] float32
  std::vector<VisionLayer> layers;
  LayerNormWeights post_norm;
  at::ScalarType compute = at::kFloat;
  int64_t max_score_bytes = int64_t{256} << 20;

  /// pixels [N, 3, S, S] float32 in [-1, 1] -> features after the last norm [N, P, C].
  at::Tensor operator()(const at::Tensor& pixels, const LayerObserver& on_layer = {}) const;

 private:
  at::Tensor Patches(const at::Tensor& pixels) const;
  at::Tensor SelfAttention(const VisionLayer& w, const at::Tensor& u, int64_t images) const;
};

}  // namespace occvla::model
