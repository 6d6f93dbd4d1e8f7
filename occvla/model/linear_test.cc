#include "occvla/model/linear.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <vector>

namespace occvla::model {
namespace {

at::Tensor Random(at::IntArrayRef sizes, at::ScalarType type, uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  return at::randn(sizes, generator, at::TensorOptions().dtype(at::kDouble)).to(type);
}

// The sum over products, in double, of the numbers as they are stored.
at::Tensor Exact(const Linear& layer, const at::Tensor& x) {
  auto y = at::matmul(x.to(at::kDouble), layer.weight.to(at::kDouble).t());
  return layer.bias.defined() ? y + layer.bias.to(at::kDouble) : y;
}

double LargestDifference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

struct Case {
  at::ScalarType stored, compute;
  int64_t rows;
  bool bias;
};

class LinearCases : public ::testing::TestWithParam<Case> {};

// 203 inputs and 77 outputs: neither fills the kernels' blocks.
TEST_P(LinearCases, IsTheMatrixProduct) {
  const auto c = GetParam();
  const Linear layer{.weight = Random({77, 203}, c.stored, 1),
                     .bias = c.bias ? Random({77}, at::kFloat, 2) : at::Tensor(),
                     .compute = c.compute};
  const auto x = Random({c.rows, 203}, at::kFloat, 3).to(layer.InputType(c.rows));
  const auto y = layer(x);
  EXPECT_EQ(y.sizes(), at::IntArrayRef({c.rows, 77}));
  // Sums of 203 products of unit size reach 50: float32 keeps them to 2e-5. Results that are
  // bfloat16 keep 8 bits.
  const bool rounded = c.compute == at::kBFloat16 && c.rows > Linear::kFewRows;
  EXPECT_LT(LargestDifference(y, Exact(layer, x)), rounded ? 0.25 : 5e-5);
  EXPECT_EQ(y.scalar_type(), rounded ? at::kBFloat16 : at::kFloat);
}

INSTANTIATE_TEST_SUITE_P(Shapes, LinearCases,
                         ::testing::Values(Case{at::kFloat, at::kFloat, 1, true},
                                           Case{at::kFloat, at::kFloat, 5, false},
                                           Case{at::kFloat, at::kFloat, 8, true},
                                           Case{at::kFloat, at::kFloat, 9, true},
                                           Case{at::kBFloat16, at::kFloat, 1, false},
                                           Case{at::kBFloat16, at::kFloat, 8, true},
                                           Case{at::kBFloat16, at::kFloat, 9, true},
                                           Case{at::kBFloat16, at::kBFloat16, 1, true},
                                           Case{at::kBFloat16, at::kBFloat16, 3, false},
                                           Case{at::kBFloat16, at::kBFloat16, 9, true}));

TEST(LinearTest, BiasWorkedOutByHand) {
  const Linear layer{at::tensor({1.f, 2.f, 3.f, 4.f}).view({2, 2}), at::tensor({10.f, 20.f})};
  const auto y = layer(at::tensor({1.f, -1.f}).view({1, 2}));
  EXPECT_TRUE(at::equal(y, at::tensor({9.f, 19.f}).view({1, 2})));
}

class LinearRows : public ::testing::TestWithParam<int64_t> {};

// One parallel region over several layers may cut a layer anywhere.
TEST_P(LinearRows, LayersTogetherGiveWhatEachGivesAlone) {
  const Linear a{Random({70, 40}, at::kBFloat16, 1), Random({70}, at::kFloat, 2)};
  const Linear b{Random({3, 40}, at::kFloat, 3), {}};
  const Linear c{Random({130, 40}, at::kBFloat16, 4), {}};
  const auto x = Random({GetParam(), 40}, at::kFloat, 5);
  const auto together = ApplyTogether({&a, &b, &c}, x);
  ASSERT_EQ(together.size(), 3u);
  EXPECT_TRUE(at::equal(together[0], a(x)));
  EXPECT_TRUE(at::equal(together[1], b(x)));
  EXPECT_TRUE(at::equal(together[2], c(x)));
}

INSTANTIATE_TEST_SUITE_P(FewAndMany, LinearRows, ::testing::Values(1, 8, 9));

TEST(LinearTest, LikesFloatForFewRowsAndTheComputeTypeForMany) {
  const auto weight = at::zeros({1, 1});
  const Linear half{.weight = weight, .bias = {}, .compute = at::kBFloat16};
  EXPECT_EQ(half.InputType(Linear::kFewRows), at::kFloat);
  EXPECT_EQ(half.InputType(Linear::kFewRows + 1), at::kBFloat16);
  const Linear twice{.weight = weight, .bias = {}, .compute = at::kDouble};
  EXPECT_EQ(twice.InputType(1), at::kDouble);
}

// Few rows would take the kernel, which knows no gradient: whoever wants one keeps it away.
TEST(LinearTest, GradientReachesWeightBiasAndInputOfFewRows) {
  Linear layer{Random({4, 3}, at::kFloat, 1), Random({4}, at::kFloat, 2)};
  const auto x = Random({2, 3}, at::kFloat, 3);
  layer.weight.set_requires_grad(true);
  layer.bias.set_requires_grad(true);
  layer(x).sum().backward();
  EXPECT_TRUE(at::allclose(layer.weight.grad()[0], x.sum(0)));
  EXPECT_TRUE(at::equal(layer.bias.grad(), at::full({4}, 2.f)));

  const auto wanted = x.clone().set_requires_grad(true);
  const Linear frozen{layer.weight.detach(), layer.bias.detach()};
  frozen(wanted).sum().backward();
  EXPECT_TRUE(at::allclose(wanted.grad()[1], frozen.weight.sum(0)));
}

TEST(LinearTest, RefusesRowsOfAnotherWidth) {
  const Linear layer{at::zeros({4, 5}), {}};
  try {
    layer(at::zeros({1, 3}));
    FAIL() << "rows of three went into a layer of five";
  } catch (const c10::Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("x is [1, 3] but the weight is [4, 5]"));
  }
}

TEST(ParallelForTest, VisitsEachItemOnce) {
  std::vector<std::atomic<int>> visits(1000);
  ParallelFor(1000, 7, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) ++visits[static_cast<size_t>(i)];
  });
  for (const auto& count : visits) EXPECT_EQ(count.load(), 1);
}

}  // namespace
}  // namespace occvla::model
