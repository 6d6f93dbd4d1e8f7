#include "occvla/train/vqvae_loss.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/core/GradMode.h>

#include <cmath>

#include "occvla/base/error.h"
#include "occvla/base/rng.h"
#include "occvla/train/losses.h"

namespace occvla::train {
namespace {

const at::Tensor& Codebook(const model::Vqvae& vqvae) {
  return vqvae.weights().at("vqvae.embedding.weight");  // [K, C]
}

at::Tensor CountCodes(const at::Tensor& indices, int64_t codes) {
  return at::bincount(indices.flatten(), {}, codes);  // [K]
}

}  // namespace

VqvaeLossResult VqvaeLoss(const model::Vqvae& vqvae, const at::Tensor& occupancy,
                          const VqvaeLossOptions& options) {
  const auto z = vqvae.Encode(occupancy);    // [F, C, h, w]
  const auto quantised = vqvae.Quantise(z);  // Whose z has the gradient 1 to z, none to the rows.
  const auto logits = vqvae.Decode(quantised.z);  // [F, H, W, D, classes]
  const auto parts = OccupancyLoss(logits, occupancy,
                                   {.mask = {},
                                    .class_weights = options.class_weights,
                                    .cross_entropy = options.cross_entropy,
                                    .lovasz = options.lovasz});

  const auto latents = z.permute({0, 2, 3, 1}).reshape({-1, z.size(1)});          // [N, C]
  const auto rows = at::embedding(Codebook(vqvae), quantised.indices.flatten());  // [N, C]
  const auto embedding = (rows.detach() - latents).square().mean() * options.commitment +
                         (rows - latents.detach()).square().mean();
  return {.loss = parts.loss + embedding * options.embedding,
          .cross_entropy = parts.cross_entropy,
          .lovasz = parts.lovasz,
          .embedding = embedding.detach(),
          .latents = latents.detach(),
          .used = CountCodes(quantised.indices, vqvae.config().codebook),
          .confusion = parts.confusion};
}

double CodebookPerplexity(const at::Tensor& used) {
  const auto total = used.sum().item<double>();
  if (total == 0) return 0;
  const auto share = used.to(at::kDouble) / total;
  return std::exp(-at::xlogy(share, share).sum().item<double>());
}

Reconstruction ReconstructionOf(const at::Tensor& confusion) {
  const auto counts = confusion.to(at::kCPU, at::kDouble).contiguous();  // [label, prediction]
  const int64_t K = counts.size(0), free = K - 1;
  const auto right = counts.diagonal();
  const auto united = counts.sum(0) + counts.sum(1) - right;  // [K]
  Reconstruction result;
  for (int64_t c = 0; c < free; ++c) {
    const double u = united[c].item<double>();
    result.miou += (u > 0 ? right[c].item<double>() / u : 1) / static_cast<double>(free);
  }
  const double occupied = counts.narrow(0, 0, free).narrow(1, 0, free).sum().item<double>();
  const double either = counts.sum().item<double>() - counts[free][free].item<double>();
  result.iou = either > 0 ? occupied / either : 1;
  return result;
}

UnusedCodes::UnusedCodes(int64_t codes, int64_t steps)
    : steps_(steps), unused_for_(static_cast<size_t>(codes), 0) {}

void UnusedCodes::set_unused_for(std::vector<int64_t> unused_for) {
  TORCH_CHECK(unused_for.size() == unused_for_.size(), unused_for.size(), " counts for ",
              unused_for_.size(), " codes");
  unused_for_ = std::move(unused_for);
}

void UnusedCodes::Observe(const at::Tensor& used) {
  const auto counts = used.to(at::kCPU, at::kLong).contiguous();
  TORCH_CHECK(counts.numel() == static_cast<int64_t>(unused_for_.size()), counts.numel(),
              " counts for ", unused_for_.size(), " codes");
  const auto* count = counts.const_data_ptr<int64_t>();
  for (size_t k = 0; k < unused_for_.size(); ++k)
    unused_for_[k] = count[k] > 0 ? 0 : unused_for_[k] + 1;
}

std::vector<int64_t> UnusedCodes::Restart(const at::Tensor& codebook, const at::Tensor& latents,
                                          uint64_t seed, uint64_t step) {
  TORCH_CHECK(codebook.size(0) == static_cast<int64_t>(unused_for_.size()) && latents.size(0) > 0 &&
                  latents.size(1) == codebook.size(1),
              "codebook is ", codebook.sizes(), ", latents ", latents.sizes());
  std::vector<int64_t> moved, sources;
  for (size_t k = 0; k < unused_for_.size(); ++k) {
    if (unused_for_[k] < steps_) continue;
    Rng rng(seed, "codebook-restart", step, k);
    moved.push_back(static_cast<int64_t>(k));
    sources.push_back(static_cast<int64_t>(rng.Below(static_cast<uint64_t>(latents.size(0)))));
    unused_for_[k] = 0;
  }
  if (moved.empty()) return moved;
  const c10::NoGradGuard no_gradient;
  const auto to = at::tensor(moved, at::kLong).to(codebook.device());
  const auto from = at::tensor(sources, at::kLong).to(latents.device());
  codebook.index_copy_(0, to, latents.index_select(0, from).to(codebook.scalar_type()));
  return moved;
}

void LatentStatistics::Add(const model::Vqvae& vqvae, const at::Tensor& occupancy) {
  const c10::NoGradGuard no_gradient;
  const auto indices = vqvae.Quantise(vqvae.Encode(occupancy)).indices;
  const auto counts = CountCodes(indices, vqvae.config().codebook).to(at::kDouble);  // [K]
  const auto rows = Codebook(vqvae).to(at::kDouble);                                 // [K, C]
  if (cells_ == 0) sum_ = at::zeros({rows.size(1)}, rows.options());
  if (cells_ == 0) squares_ = at::zeros_like(sum_);
  sum_ += at::matmul(counts, rows);
  squares_ += at::matmul(counts, rows.square());
  cells_ += indices.numel();
}

at::Tensor LatentStatistics::Mean() const {
  if (cells_ == 0)
    throw DataError(
        "statistics of the codebook's use need one occupancy grid at least, but there was none. "
        "Give a data set with occupancy labels.");
  return sum_ / static_cast<double>(cells_);
}

at::Tensor LatentStatistics::Deviation() const {
  const auto mean = Mean();
  return (squares_ / static_cast<double>(cells_) - mean.square()).clamp_min(0).sqrt();
}

void InitialiseProjector(const at::Tensor& weight, const at::Tensor& bias,
                         const LatentStatistics& statistics, uint64_t seed) {
  const auto mean = statistics.Mean(), deviation = statistics.Deviation();  // [C]
  const int64_t rows = weight.size(0), C = mean.size(0), D = weight.size(1);
  TORCH_CHECK(rows % C == 0 && bias.sizes() == at::IntArrayRef({rows}), "projector is ",
              weight.sizes(), " and ", bias.sizes(), ", latents have ", C, " channels");
  const c10::NoGradGuard no_gradient;
  auto normal = at::empty({rows, D}, at::kDouble);
  auto* data = normal.mutable_data_ptr<double>();
  for (int64_t row = 0; row < rows; ++row) {
    Rng rng(seed, "occupancy-projector", 0, static_cast<uint64_t>(row));
    for (int64_t d = 0; d < D; ++d) data[row * D + d] = rng.Normal();
  }
  // The variance of w . h over directions of h is |w|^2 at unit root mean square.
  normal /= normal.square().sum(1, /*keepdim=*/true).sqrt();
  const auto spread = [&](const at::Tensor& by_channel) {
    return by_channel.to(at::kCPU).repeat_interleave(rows / C);  // [C * r * r]
  };
  weight.copy_(normal * spread(deviation).unsqueeze(1));
  bias.copy_(spread(mean));
}

}  // namespace occvla::train
