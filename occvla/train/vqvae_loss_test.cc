#include "occvla/train/vqvae_loss.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>

#include "occvla/base/error.h"
#include "occvla/base/rng.h"
#include "occvla/train/losses.h"

namespace occvla::train {
namespace {

using model::Vqvae;
using model::VqvaeConfig;

VqvaeConfig SmallConfig() {
  return {.classes = 5,
          .class_width = 2,
          .height = 8,
          .width = 8,
          .depth = 4,
          .channels = 8,
          .latent = 4,
          .codebook = 6};
}

at::Tensor Normal(at::IntArrayRef shape, double scale, uint64_t stream) {
  auto tensor = at::zeros(shape, at::kDouble);
  Rng rng(29, "vqvae_loss_test", 0, stream);
  auto* data = tensor.mutable_data_ptr<double>();
  for (int64_t i = 0; i < tensor.numel(); ++i) data[i] = scale * rng.Normal();
  return tensor;
}

std::map<std::string, at::Tensor> Weights(bool trained) {
  std::map<std::string, at::Tensor> weights;
  uint64_t stream = 100;
  for (const auto& spec : VqvaeTensors(SmallConfig())) {
    const bool norm_scale = spec.name.find("norm") != std::string::npos && spec.name.ends_with("t");
    auto value = Normal(spec.shape, spec.shape.size() > 1 ? 0.3 : 0.1, stream++);
    if (norm_scale) value += 1;
    weights[spec.name] = value.requires_grad_(trained);
  }
  return weights;
}

at::Tensor SomeOccupancy(int64_t frames) {
  return at::arange(frames * 8 * 8 * 4)
      .mul(7)
      .remainder(11)
      .remainder(5)
      .to(at::kByte)
      .reshape({frames, 8, 8, 4});
}

double LargestDifference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

class VqvaeLossTest : public ::testing::Test {
 protected:
  void SetUp() override { at::set_num_threads(1); }
  void TearDown() override { at::set_num_threads(threads_); }

