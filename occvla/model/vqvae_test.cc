#include "occvla/model/vqvae.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>

#include "occvla/base/error.h"
#include "occvla/base/rng.h"

namespace occvla::model {
namespace {

// Two base channels a group and up: every structural part of the full size, in microseconds.
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

at::Tensor Normal(at::IntArrayRef shape, double scale, uint64_t stream, at::ScalarType type) {
  auto tensor = at::zeros(shape, at::kDouble);
  Rng rng(17, "vqvae_test", 0, stream);
  auto* data = tensor.mutable_data_ptr<double>();
  for (int64_t i = 0; i < tensor.numel(); ++i) data[i] = scale * rng.Normal();
  return tensor.to(type);
}

std::map<std::string, at::Tensor> RandomWeights(const VqvaeConfig& config, at::ScalarType type) {
  std::map<std::string, at::Tensor> weights;
  uint64_t stream = 100;
  for (const auto& spec : VqvaeTensors(config)) {
    const bool norm_scale = spec.name.find("norm") != std::string::npos && spec.name.ends_with("t");
    auto value = Normal(spec.shape, spec.shape.size() > 1 ? 0.2 : 0.1, stream++, type);
    weights[spec.name] = norm_scale ? value + 1 : value;
  }
  return weights;
}

at::Tensor SomeOccupancy(const VqvaeConfig& config, int64_t frames) {
  const auto count = frames * config.height * config.width * config.depth;
  return at::arange(count)
      .mul(7)
      .remainder(11)
      .remainder(config.classes)
      .to(at::kByte)
      .reshape({frames, config.height, config.width, config.depth});
}

double LargestDifference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

// One thread: at these sizes a team of threads costs more than the work, above all on a busy
// machine.
class VqvaeTest : public ::testing::Test {
 protected:
  void SetUp() override { at::set_num_threads(1); }
  void TearDown() override { at::set_num_threads(threads_); }

