#include "occvla/model/layers.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

namespace occvla::model {
namespace {

at::Tensor Random(at::IntArrayRef sizes, at::ScalarType type, uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  return at::randn(sizes, generator, at::TensorOptions().dtype(at::kDouble)).to(type);
}

double LargestDifference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

// The type of x, and how far float32 arithmetic or a rounding to 8 bits may be off around 4.
struct Precision {
  at::ScalarType type;
  double allowed;
};
class LayerTypes : public ::testing::TestWithParam<Precision> {};
INSTANTIATE_TEST_SUITE_P(Types, LayerTypes,
                         ::testing::Values(Precision{at::kFloat, 2e-6},
                                           Precision{at::kBFloat16, 2e-2},
                                           Precision{at::kDouble, 1e-14}));

// mean of squares 12.5: [3, 4] / sqrt(12.5), then times 1 + w.
TEST_P(LayerTypes, RmsNormMultipliesByOnePlusTheWeight) {
  const auto [type, allowed] = GetParam();
  const auto x = at::tensor({3.0, 4.0}, at::kDouble).view({1, 2}).to(type);
  const auto vector_type = type == at::kDouble ? at::kDouble : at::kFloat;
  const auto w = at::tensor({0.5, -1.0}, at::kDouble).to(vector_type);
  const auto y = RmsNorm(x, w, 0, type);
  EXPECT_EQ(y.scalar_type(), type);
  EXPECT_NEAR(y[0][0].item<double>(), 3 / std::sqrt(12.5) * 1.5, allowed);
  EXPECT_EQ(y[0][1].item<double>(), 0);
}

TEST(RmsNormTest, EpsilonStandsUnderTheRoot) {
  const auto y = RmsNorm(at::full({1, 4}, 1e-3), at::zeros({4}), 3e-6, at::kFloat);
  EXPECT_NEAR(y[0][0].item<float>(), 0.5, 1e-6);  // 1e-3 / sqrt(1e-6 + 3e-6)
}

TEST_P(LayerTypes, RmsNormOfManyRowsIsTheFormula) {
  const auto [type, allowed] = GetParam();
  const auto vector_type = type == at::kDouble ? at::kDouble : at::kFloat;
  const auto x = Random({33, 70}, type, 1), w = Random({70}, vector_type, 2);
  const auto m = x.to(at::kDouble);
  const auto want =
      m / at::sqrt(m.square().mean(1, true) + 1e-6) * (1 + w.to(at::kDouble));  // [33, 70]
  // bfloat16: 1 + w reaches 4 and x 4, so half a unit in the last place of 16.
  EXPECT_LT(LargestDifference(RmsNorm(x, w, 1e-6, type), want), 4 * allowed);
}

TEST(AddRmsNormTest, AddsTheNormInPlaceAndIntoANewTensorAlike) {
  const auto x = Random({9, 48}, at::kFloat, 1), w = Random({48}, at::kFloat, 2);
  const auto before = Random({9, 48}, at::kFloat, 3);
  const auto want = before + RmsNorm(x, w, 1e-6, at::kFloat);
  auto residual = before.clone();
  const auto in_place = AddRmsNorm(residual, x, w, 1e-6);
  EXPECT_EQ(in_place.const_data_ptr(), residual.const_data_ptr());
  EXPECT_LT(LargestDifference(in_place, want), 2e-6);

  auto wanted = before.clone().set_requires_grad(true);
  const auto fresh = AddRmsNorm(wanted, x, w, 1e-6);
  EXPECT_TRUE(at::equal(wanted.detach(), before));
  EXPECT_LT(LargestDifference(fresh.detach(), want), 2e-6);
}

TEST(LayerNormTest, IsTheFormulaOnBothPaths) {
  const LayerNormWeights w{Random({70}, at::kFloat, 1), Random({70}, at::kFloat, 2)};
  const auto x = Random({19, 70}, at::kFloat, 3) * 5 + 30;
  const auto m = x.to(at::kDouble);
  const auto centred = m - m.mean(1, true);
  const auto want =
      centred / at::sqrt(centred.square().mean(1, true) + 1e-6) * w.weight.to(at::kDouble) +
      w.bias.to(at::kDouble);
  // x around 30 carries 2e-6 of rounding, which the division by 5 leaves below 1e-5.
  EXPECT_LT(LargestDifference(LayerNorm(x, w, 1e-6, at::kFloat), want), 2e-5);
  EXPECT_LT(LargestDifference(LayerNorm(x, w, 1e-6, at::kBFloat16), want), 4e-2);
  auto differentiable = x.clone().set_requires_grad(true);
  EXPECT_LT(LargestDifference(LayerNorm(differentiable, w, 1e-6, at::kFloat).detach(), want), 2e-5);
}

double Gelu(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

TEST_P(LayerTypes, GeluTanhOfKnownValues) {
  const auto [type, allowed] = GetParam();
  const std::vector<double> values{-100, -3, -0.5, 0, 0.25, 2, 100};
  const auto x = at::tensor(values, at::kDouble).to(type).view({1, 7});
  const auto y = GeluTanh(x.clone(), {});
  const auto gated = GeluTanh(x.clone(), at::full_like(x, 3));
  for (int64_t i = 0; i < 7; ++i) {
    const double want = Gelu(values[static_cast<size_t>(i)]);
    EXPECT_NEAR(y[0][i].item<double>(), want, allowed) << want;
    EXPECT_NEAR(gated[0][i].item<double>(), 3 * want, 3 * allowed * std::max(1.0, want)) << want;
  }
}

TEST(GeluTanhTest, LeavesItsInputWhereAGradientIsWanted) {
  const auto gate = at::full({1, 2}, 1.5f).set_requires_grad(true);
  GeluTanh(gate, at::ones({1, 2})).sum().backward();
  EXPECT_TRUE(at::equal(gate.detach(), at::full({1, 2}, 1.5f)));
  const double slope = (Gelu(1.5 + 1e-5) - Gelu(1.5 - 1e-5)) / 2e-5;
  EXPECT_NEAR(gate.grad()[0][0].item<double>(), slope, 1e-6);
}

constexpr double kTheta = 100;  // Frequencies 1 and 0.1 for heads of four.

RotaryTable Table(const std::vector<int64_t>& positions, at::ScalarType type = at::kFloat) {
  return MakeRotaryTable(positions, 4, kTheta, at::TensorOptions().dtype(type));
}

TEST_P(LayerTypes, RotationAtPositionZeroIsTheIdentity) {
  const auto [type, allowed] = GetParam();
  const auto x = Random({2, 8}, type, 1);
  const auto table = Table({0, 0}, type);
  EXPECT_TRUE(at::equal(RotateHeads(x, 2, &table, type), x.view({2, 2, 4}).transpose(0, 1)));
}

// The first value turns with the third, the second with the fourth; neighbours do not.
TEST_P(LayerTypes, RotationPairsTheTwoHalvesOfAHead) {
  const auto [type, allowed] = GetParam();
  const auto table = Table({3}, type);
  const auto first = RotateHeads(at::tensor({1, 0, 0, 0}).view({1, 4}).to(type), 1, &table, type);
  const auto fourth = RotateHeads(at::tensor({0, 0, 0, 1}).view({1, 4}).to(type), 1, &table, type);
  const std::vector<double> want_first{std::cos(3.0), 0, std::sin(3.0), 0};
  const std::vector<double> want_fourth{0, -std::sin(0.3), 0, std::cos(0.3)};
  for (int64_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(first[0][0][i].item<double>(), want_first[static_cast<size_t>(i)], allowed);
    EXPECT_NEAR(fourth[0][0][i].item<double>(), want_fourth[static_cast<size_t>(i)], allowed);
  }
}

TEST(RotateHeadsTest, ProductOfQueryAndKeyDependsOnTheirDistanceAlone) {
  const auto q = Random({1, 4}, at::kDouble, 1), k = Random({1, 4}, at::kDouble, 2);
  const auto product = [&](int64_t q_position, int64_t k_position) {
    const auto q_table = Table({q_position}, at::kDouble),
               k_table = Table({k_position}, at::kDouble);
    return (RotateHeads(q, 1, &q_table, at::kDouble) * RotateHeads(k, 1, &k_table, at::kDouble))
        .sum()
        .item<double>();
  };
  EXPECT_NEAR(product(7, 4), product(1003, 1000), 1e-12);
  EXPECT_GT(std::abs(product(7, 4) - product(7, 5)), 1e-3);
}

TEST_P(LayerTypes, RotationIntoACacheIsThePlainOneAtItsRows) {
  const auto [type, allowed] = GetParam();
  const auto x = Random({3, 8}, type, 1);
  const auto table = Table({5, 6, 7}, type);
  for (const auto* turned : {&table, static_cast<const RotaryTable*>(nullptr)}) {
    const auto cache = at::full({2, 10, 4}, 9, at::TensorOptions().dtype(type));
    const auto placed = RotateHeads(x, 2, turned, type, cache, 4);
    const auto plain = RotateHeads(x, 2, turned, type);
    EXPECT_EQ(plain.sizes(), at::IntArrayRef({2, 3, 4}));
    EXPECT_TRUE(at::equal(placed, plain));
    EXPECT_TRUE(at::equal(cache.narrow(1, 4, 3), plain));
    EXPECT_TRUE((cache.narrow(1, 0, 4) == 9).all().item<bool>());
    EXPECT_TRUE((cache.narrow(1, 7, 3) == 9).all().item<bool>());
  }
}

TEST(RotaryTableTest, AnglesFallByPowersOfTheta) {
  const auto table = Table({0, 2}, at::kDouble);
  EXPECT_NEAR(table.sin[1][0].item<double>(), std::sin(2.0), 1e-15);
  EXPECT_NEAR(table.sin[1][1].item<double>(), std::sin(0.2), 1e-15);
  EXPECT_NEAR(table.cos[1][1].item<double>(), std::cos(0.2), 1e-15);
}

// Every function with a gradient of its own, as (inputs, which of them want gradients) -> output.
struct Differentiable {
  std::string name;
  std::vector<std::vector<int64_t>> sizes;
  // Converts what enters and leaves in `type`; the others are as the model keeps them.
  std::function<at::Tensor(const std::vector<at::Tensor>&, at::ScalarType type)> function;
};

std::vector<Differentiable> Functions() {
  using Inputs = std::vector<at::Tensor>;
  const auto table = [](const at::Tensor& x) {
    return MakeRotaryTable({0, 5, 9, 2, 77, 1, 30}, 24, kTheta, x.options());
  };
  const std::vector<int64_t> rows{7, 48};
  return {
      {"RmsNorm",
       {rows, {48}},
       [](const Inputs& in, at::ScalarType type) { return RmsNorm(in[0], in[1], 1e-6, type); }},
      {"AddRmsNorm",
       {rows, {48}, rows},
       [](const Inputs& in, at::ScalarType type) {
         return AddRmsNorm(type == at::kBFloat16 ? in[2].to(at::kFloat) : in[2], in[0], in[1],
                           1e-6);
       }},
      {"LayerNorm",
       {rows, {48}, {48}},
       [](const Inputs& in, at::ScalarType type) {
         const auto x = type == at::kBFloat16 ? in[0].to(at::kFloat) : in[0];
         return LayerNorm(x, {in[1], in[2]}, 1e-6, type);
       }},
      {"GeluTanh", {rows}, [](const Inputs& in, at::ScalarType) { return GeluTanh(in[0], {}); }},
      {"GatedGelu",
       {rows, rows},
       [](const Inputs& in, at::ScalarType) { return GeluTanh(in[0], in[1]); }},
      {"RotateHeads",
       {rows},
       [=](const Inputs& in, at::ScalarType type) {
         const auto turn = table(in[0]);
         return RotateHeads(in[0], 2, &turn, type);
       }},
      {"SplitHeads",
       {rows},
       [](const Inputs& in, at::ScalarType type) { return RotateHeads(in[0], 2, nullptr, type); }},
  };
}

// The output and the gradients of a weighted sum of it. Vectors stay float32 beside bfloat16.
std::vector<at::Tensor> WithGradients(const Differentiable& f, at::ScalarType type,
                                      at::ScalarType given, bool weights_too = true) {
  std::vector<at::Tensor> leaves;
  for (size_t i = 0; i < f.sizes.size(); ++i) {
    const bool vector = f.sizes[i].size() == 1;
    const auto start = given == at::kBFloat16 && vector ? at::kFloat : given;
    const auto end = type == at::kBFloat16 && vector ? at::kFloat : type;
    leaves.push_back(Random(f.sizes[i], start, i + 1).to(end, false, /*copy=*/true));
    leaves.back().set_requires_grad(weights_too || !vector);
  }
  const auto out = f.function(leaves, type);
  (out * Random(out.sizes(), given, 9).to(out.scalar_type())).sum().backward();
  std::vector<at::Tensor> results{out.detach()};
  for (const auto& leaf : leaves)
    if (leaf.requires_grad()) results.push_back(leaf.grad());
  return results;
}

TEST(LayerGradients, OfDoublesAgreeWithDifferences) {
  for (const auto& f : Functions()) {
    std::vector<at::Tensor> inputs;
    for (size_t i = 0; i < f.sizes.size(); ++i)
      inputs.push_back(Random(f.sizes[i], at::kDouble, i + 1));
    const auto gradients = WithGradients(f, at::kDouble, at::kDouble);
    const auto loss = [&] {
      const auto out = f.function(inputs, at::kDouble);
      return (out * Random(out.sizes(), at::kDouble, 9)).sum().item<double>();
    };
    for (size_t i = 0; i < inputs.size(); ++i) {
      auto values = inputs[i].flatten();
      for (int64_t j = 0; j < values.numel(); j += 37) {
        const double kept = values[j].item<double>(), step = 1e-5;
        values[j] = kept + step;
        const double above = loss();
        values[j] = kept - step;
        const double below = loss();
        values[j] = kept;
        EXPECT_NEAR(gradients[i + 1].flatten()[j].item<double>(), (above - below) / (2 * step),
                    1e-7)
            << f.name << " input " << i << " " << j;
      }
    }
  }
}

TEST(LayerGradients, OfTheKernelsAreThoseOfDoubles) {
  for (const auto& f : Functions())
    for (const auto type : {at::kFloat, at::kBFloat16})
      for (const bool weights_too : {true, false}) {
        const auto found = WithGradients(f, type, type, weights_too);
        const auto exact = WithGradients(f, at::kDouble, type, weights_too);
        ASSERT_EQ(found.size(), exact.size()) << f.name;
        for (size_t i = 0; i < found.size(); ++i) {
          const double size = std::max(1.0, exact[i].abs().max().item<double>());
          EXPECT_LT(LargestDifference(found[i], exact[i]),
                    (type == at::kFloat ? 2e-6 : 1e-2) * size)
              << f.name << " " << i;
        }
      }
}

TEST(LayerGradients, OfNormWeightsSumManyRowsInOneOrder) {
  const auto x = Random({1000, 48}, at::kFloat, 1), weights = Random({1000, 48}, at::kFloat, 2);
  const auto w = Random({48}, at::kFloat, 3).set_requires_grad(true);
  const auto gradient = [&] {
    w.mutable_grad().reset();
    (RmsNorm(x, w, 1e-6, at::kFloat) * weights).sum().backward();
    return w.grad().clone();
  };
  at::set_num_threads(1);
  const auto alone = gradient();
  at::set_num_threads(3);
  EXPECT_TRUE(at::equal(gradient(), alone));
  at::set_num_threads(1);
}

// Down [1, 2] = x0 - x1, up [2, 1] = (1, 10).
TEST(AdapterTest, WorkedOutByHand) {
  Adapter adapter{.down = {at::tensor({1.f, -1.f}).view({1, 2}), at::zeros({1})},
                  .up = {at::tensor({1.f, 10.f}).view({2, 1}), at::tensor({0.f, 1.f})},
                  .scale = 2,
                  .relu = true};
  const auto x = at::tensor({5.f, 2.f, 2.f, 5.f}).view({2, 2});
  const auto y = adapter(x);  // down 3 and -3
  EXPECT_TRUE(at::equal(y, at::tensor({6.f, 62.f, 0.f, 2.f}).view({2, 2})));
  adapter.relu = false;
  EXPECT_NEAR(adapter(x)[1][0].item<double>(), 2 * Gelu(-3), 1e-6);
  EXPECT_FALSE(Adapter{}.defined());
}

}  // namespace
}  // namespace occvla::model
