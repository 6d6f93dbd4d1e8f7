#include "occvla/model/vqvae.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/argmin.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/upsample_nearest2d.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "occvla/base/error.h"
#include "occvla/base/text.h"
#include "occvla/model/attention.h"

namespace occvla::model {
namespace {

constexpr int kLevels = 3;          // Widths 1, 2 and 4 times `channels`.
constexpr int kBlocks = 2;          // Residual blocks a level, in both directions.
constexpr int kAttentionLevel = 2;  // The coarsest, 50 x 50.
constexpr double kNormEps = 1e-6;

// Facts B.3.
int64_t NormGroups(int64_t channels) { return channels <= 32 ? channels / 4 : 32; }

std::string ShapeText(at::IntArrayRef sizes) {
  std::string text;
  for (const int64_t size : sizes) text += (text.empty() ? "[" : ", ") + std::to_string(size);
  return text + "]";
}

void CheckWeights(const VqvaeConfig& config, const std::map<std::string, at::Tensor>& weights) {
  std::vector<std::string> bad;
  std::map<std::string, std::vector<int64_t>> expected;
  for (auto& spec : VqvaeTensors(config)) expected[spec.name] = std::move(spec.shape);
  for (const auto& [name, shape] : expected) {
    const auto found = weights.find(name);
    if (found == weights.end())
      bad.push_back(name + " " + ShapeText(shape) + " is missing");
    else if (found->second.sizes() != at::IntArrayRef(shape))
      bad.push_back(name + " is " + ShapeText(found->second.sizes()) + ", expected " +
                    ShapeText(shape));
  }
  for (const auto& [name, tensor] : weights)
    if (!expected.contains(name)) bad.push_back(name + " belongs to no part of it");
  if (bad.empty()) return;
  throw CheckpointError("The VQ-VAE's weights do not fit its config:\n  - " + Join(bad, "\n  - ") +
                        "\nConvert the checkpoint again, or correct the config's \"vqvae\".");
}

void CheckClasses(const at::Tensor& occupancy, int64_t classes) {
  const auto bad = occupancy.ge(classes).logical_or_(occupancy.lt(0));
  if (!bad.any().item<bool>()) return;
  const auto index = bad.nonzero()[0];
  std::vector<int64_t> at(4);
  for (int i = 0; i < 4; ++i) at[i] = index[i].item<int64_t>();
  const auto value = occupancy[at[0]][at[1]][at[2]][at[3]].item<int64_t>();
  throw DataError("occupancy " + ShapeText(at) + " is " + std::to_string(value) +
                  ", but classes run from 0 to " + std::to_string(classes - 1) +
                  ". Map other label sets to these classes first.");
}

// What nearest x2 gave, cut to the size that the encoder had at that level. An odd size loses the
// first row or column: the original pads by -1 // 2 = -1 there (facts B.3).
at::Tensor CropTo(const at::Tensor& x, int64_t height, int64_t width) {
  return x.narrow(2, x.size(2) - height, height).narrow(3, x.size(3) - width, width);
}

// Rows of weight [classes, E] for planes [...] int32. On a GPU the gradient of a lookup sorts
// millions of indices of few rows; as a product it is a product.
at::Tensor EmbedClasses(const at::Tensor& weight, const at::Tensor& planes) {
  if (!planes.is_cuda()) return at::embedding(weight, planes);
  const auto classes = at::arange(weight.size(0), planes.options());
  return at::matmul(planes.unsqueeze(-1).eq(classes).to(weight.scalar_type()), weight);
}

}  // namespace

Vqvae::Vqvae(const VqvaeConfig& config, std::map<std::string, at::Tensor> weights)
    : config_(config), weights_(std::move(weights)) {
  CheckWeights(config_, weights_);
  const bool all_double = std::all_of(weights_.begin(), weights_.end(), [](const auto& named) {
    return named.second.scalar_type() == at::kDouble;
  });
  for (auto& [name, tensor] : weights_)
    tensor = tensor.to(all_double ? at::kDouble : at::kFloat).contiguous();
}

Vqvae Vqvae::Resized(int64_t height, int64_t width) const {
  auto resized = *this;
  resized.config_.height = height;
  resized.config_.width = width;
  return resized;
}

at::Tensor Vqvae::Encode(const at::Tensor& occupancy) const {
  const auto& c = config_;
  TORCH_CHECK(occupancy.dim() == 4 &&
                  occupancy.sizes().slice(1) == at::IntArrayRef({c.height, c.width, c.depth}),
              "occupancy is ", occupancy.sizes(), ", expected [F, ", c.height, ", ", c.width, ", ",
              c.depth, "]");
  TORCH_CHECK(occupancy.scalar_type() == at::kByte || occupancy.scalar_type() == at::kLong,
              "occupancy is ", occupancy.scalar_type(), ", expected uint8 or int64");
  CheckClasses(occupancy, c.classes);

  const auto planes = occupancy.permute({0, 3, 1, 2}).to(at::kInt);  // [F, D, H, W]
  // Contiguous, or torch's CPU GroupNorm errs by 6e-3 on the channels-last layout that a permuted
  // input drags along (facts B.3).
  auto x = EmbedClasses(Weight("class_embeds.weight"), planes)  // [F, D, H, W, E]
               .permute({0, 1, 4, 2, 3})                        // [F, D, E, H, W]
               .reshape({-1, c.depth * c.class_width, c.height, c.width})
               .contiguous();  // [F, D * E, H, W]
  x = Conv("encoder.conv_in", x);
  for (int level = 0; level < kLevels; ++level) {
    const auto name = "encoder.down." + std::to_string(level);
    x = Level(name, level, x);
    if (level + 1 < kLevels) x = Conv(name + ".downsample.conv", x, /*stride=*/2);
  }
  x = Middle("encoder.mid", x);
  x = Conv("encoder.conv_out", at::silu(Norm("encoder.norm_out", x)));  // [F, C, h, w]
  return Conv("vqvae.quant_conv", x);
}

Vqvae::Quantised Vqvae::Quantise(const at::Tensor& z) const {
  TORCH_CHECK(z.dim() == 4 && z.size(1) == config_.latent, "z is ", z.sizes(), ", expected [F, ",
              config_.latent, ", h, w]");
  const auto& codebook = Weight("vqvae.embedding.weight");                           // [K, C]
  const auto rows = z.permute({0, 2, 3, 1}).reshape({-1, config_.latent}).detach();  // [F h w, C]
  // The original's formula in its order: another order rounds to other codes at near ties.
  const auto distance = rows.square().sum(1, /*keepdim=*/true) + codebook.square().sum(1) -
                        2 * at::matmul(rows, codebook.t());  // [F h w, K]
  const auto indices = at::argmin(distance, 1).reshape({z.size(0), z.size(2), z.size(3)});
  const auto nearest = at::embedding(codebook, indices).permute({0, 3, 1, 2});  // [F, C, h, w]
  return {indices, z + (nearest - z).detach()};
}

at::Tensor Vqvae::Decode(const at::Tensor& z) const {
  return Decode(z, {Weight("class_embeds.weight"), {}});
}

at::Tensor Vqvae::Decode(const at::Tensor& z, const Head& head) const {
  const auto& c = config_;
  std::array<int64_t, kLevels> heights{c.height}, widths{c.width};
  for (int level = 1; level < kLevels; ++level) {
    heights[level] = (heights[level - 1] + 1) / 2;
    widths[level] = (widths[level - 1] + 1) / 2;
  }
  TORCH_CHECK(z.dim() == 4 &&
                  z.sizes().slice(1) == at::IntArrayRef({c.latent, heights.back(), widths.back()}),
              "z is ", z.sizes(), ", expected [F, ", c.latent, ", ", heights.back(), ", ",
              widths.back(), "]");
  TORCH_CHECK(head.weight.sizes() == at::IntArrayRef({c.classes, c.class_width}), "head weight is ",
              head.weight.sizes(), ", expected [", c.classes, ", ", c.class_width, "]");

  auto x = Conv("vqvae.post_quant_conv", z.contiguous());
  x = Middle("decoder.mid", Conv("decoder.conv_in", x));
  for (int level = kLevels - 1; level >= 0; --level) {
    const auto name = "decoder.up." + std::to_string(level);
    x = Level(name, level, x);
    if (level == 0) continue;
    x = at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)});
    x = Conv(name + ".upsample.conv", CropTo(x, heights[level - 1], widths[level - 1]));
  }
  x = Conv("decoder.conv_out", at::silu(Norm("decoder.norm_out", x)));  // [F, D * E, H, W]
  // Rows laid out before the product: on the permuted view it would run voxel column by column.
  const auto rows = x.permute({0, 2, 3, 1}).contiguous().view({-1, c.class_width});
  return at::linear(rows, head.weight, head.bias)
      .view({-1, c.height, c.width, c.depth, c.classes});  // [F, H, W, D, classes]
}

