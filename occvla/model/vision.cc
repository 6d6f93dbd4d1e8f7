#include "occvla/model/vision.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <cmath>

#include "occvla/model/attention.h"

namespace occvla::model {

// [N, 3, S, S] -> [N * P, 3 * p * p], patches row by row, each in the order of the convolution's
// weight (channel, row, column).
at::Tensor VisionTower::Patches(const at::Tensor& pixels) const {
  const int64_t N = pixels.size(0), p = config.patch_size, side = config.image_size / p;
  return pixels.view({N, 3, side, p, side, p})
      .permute({0, 2, 4, 1, 3, 5})
      .reshape({N * side * side, 3 * p * p});
}

at::Tensor VisionTower::SelfAttention(const VisionLayer& w, const at::Tensor& u,
                                      int64_t images) const {
  const int64_t P = config.tokens(), H = config.heads, D = config.hidden / config.heads;
  const auto qkv = ApplyTogether({&w.q, &w.k, &w.v}, u);  // [N * P, C] each
  if (!u.device().is_cpu()) {
    // No cap and no mask: torch's own fused attention, all images in one call.
    const auto heads = [&](const at::Tensor& x) {
      return x.to(compute).view({images, P, H, D}).transpose(1, 2);
    };
    const auto joined =
        at::scaled_dot_product_attention(heads(qkv[0]), heads(qkv[1]), heads(qkv[2]))
            .transpose(1, 2)
            .reshape({images * P, H * D});
    return w.out(joined.to(w.out.InputType(joined.size(0))));
  }
  const AttentionOptions options{.scale = 1.0 / std::sqrt(static_cast<double>(D)),
                                 .max_score_bytes = max_score_bytes};
  const auto all = KeyRanges::All(P, P);
  std::vector<at::Tensor> attended;
  for (int64_t n = 0; n < images; ++n) {
    const auto of_image = [&](const at::Tensor& x) {
      return x.to(compute).narrow(0, n * P, P).view({P, H, D});
    };
    const auto q = of_image(qkv[0]);
    const auto k = of_image(qkv[1]).transpose(0, 1), v = of_image(qkv[2]).transpose(0, 1);
    attended.push_back(Attention(q, k, v, all, options));  // [P, C]
  }
  const auto joined = at::cat(attended);  // [N * P, C]
  return w.out(joined.to(w.out.InputType(joined.size(0))));
}

at::Tensor VisionTower::operator()(const at::Tensor& pixels, const LayerObserver& on_layer) const {
  const int64_t N = pixels.size(0), S = config.image_size, P = config.tokens(), T = N * P;
  TORCH_CHECK(pixels.sizes() == at::IntArrayRef({N, 3, S, S}), "pixels are ", pixels.sizes(),
              ", expected [N, 3, ", S, ", ", S, "]");
  const auto residual_type = compute == at::kDouble ? at::kDouble : at::kFloat;
  auto t = patch(Patches(pixels).to(patch.InputType(T))).to(residual_type);  // [N * P, C]
  t = (t.view({N, P, config.hidden}) + position.to(residual_type)).view({T, config.hidden});
  for (const auto& w : layers) {
    const auto u = LayerNorm(t, w.norm1, config.norm_eps, w.q.InputType(T));
    t = t + SelfAttention(w, u, N);
    const auto b = LayerNorm(t, w.norm2, config.norm_eps, w.fc1.InputType(T));
    t = t + w.fc2(GeluTanh(w.fc1(b), {}));
    if (on_layer) on_layer();
  }
  return LayerNorm(t, post_norm, config.norm_eps, residual_type).view({N, P, config.hidden});
}

}  // namespace occvla::model