 private:
  const int threads_ = at::get_num_threads();
};

TEST_F(VqvaeLossTest, IsTheWeightedSumOfItsThreeParts) {
  const Vqvae vqvae(SmallConfig(), Weights(false));
  const auto occupancy = SomeOccupancy(2);
  const auto result = VqvaeLoss(vqvae, occupancy, {.embedding = 3, .commitment = 0.25});
  const auto z = vqvae.Encode(occupancy);
  const auto quantised = vqvae.Quantise(z);
  const auto distance = (quantised.z - z).square().mean().item<double>();
  const auto decoded = OccupancyLoss(vqvae.Decode(quantised.z), occupancy, {.lovasz = 1});
  EXPECT_NEAR(result.embedding.item<double>(), 1.25 * distance, 1e-12);
  EXPECT_NEAR(result.cross_entropy.item<double>(), decoded.cross_entropy.item<double>(), 1e-12);
  EXPECT_NEAR(result.lovasz.item<double>(), decoded.lovasz.item<double>(), 1e-12);
  EXPECT_NEAR(result.loss.item<double>(),
              10 * result.cross_entropy.item<double>() + result.lovasz.item<double>() +
                  3 * result.embedding.item<double>(),
              1e-12);
  EXPECT_TRUE(result.confusion.equal(decoded.confusion));
  EXPECT_EQ(result.used.sum().item<int64_t>(), 2 * 2 * 2);
  EXPECT_EQ(result.latents.sizes(), at::IntArrayRef({8, 4}));
}

// Behind the quantiser the loss is smooth: one element of a weight of each kind by differences.
TEST_F(VqvaeLossTest, GradientsOfTheDecoderMatchDifferences) {
  const auto weights = Weights(true);
  const Vqvae vqvae(SmallConfig(), weights);
  const auto occupancy = SomeOccupancy(1);
  VqvaeLoss(vqvae, occupancy, {}).loss.backward();
  const c10::NoGradGuard no_gradient;
  constexpr double kStep = 1e-6;
  for (const auto* name :
       {"vqvae.post_quant_conv.weight", "decoder.mid.block_1.conv1.weight",
        "decoder.up.2.attn.1.q.weight", "decoder.up.1.block.0.nin_shortcut.weight",
        "decoder.up.0.block.1.norm2.weight", "decoder.conv_out.bias"}) {
    const auto& weight = weights.at(name);
    auto element = weight.view({-1})[weight.numel() / 2];
    const double gradient = weight.grad().reshape({-1})[weight.numel() / 2].item<double>();
    element += kStep;
    const double above = VqvaeLoss(vqvae, occupancy, {}).loss.item<double>();
    element -= 2 * kStep;
    const double below = VqvaeLoss(vqvae, occupancy, {}).loss.item<double>();
    element += kStep;
    EXPECT_NEAR((above - below) / (2 * kStep), gradient, 1e-5 * std::max(1.0, std::abs(gradient)))
        << name;
  }
}

// The straight-through gradient: the encoder learns as if the decoder had been given z, plus what
// draws z to its row.
TEST_F(VqvaeLossTest, TheEncoderLearnsThroughTheQuantiser) {
  const auto weights = Weights(true);
  const Vqvae vqvae(SmallConfig(), weights);
  const auto occupancy = SomeOccupancy(1);
  VqvaeLoss(vqvae, occupancy, {.embedding = 2, .commitment = 0.5}).loss.backward();
  const auto got = weights.at("vqvae.quant_conv.bias").grad();

  auto z = vqvae.Encode(occupancy).detach().requires_grad_();
  const auto row = vqvae.Quantise(z).z.detach();
  auto decoded_from = row.clone().requires_grad_();
  OccupancyLoss(vqvae.Decode(decoded_from), occupancy, {.cross_entropy = 10, .lovasz = 1})
      .loss.backward();
  const auto drawn = 2 * 0.5 * 2 * (z - row).detach() / static_cast<double>(z.numel());
  const auto expected = (decoded_from.grad() + drawn).sum(at::IntArrayRef({0, 2, 3}));
  EXPECT_LT(LargestDifference(got, expected), 1e-12);
}

TEST_F(VqvaeLossTest, TheCodebookIsDrawnToTheLatentsThatTookIt) {
  const auto weights = Weights(true);
  const Vqvae vqvae(SmallConfig(), weights);
  const auto occupancy = SomeOccupancy(2);
  const auto result = VqvaeLoss(vqvae, occupancy, {.embedding = 3, .commitment = 0.25});
  result.loss.backward();
  const auto& codebook = weights.at("vqvae.embedding.weight");
  const auto indices = vqvae.Quantise(vqvae.Encode(occupancy)).indices.flatten();
  auto expected = at::zeros_like(codebook).detach();
  for (int64_t n = 0; n < indices.numel(); ++n) {
    const auto k = indices[n].item<int64_t>();
    expected[k] += 3 * 2 * (codebook[k] - result.latents[n]).detach() /
                   static_cast<double>(result.latents.numel());
  }
  EXPECT_LT(LargestDifference(codebook.grad(), expected), 1e-12);
}

TEST_F(VqvaeLossTest, GradientReachesEveryWeight) {
  const auto weights = Weights(true);
  const Vqvae vqvae(SmallConfig(), weights);
  VqvaeLoss(vqvae, SomeOccupancy(1), {}).loss.backward();
  for (const auto& [name, weight] : weights) {
    ASSERT_TRUE(weight.grad().defined()) << name;
    // A key's bias shifts all scores of a query alike, which softmax ignores.
    if (name.ends_with(".k.bias")) continue;
    EXPECT_GT(weight.grad().abs().max().item<double>(), 0) << name;
  }
}

// Stage 2 (facts C.1): gradients pass a decoder that is not trained, and are the same whether its
// weights want none or take theirs at a learning rate of zero.
TEST_F(VqvaeLossTest, AFrozenDecoderPassesTheGradientAndKeepsItsWeights) {
  const auto frozen = Weights(false), idle = Weights(true);
  const auto occupancy = SomeOccupancy(1);
  at::Tensor gradients[2];
  for (const auto* weights : {&frozen, &idle}) {
    const Vqvae vqvae(SmallConfig(), *weights);
    auto z = Normal({1, 4, 2, 2}, 1, 7).requires_grad_();
    const auto before = weights->at("decoder.conv_out.weight").detach().clone();
    OccupancyLoss(vqvae.Decode(z), occupancy, {.lovasz = 1}).loss.backward();
    gradients[weights == &idle] = z.grad();
    EXPECT_TRUE(weights->at("decoder.conv_out.weight").equal(before));
    const bool wants = weights == &idle;
    for (const auto* name :
         {"decoder.conv_out.weight", "vqvae.post_quant_conv.bias", "class_embeds.weight"})
      EXPECT_EQ(weights->at(name).grad().defined(), wants) << name;
  }
  EXPECT_GT(gradients[0].abs().min().item<double>(), 0);
  EXPECT_TRUE(gradients[0].equal(gradients[1]));
}

TEST_F(VqvaeLossTest, PerplexityIsHowManyEqualCodesWouldSayAsMuch) {
  EXPECT_NEAR(CodebookPerplexity(at::tensor({5, 0, 5, 5, 5}, at::kLong)), 4, 1e-12);
  EXPECT_NEAR(CodebookPerplexity(at::tensor({3, 1}, at::kLong)),
              std::exp(-0.75 * std::log(0.75) - 0.25 * std::log(0.25)), 1e-12);
  EXPECT_EQ(CodebookPerplexity(at::zeros({3}, at::kLong)), 0);
}

TEST_F(VqvaeLossTest, ReconstructionLeavesFreeOutAndCountsAbsentClassesAsOne) {
  // Classes 0, 1 (absent) and free: [label, prediction].
  const auto confusion = at::tensor({6, 0, 2, 0, 0, 0, 4, 0, 88}, at::kLong).reshape({3, 3});
  const auto result = ReconstructionOf(confusion);
  EXPECT_NEAR(result.miou, (6.0 / 12 + 1) / 2, 1e-12);
  EXPECT_NEAR(result.iou, 6.0 / 12, 1e-12);
}

TEST_F(VqvaeLossTest, CodesUnusedForLongMoveOntoLatents) {
  auto codebook = Normal({4, 2}, 1, 1).requires_grad_();
  const auto before = codebook.detach().clone();
  const auto latents = Normal({5, 2}, 1, 2);
  UnusedCodes unused(4, /*steps=*/2);
  unused.Observe(at::tensor({3, 0, 0, 1}, at::kLong));
  EXPECT_TRUE(unused.Restart(codebook, latents, 1, 1).empty());
  unused.Observe(at::tensor({1, 0, 2, 0}, at::kLong));
  EXPECT_EQ(unused.unused_for(), (std::vector<int64_t>{0, 2, 0, 1}));
  EXPECT_EQ(unused.Restart(codebook, latents, 1, 2), std::vector<int64_t>{1});
  EXPECT_EQ(unused.unused_for(), (std::vector<int64_t>{0, 0, 0, 1}));
  EXPECT_TRUE((latents == codebook.detach()[1]).all(1).any().item<bool>());
  for (const int64_t row : {0, 2, 3}) EXPECT_TRUE(codebook.detach()[row].equal(before[row])) << row;
}

// Resumed from its counts, a step draws what it drew before.
TEST_F(VqvaeLossTest, RestartingCodesDependsOnSeedStepAndCountsAlone) {
  const auto latents = Normal({50, 2}, 1, 2);
  const auto moved = [&](uint64_t seed, uint64_t step) {
    auto codebook = at::zeros({4, 2}, at::kDouble);
    UnusedCodes unused(4, 3);
    unused.set_unused_for({3, 0, 7, 2});
    EXPECT_EQ(unused.Restart(codebook, latents, seed, step), (std::vector<int64_t>{0, 2}));
    return codebook;
  };
  EXPECT_TRUE(moved(1, 5).equal(moved(1, 5)));
  EXPECT_FALSE(moved(1, 5).equal(moved(1, 6)));
  EXPECT_FALSE(moved(1, 5).equal(moved(2, 5)));
}

TEST_F(VqvaeLossTest, LatentStatisticsAreThoseOfTheRowsThatCellsTake) {
  const auto weights = Weights(false);
  const Vqvae vqvae(SmallConfig(), weights);
  LatentStatistics statistics;
  const auto occupancy = SomeOccupancy(3);
  statistics.Add(vqvae, occupancy.narrow(0, 0, 1));
  statistics.Add(vqvae, occupancy.narrow(0, 1, 2));
  const auto rows =
      vqvae.Quantise(vqvae.Encode(occupancy)).z.permute({0, 2, 3, 1}).reshape({-1, 4});  // [cells,
                                                                                         // C]
  EXPECT_LT(LargestDifference(statistics.Mean(), rows.mean(0)), 1e-12);
  EXPECT_LT(LargestDifference(statistics.Deviation(), rows.std(0, /*unbiased=*/false)), 1e-12);
}

TEST_F(VqvaeLossTest, LatentStatisticsOfNothingAreRefused) {
  try {
    (void)LatentStatistics().Mean();
    FAIL() << "statistics of nothing";
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(),
                 "statistics of the codebook's use need one occupancy grid at least, but there was "
                 "none. Give a data set with occupancy labels.");
  }
}

TEST_F(VqvaeLossTest, TheProjectorStartsWithTheLatentsMeansAndDeviations) {
  const Vqvae vqvae(SmallConfig(), Weights(false));
  LatentStatistics statistics;
  statistics.Add(vqvae, SomeOccupancy(3));
  const int64_t D = 16, N = 4000;
  auto hidden = Normal({N, D}, 1, 3);
  hidden /= hidden.square().mean(1, /*keepdim=*/true).sqrt();  // Unit root mean square.
  for (const int64_t shuffle : {1, 4}) {
    auto weight = at::zeros({4 * shuffle, D}, at::kFloat),
         bias = at::zeros({4 * shuffle}, at::kFloat);
    InitialiseProjector(weight, bias, statistics, 5);
    const auto z = at::linear(hidden, weight.to(at::kDouble), bias.to(at::kDouble));  // [N, C r r]
    const auto mean = statistics.Mean().repeat_interleave(shuffle);
    const auto deviation = statistics.Deviation().repeat_interleave(shuffle);
    // Four standard errors of N draws.
    EXPECT_LT((((z.mean(0) - mean) / deviation).abs().max().item<double>()), 4 / std::sqrt(N));
    EXPECT_LT(LargestDifference(z.std(0, false) / deviation, at::ones_like(mean)),
              4 / std::sqrt(2.0 * N));
    auto again = at::zeros_like(weight), other = at::zeros_like(weight);
    InitialiseProjector(again, bias, statistics, 5);
    InitialiseProjector(other, bias, statistics, 6);
    EXPECT_TRUE(again.equal(weight));
    EXPECT_FALSE(other.equal(weight));
  }
}

}  // namespace
}  // namespace occvla::train
