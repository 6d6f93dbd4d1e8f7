#include "occvla/model/vision.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace occvla::model {
namespace {

at::Tensor Random(at::IntArrayRef sizes, uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  return at::randn(sizes, generator, at::TensorOptions().dtype(at::kFloat));
}

// Images of 12 x 12 in patches of 4: nine tokens of 16 channels.
VisionTower SmallTower(int layers) {
  VisionTower tower;
  tower.config = {.image_size = 12,
                  .patch_size = 4,
                  .hidden = 16,
                  .layers = layers,
                  .heads = 2,
                  .intermediate = 24};
  uint64_t seed = 1;
  const auto norm = [&] { return LayerNormWeights{Random({16}, ++seed), Random({16}, ++seed)}; };
  const auto dense = [&](int64_t out, int64_t in) {
    return Linear{Random({out, in}, ++seed) * 0.2, Random({out}, ++seed)};
  };
  tower.patch = dense(16, 3 * 4 * 4);
  tower.position = Random({9, 16}, ++seed);
  for (int l = 0; l < layers; ++l) {
    tower.layers.push_back({norm(), norm(), dense(16, 16), dense(16, 16), dense(16, 16),
                            dense(16, 16), dense(24, 16), dense(16, 24)});
  }
  tower.post_norm = norm();
  return tower;
}

double LargestDifference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

// With no layers the tower is the patch convolution, the positions and the last norm.
TEST(VisionTowerTest, PatchesStandInTheOrderOfTheConvolution) {
  const auto tower = SmallTower(0);
  const auto pixels = Random({2, 3, 12, 12}, 50);
  const auto convolved = at::conv2d(pixels, tower.patch.weight.view({16, 3, 4, 4}),
                                    tower.patch.bias, /*stride=*/4);          // [2, 16, 3, 3]
  const auto tokens = convolved.flatten(2).transpose(1, 2) + tower.position;  // [2, 9, 16]
  const auto want =
      at::layer_norm(tokens, {16}, tower.post_norm.weight, tower.post_norm.bias, 1e-6);
  EXPECT_LT(LargestDifference(tower(pixels), want), 1e-5);
}

// One layer written out with torch's own attention.
TEST(VisionTowerTest, OneLayerIsTheFormula) {
  const auto tower = SmallTower(1);
  auto plain = tower;
  plain.layers.clear();
  plain.post_norm = {};
  const auto pixels = Random({1, 3, 12, 12}, 50);
  const auto& w = tower.layers[0];
  const auto norm = [](const at::Tensor& x, const LayerNormWeights& n) {
    return at::layer_norm(x, {16}, n.weight, n.bias, 1e-6);
  };
  const auto apply = [](const Linear& l, const at::Tensor& x) {
    return at::linear(x, l.weight, l.bias);
  };
  auto t = at::conv2d(pixels, tower.patch.weight.view({16, 3, 4, 4}), tower.patch.bias, 4)
               .flatten(2)
               .transpose(1, 2)[0] +
           tower.position;  // [9, 16]
  const auto u = norm(t, w.norm1);
  const auto heads = [](const at::Tensor& x) { return x.view({9, 2, 8}).transpose(0, 1); };
  const auto attended = at::scaled_dot_product_attention(heads(apply(w.q, u)), heads(apply(w.k, u)),
                                                         heads(apply(w.v, u)));  // [2, 9, 8]
  t = t + apply(w.out, attended.transpose(0, 1).reshape({9, 16}));
  t = t + apply(w.fc2, at::gelu(apply(w.fc1, norm(t, w.norm2)), "tanh"));
  EXPECT_LT(LargestDifference(tower(pixels)[0], norm(t, tower.post_norm)), 2e-5);
}

TEST(VisionTowerTest, ImagesDoNotSeeEachOther) {
  const auto tower = SmallTower(2);
  const auto pixels = Random({3, 3, 12, 12}, 50);
  auto other = pixels.clone();
  other[1] = Random({3, 12, 12}, 51);
  const auto a = tower(pixels), b = tower(other);
  EXPECT_TRUE(at::equal(a[0], b[0]));
  EXPECT_TRUE(at::equal(a[2], b[2]));
  EXPECT_GT(LargestDifference(a[1], b[1]), 0.1);
  EXPECT_LT(LargestDifference(a[2], tower(pixels.narrow(0, 2, 1))[0]), 1e-5);
}

TEST(VisionTowerTest, RefusesImagesOfAnotherSize) {
  try {
    SmallTower(0)(at::zeros({6, 3, 12, 16}));
    FAIL() << "an image of 12 x 16 was taken";
  } catch (const c10::Error& error) {
    EXPECT_THAT(error.what(),
                ::testing::HasSubstr("pixels are [6, 3, 12, 16], expected [N, 3, 12, 12]"));
  }
}

}  // namespace
}  // namespace occvla::model