 private:
  const int threads_ = at::get_num_threads();
};

TEST_F(VqvaeTest, EncodesToAQuarterOfTheResolutionAndDecodesToClasses) {
  const auto config = SmallConfig();
  const Vqvae vqvae(config, RandomWeights(config, at::kFloat));
  const auto z = vqvae.Encode(SomeOccupancy(config, 2));
  EXPECT_EQ(z.sizes(), at::IntArrayRef({2, 4, 2, 2}));
  const auto quantised = vqvae.Quantise(z);
  EXPECT_EQ(quantised.indices.sizes(), at::IntArrayRef({2, 2, 2}));
  EXPECT_EQ(quantised.indices.scalar_type(), at::kLong);
  EXPECT_EQ(quantised.z.sizes(), z.sizes());
  EXPECT_EQ(vqvae.Decode(quantised.z).sizes(), at::IntArrayRef({2, 8, 8, 4, 5}));
}

// Nothing couples the frames of a batch, and int64 classes are the same classes.
TEST_F(VqvaeTest, AFrameInABatchIsTheFrameAlone) {
  const auto config = SmallConfig();
  const Vqvae vqvae(config, RandomWeights(config, at::kDouble));
  const auto occupancy = SomeOccupancy(config, 3);
  const auto batch = vqvae.Decode(vqvae.Encode(occupancy));
  for (int64_t f = 0; f < 3; ++f) {
    const auto alone = vqvae.Decode(vqvae.Encode(occupancy.narrow(0, f, 1).to(at::kLong)));
    EXPECT_LT(LargestDifference(batch.narrow(0, f, 1), alone), 1e-12);
  }
}

TEST_F(VqvaeTest, RepeatsBitForBit) {
  const auto config = SmallConfig();
  const Vqvae vqvae(config, RandomWeights(config, at::kFloat));
  const auto occupancy = SomeOccupancy(config, 2);
  EXPECT_TRUE(vqvae.Decode(vqvae.Encode(occupancy)).equal(vqvae.Decode(vqvae.Encode(occupancy))));
}

// Zero weights everywhere but in the two quantiser convolutions, so that the arithmetic is plain:
// the encoder yields conv_out's bias, quant_conv maps it.
TEST_F(VqvaeTest, QuantConvFollowsTheEncoder) {
  const auto config = SmallConfig();
  auto weights = RandomWeights(config, at::kFloat);
  for (auto& [name, tensor] : weights) tensor.zero_();
  weights["encoder.conv_out.bias"].copy_(at::arange(4));
  weights["vqvae.quant_conv.weight"][3][2][0][0] = 10;
  weights["vqvae.quant_conv.bias"][3] = 1;
  const auto z = Vqvae(config, weights).Encode(SomeOccupancy(config, 1));
  EXPECT_TRUE(z.select(1, 3).eq(10 * 2 + 1).all().item<bool>());
  EXPECT_TRUE(z.narrow(1, 0, 3).eq(0).all().item<bool>());
}

// On the way in, channel c holds coordinate c % class_width of the embeddings: doubling coordinate
// 1 there and halving those channels' kernels changes nothing.
TEST_F(VqvaeTest, InputChannelsRunThroughTheCoordinatesOfEachSlice) {
  const auto config = SmallConfig();
  auto weights = RandomWeights(config, at::kDouble);
  const auto occupancy = SomeOccupancy(config, 1);
  const auto before = Vqvae(config, weights).Encode(occupancy);
  weights["class_embeds.weight"].select(1, 1).mul_(2);
  auto kernels = weights["encoder.conv_in.weight"];  // [8, 4 * 2, 3, 3]
  for (int64_t c = 1; c < 8; c += 2) kernels.select(1, c).mul_(0.5);
  EXPECT_LT(LargestDifference(before, Vqvae(config, weights).Encode(occupancy)), 1e-12);
}

// The channel of slice d and embedding coordinate e is d * class_width + e, on both sides: with the
// decoder reduced to conv_out's bias, logits are that bias by slice, dotted with the embeddings.
TEST_F(VqvaeTest, LogitsAreDotProductsOfEachSliceWithTheClassEmbeddings) {
  const auto config = SmallConfig();
  auto weights = RandomWeights(config, at::kFloat);
  for (auto& [name, tensor] : weights) tensor.zero_();
  weights["decoder.conv_out.bias"].copy_(at::arange(8));
  auto embeds = weights["class_embeds.weight"];  // [5, 2]
  embeds.select(1, 0).fill_(1);
  embeds.select(1, 1).copy_(at::arange(5));
  const Vqvae vqvae(config, weights);
  const auto logits = vqvae.Decode(at::zeros({1, 4, 2, 2}));
  for (int64_t d = 0; d < 4; ++d)
    for (int64_t k = 0; k < 5; ++k)
      EXPECT_EQ(logits[0][5][3][d][k].item<float>(), 2.f * d + (2.f * d + 1) * k) << d << " " << k;

  const auto own = vqvae.Decode(at::zeros({1, 4, 2, 2}), {at::ones({5, 2}), at::full({5}, 0.5)});
  EXPECT_EQ(own[0][0][0][3][2].item<float>(), 6 + 7 + 0.5f);
}

TEST_F(VqvaeTest, TheFirstOfTwoEqualCodesIsTaken) {
  const auto config = SmallConfig();
  auto weights = RandomWeights(config, at::kFloat);
  auto codebook = weights["vqvae.embedding.weight"];  // [6, 4]
  codebook.fill_(9);
  codebook[2].fill_(1);
  codebook[4].fill_(1);   // The same as row 2.
  codebook[5].fill_(-1);  // As far from 0 as rows 2 and 4.
  const Vqvae vqvae(config, weights);
  const auto near_one = vqvae.Quantise(at::full({1, 4, 2, 2}, 0.75f));
  EXPECT_TRUE(near_one.indices.eq(2).all().item<bool>());
  EXPECT_TRUE(near_one.z.eq(1).all().item<bool>());
  const auto between = vqvae.Quantise(at::zeros({1, 4, 2, 2}));
  EXPECT_TRUE(between.indices.eq(2).all().item<bool>());
}

// A code is chosen for each cell by itself, from that cell's channels.
TEST_F(VqvaeTest, EveryCellGetsTheRowNearestToItsChannels) {
  const auto config = SmallConfig();
  const auto weights = RandomWeights(config, at::kDouble);
  const Vqvae vqvae(config, weights);
  const auto z = Normal({2, 4, 2, 2}, 0.3, 1, at::kDouble);
  const auto quantised = vqvae.Quantise(z);
  const auto& codebook = weights.at("vqvae.embedding.weight");
  for (int64_t f = 0; f < 2; ++f) {
    for (int64_t i = 0; i < 2; ++i) {
      for (int64_t j = 0; j < 2; ++j) {
        const auto cell = z[f].select(1, i).select(1, j);  // [4]
        const auto distances = (codebook - cell).square().sum(1);
        const auto index = quantised.indices[f][i][j].item<int64_t>();
        EXPECT_EQ(distances[index].item<double>(), distances.min().item<double>());
        const auto taken = quantised.z[f].select(1, i).select(1, j);
        EXPECT_LT(LargestDifference(taken, codebook[index]), 1e-15);
      }
    }
  }
}

TEST_F(VqvaeTest, ContinuousAndQuantisedLatentsDecodeDifferently) {
  const auto config = SmallConfig();
  const Vqvae vqvae(config, RandomWeights(config, at::kFloat));
  const auto z = vqvae.Encode(SomeOccupancy(config, 1));
  EXPECT_GT(LargestDifference(vqvae.Decode(z), vqvae.Decode(vqvae.Quantise(z).z)), 1e-3);
}

// The occupancy branch trains through a frozen decoder: the gradient to z is that of differences.
TEST_F(VqvaeTest, GradientToTheLatentMatchesDifferences) {
  const auto config = SmallConfig();
  const Vqvae vqvae(config, RandomWeights(config, at::kDouble));
  const auto weighting = Normal({1, 8, 8, 4, 5}, 1, 2, at::kDouble);
  const auto loss = [&](const at::Tensor& z) { return (vqvae.Decode(z) * weighting).sum(); };
  auto z = Normal({1, 4, 2, 2}, 1, 3, at::kDouble).requires_grad_();
  loss(z).backward();
  for (const auto& [name, weight] : vqvae.weights()) EXPECT_FALSE(weight.grad().defined()) << name;

  constexpr double kStep = 1e-5;
  auto point = z.detach().clone();
  for (int64_t i = 0; i < point.numel(); ++i) {
    auto element = point.view({-1})[i];
    element += kStep;
    const double above = loss(point).item<double>();
    element -= 2 * kStep;
    const double below = loss(point).item<double>();
    element += kStep;
    const double gradient = z.grad().view({-1})[i].item<double>();
    EXPECT_NEAR((above - below) / (2 * kStep), gradient, 1e-6 * std::max(1.0, std::abs(gradient)));
  }
}

TEST_F(VqvaeTest, QuantisingPassesTheGradientStraightThrough) {
  const auto config = SmallConfig();
  const Vqvae vqvae(config, RandomWeights(config, at::kDouble));
  auto z = Normal({1, 4, 2, 2}, 1, 4, at::kDouble).requires_grad_();
  const auto weighting = Normal({1, 4, 2, 2}, 1, 5, at::kDouble);
  (vqvae.Quantise(z).z * weighting).sum().backward();
  EXPECT_TRUE(z.grad().equal(weighting));
}

// Training the VQ-VAE itself: every weight but the codebook (which has a loss of its own) is
// reached.
TEST_F(VqvaeTest, GradientReachesEveryWeightThatTakesPart) {
  const auto config = SmallConfig();
  auto weights = RandomWeights(config, at::kFloat);
  for (auto& [name, tensor] : weights) tensor.requires_grad_();
  const Vqvae vqvae(config, weights);
  vqvae.Decode(vqvae.Quantise(vqvae.Encode(SomeOccupancy(config, 1))).z).square().sum().backward();
  for (const auto& [name, tensor] : weights) {
    if (name == "vqvae.embedding.weight") continue;
    ASSERT_TRUE(tensor.grad().defined()) << name;
    // A key's bias shifts all scores of a query alike, which softmax ignores.
    if (name.ends_with(".k.bias")) continue;
    EXPECT_GT(tensor.grad().abs().max().item<double>(), 0) << name;
  }
}

// An odd size halves upwards; the decoder returns to it.
TEST_F(VqvaeTest, OddSizesComeBack) {
  auto config = SmallConfig();
  config.height = 7;
  config.width = 5;
  const Vqvae vqvae(config, RandomWeights(config, at::kFloat));
  const auto z = vqvae.Encode(SomeOccupancy(config, 1));
  EXPECT_EQ(z.sizes(), at::IntArrayRef({1, 4, 2, 2}));
  EXPECT_EQ(vqvae.Decode(z).sizes(), at::IntArrayRef({1, 7, 5, 4, 5}));
}

TEST_F(VqvaeTest, RefusesAVoxelThatIsNoClass) {
  const auto config = SmallConfig();
  const Vqvae vqvae(config, RandomWeights(config, at::kFloat));
  auto occupancy = SomeOccupancy(config, 2);
  occupancy[1][7][0][3] = 255;
  try {
    vqvae.Encode(occupancy);
    FAIL() << "class 255 was accepted";
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(),
                 "occupancy [1, 7, 0, 3] is 255, but classes run from 0 to 4. Map other label sets "
                 "to these classes first.");
  }
}

TEST_F(VqvaeTest, ListsEveryWeightThatDoesNotFit) {
  const auto config = SmallConfig();
  auto weights = RandomWeights(config, at::kFloat);
  weights.erase("decoder.conv_in.bias");
  weights["class_embeds.weight"] = at::zeros({18, 2});
  weights["encoder.extra"] = at::zeros({1});
  try {
    Vqvae vqvae(config, weights);
    FAIL() << "wrong weights were accepted";
  } catch (const CheckpointError& error) {
    EXPECT_STREQ(error.what(),
                 "The VQ-VAE's weights do not fit its config:\n"
                 "  - class_embeds.weight is [18, 2], expected [5, 2]\n"
                 "  - decoder.conv_in.bias [32] is missing\n"
                 "  - encoder.extra belongs to no part of it\n"
                 "Convert the checkpoint again, or correct the config's \"vqvae\".");
  }
}

// OccWorld's count (facts B.5), so that the walk above the names covers the real model.
TEST_F(VqvaeTest, FullSizeHas222TensorsAnd14168272Parameters) {
  int64_t parameters = 0;
  const auto specs = VqvaeTensors({});
  for (const auto& spec : specs) {
    int64_t count = 1;
    for (const int64_t size : spec.shape) count *= size;
    parameters += count;
  }
  EXPECT_EQ(specs.size(), 222u);
  EXPECT_EQ(parameters, 14'168'272);
}

}  // namespace
}  // namespace occvla::model