const at::Tensor& Vqvae::Weight(const std::string& name) const { return weights_.at(name); }

// Kernels are 3 x 3 or 1 x 1; the padding keeps the size (stride 2 halves it, rounding up).
at::Tensor Vqvae::Conv(const std::string& name, const at::Tensor& x, int64_t stride) const {
  const auto& weight = Weight(name + ".weight");
  return at::conv2d(x, weight, Weight(name + ".bias"), stride, weight.size(2) / 2);
}

at::Tensor Vqvae::Norm(const std::string& name, const at::Tensor& x) const {
  return at::group_norm(x.contiguous(), NormGroups(x.size(1)), Weight(name + ".weight"),
                        Weight(name + ".bias"), kNormEps);
}

at::Tensor Vqvae::Residual(const std::string& name, const at::Tensor& x) const {
  auto h = Conv(name + ".conv1", at::silu(Norm(name + ".norm1", x)));
  h = Conv(name + ".conv2", at::silu(Norm(name + ".norm2", h)));
  return (h.size(1) == x.size(1) ? x : Conv(name + ".nin_shortcut", x)) + h;
}

// The 1 x 1 convolutions as products over rows of channels, the frames as heads of one attention.
at::Tensor Vqvae::Attention(const std::string& name, const at::Tensor& x) const {
  const int64_t F = x.size(0), C = x.size(1), T = x.size(2) * x.size(3);  // T = h w
  const auto dense = [&](const char* part, const at::Tensor& rows) {
    return at::linear(rows, Weight(name + part + ".weight").view({C, C}),
                      Weight(name + part + ".bias"));
  };
  const auto rows =
      Norm(name + ".norm", x).flatten(2).permute({2, 0, 1}).reshape({T * F, C});  // [T * F, C]
  const auto q = dense(".q", rows).view({T, F, C});
  const auto k = dense(".k", rows).view({T, F, C}).transpose(0, 1);  // [F, T, C]
  const auto v = dense(".v", rows).view({T, F, C}).transpose(0, 1);
  const AttentionOptions options{.scale = 1 / std::sqrt(static_cast<double>(C))};
  const auto seen = model::Attention(q, k, v, KeyRanges::All(T, T), options);  // [T, F * C]
  const auto out = dense(".proj_out", seen.view({T * F, C}));                  // [T * F, C]
  return x + out.view({T, F, C}).permute({1, 2, 0}).contiguous().view_as(x);
}

at::Tensor Vqvae::Middle(const std::string& name, const at::Tensor& x) const {
  const auto first = Residual(name + ".block_1", x);
  return Residual(name + ".block_2", Attention(name + ".attn_1", first));
}

at::Tensor Vqvae::Level(const std::string& name, int level, const at::Tensor& x) const {
  auto h = x;
  for (int block = 0; block < kBlocks; ++block) {
    const auto number = std::to_string(block);
    h = Residual(name + ".block." + number, h);
    if (level == kAttentionLevel) h = Attention(name + ".attn." + number, h);
  }
  return h;
}

}  // namespace occvla::model
