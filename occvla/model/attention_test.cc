#include "occvla/model/attention.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "occvla/model/linear.h"

namespace occvla::model {
namespace {

at::Tensor Random(at::IntArrayRef sizes, at::ScalarType type = at::kFloat, int64_t seed = 1) {
  auto generator = at::detail::createCPUGenerator(static_cast<uint64_t>(seed));
  return at::randn(sizes, generator, at::TensorOptions().dtype(at::kDouble)).to(type);
}

// Straight from the formula, one query and one head at a time, in double.
at::Tensor Slow(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                const KeyRanges& ranges, const AttentionOptions& options) {
  const int64_t T = q.size(0), H = q.size(1), D = q.size(2), group = H / k.size(0);
  auto out = at::zeros({T, H * D}, at::TensorOptions().dtype(at::kDouble));
  for (int64_t t = 0; t < T; ++t) {
    for (int64_t h = 0; h < H; ++h) {
      const int64_t first = ranges.begin[t], count = ranges.end[t] - first;
      if (count <= 0) continue;
      const auto keys = k[h / group].narrow(0, first, count).to(at::kDouble);
      const auto values = v[h / group].narrow(0, first, count).to(at::kDouble);
      auto scores = at::mv(keys, q[t][h].to(at::kDouble)) * options.scale;
      if (options.softcap > 0) scores = at::tanh(scores / options.softcap) * options.softcap;
      out[t].narrow(0, h * D, D).copy_(at::mv(values.t(), at::softmax(scores, 0)));
    }
  }
  return out;
}

double LargestDifference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

// One query and two keys with scores 0 and 1: weights 1/(1+e) and e/(1+e), worked out by hand.
TEST(AttentionTest, MatchesTwoKeysWorkedOutByHand) {
  const auto q = at::ones({1, 1, 1});
  const auto k = at::tensor({0.f, 1.f}).view({1, 2, 1});
  const auto v = at::tensor({10.f, 20.f}).view({1, 2, 1});
  const double e = std::exp(1.0);
  const auto out = Attention(q, k, v, KeyRanges::All(1, 2), {});
  EXPECT_NEAR(out.item<float>(), (10 + 20 * e) / (1 + e), 1e-5);
}

// Scores 0 and 100 under a cap of 50 become 0 and 50 tanh(2).
TEST(AttentionTest, CapsScoresBeforeTheSoftmax) {
  const auto q = at::full({1, 1, 1}, 1.0, at::kDouble);
  const auto k = at::tensor({0.0, 100.0}, at::kDouble).view({1, 2, 1});
  const auto v = at::tensor({0.0, 1.0}, at::kDouble).view({1, 2, 1});
  const auto out =
      Attention(q, k, v, KeyRanges::All(1, 2), {.scale = 0.05, .softcap = 2});  // scores 0, 5
  const double capped = 2 * std::tanh(2.5);
  EXPECT_NEAR(out.item<double>(), std::exp(capped) / (1 + std::exp(capped)), 1e-12);
}

struct Case {
  int64_t T, S, H, K, D;
  double softcap;
  at::ScalarType type;
};

class AttentionCases : public ::testing::TestWithParam<Case> {};

TEST_P(AttentionCases, AgreesWithTheFormula) {
  const auto c = GetParam();
  const auto q = Random({c.T, c.H, c.D}, c.type, 1) * 3;
  const auto k = Random({c.K, c.S, c.D}, c.type, 2) * 3, v = Random({c.K, c.S, c.D}, c.type, 3);
  auto ranges = KeyRanges::Causal(c.T, c.S - c.T);
  ranges.begin[0] = 1;
  const AttentionOptions options{.scale = 1 / std::sqrt(double(c.D)), .softcap = c.softcap};
  const auto fast = Attention(q, k, v, ranges, options);
  // bfloat16 outputs carry 8 bits; float32 sums over S keys lose a few ulp.
  const double allowed = c.type == at::kBFloat16 ? 2e-2 : c.type == at::kFloat ? 5e-6 : 1e-12;
  EXPECT_LT(LargestDifference(fast, Slow(q, k, v, ranges, options)), allowed);
}

INSTANTIATE_TEST_SUITE_P(Shapes, AttentionCases,
                         ::testing::Values(Case{7, 19, 4, 2, 16, 50, at::kFloat},
                                           Case{5, 5, 2, 2, 24, 0, at::kFloat},
                                           Case{9, 33, 8, 1, 64, 5, at::kFloat},
                                           Case{3, 40, 8, 4, 256, 50, at::kFloat},
                                           Case{9, 33, 8, 4, 72, 50, at::kBFloat16},
                                           Case{7, 19, 4, 2, 16, 50, at::kDouble}));

TEST(AttentionTest, ChunksOfQueriesGiveWhatOnePassGives) {
  const auto q = Random({11, 4, 8}, at::kDouble, 1);
  const auto k = Random({2, 13, 8}, at::kDouble, 2), v = Random({2, 13, 8}, at::kDouble, 3);
  const auto ranges = KeyRanges::Causal(11, 2);
  const auto whole = Attention(q, k, v, ranges, {.scale = 0.3, .softcap = 4});
  // Room for two queries' scores at a time.
  const auto chunked = Attention(
      q, k, v, ranges, {.scale = 0.3, .softcap = 4, .max_score_bytes = 2 * 4 * 13 * 8 * 3});
  EXPECT_LT(LargestDifference(whole, chunked), 1e-14);
}

// The property that a KV cache rests on: what follows a position cannot change what it computed.
TEST(AttentionTest, LaterTokensDoNotChangeEarlierOutputs) {
  const auto q = Random({8, 4, 8}), k = Random({2, 8, 8}), v = Random({2, 8, 8});
  const auto full = Attention(q, k, v, KeyRanges::Causal(8, 0), {.softcap = 50});
  const auto part = Attention(q.narrow(0, 0, 5), k.narrow(1, 0, 5), v.narrow(1, 0, 5),
                              KeyRanges::Causal(5, 0), {.softcap = 50});
  EXPECT_LT(LargestDifference(full.narrow(0, 0, 5), part), 1e-6);
}

TEST(AttentionTest, QueryThatSeesNothingYieldsZeros) {
  for (const auto type : {at::kFloat, at::kDouble}) {
    const auto x = Random({2, 1, 4}, type), kv = Random({1, 2, 4}, type);
    auto ranges = KeyRanges::All(2, 2);
    ranges.end[0] = 0;
    const auto out = Attention(x, kv, kv, ranges, {});
    EXPECT_TRUE(at::equal(out[0], at::zeros_like(out[0])));
    EXPECT_FALSE(out.isnan().any().item<bool>());
  }
}

// A diverged weight must reach the loss, not be masked away.
TEST(AttentionTest, NanInAQueryStaysVisibleInItsRowAlone) {
  for (const auto type : {at::kFloat, at::kDouble}) {
    auto q = Random({2, 1, 4}, type);
    const auto kv = Random({1, 3, 4}, type);
    q[1][0][0] = std::numeric_limits<double>::quiet_NaN();
    const auto out = Attention(q, kv, kv, KeyRanges::All(2, 3), {.softcap = 50});
    EXPECT_TRUE(out[1].isnan().all().item<bool>());
    EXPECT_FALSE(out[0].isnan().any().item<bool>());
  }
}

TEST(AttentionTest, WindowCutsKeysThatAreTooFarBehind) {
  const auto ranges = KeyRanges::All(4, 4).Windowed({0, 1, 2, 3}, /*window=*/2);
  EXPECT_THAT(ranges.begin, ::testing::ElementsAre(0, 0, 1, 2));
  EXPECT_THAT(ranges.end, ::testing::ElementsAre(4, 4, 4, 4));
}

// Two questions about one frame of four image keys: the first has three tokens, the second five.
struct Packed {
  std::vector<at::Tensor> inputs{Random({8, 4, 3}, at::kDouble, 1).set_requires_grad(true),
                                 Random({2, 12, 3}, at::kDouble, 2).set_requires_grad(true),
                                 Random({2, 12, 3}, at::kDouble, 3).set_requires_grad(true)};
  KeyRanges ranges{{4, 4, 4, 7, 7, 7, 7, 7}, {7, 7, 7, 9, 9, 10, 11, 12}, /*shared=*/4};
  std::vector<int64_t> positions{4, 5, 6, 4, 5, 6, 7, 8};

  // The same by itself: question rows [first, first + count), their keys from key `key` on.
  at::Tensor Alone(int64_t first, int64_t count, int64_t key, int64_t window,
                   const AttentionOptions& options) const {
    const auto alone = [&](const at::Tensor& x) {
      return at::cat({x.narrow(1, 0, 4), x.narrow(1, key, count)}, 1);
    };
    KeyRanges own = KeyRanges::All(count, 0);
    for (int64_t t = 0; t < count; ++t)
      own.end[t] = ranges.end[first + t] - static_cast<int32_t>(key) + 4;
    own = own.Windowed({positions.begin() + first, positions.begin() + first + count}, window);
    return Attention(inputs[0].narrow(0, first, count), alone(inputs[1]), alone(inputs[2]), own,
                     options);
  }
};

TEST(AttentionTest, QuestionsThatShareAFrameAreWhatEachIsAlone) {
  const AttentionOptions options{
      .scale = 0.7, .softcap = 1.5, .max_score_bytes = 2 * 4 * 12 * 8 * 3};
  for (const int64_t window : {100, 6, 3, 2}) {
    Packed packed;
    const auto weights = Random({8, 12}, at::kDouble, 4);
    const auto together = Attention(packed.inputs[0], packed.inputs[1], packed.inputs[2],
                                    packed.ranges.Windowed(packed.positions, window), options);
    (together * weights).sum().backward();
    std::vector<at::Tensor> gradients;
    for (auto& x : packed.inputs) {
      gradients.push_back(x.grad().clone());
      x.mutable_grad().reset();
    }
    const auto apart =
        at::cat({packed.Alone(0, 3, 4, window, options), packed.Alone(3, 5, 7, window, options)});
    (apart * weights).sum().backward();
    EXPECT_LT(LargestDifference(together.detach(), apart.detach()), 1e-14) << window;
    for (size_t i = 0; i < 3; ++i)
      EXPECT_LT(LargestDifference(gradients[i], packed.inputs[i].grad()), 1e-14) << window;
  }
}

TEST(AttentionTest, RangesThatReachIntoTheSharedKeysCountThemOnce) {
  Packed packed;
  const auto all =
      Attention(packed.inputs[0], packed.inputs[1], packed.inputs[2], KeyRanges::Causal(8, 4), {});
  auto shared = KeyRanges::Causal(8, 4);
  shared.shared = 4;
  EXPECT_LT(
      LargestDifference(
          Attention(packed.inputs[0], packed.inputs[1], packed.inputs[2], shared, {}).detach(),
          all.detach()),
      1e-14);
}

TEST(AttentionTest, RefusesMoreSharedKeysThanThereAre) {
  const auto x = Random({1, 1, 4}), kv = Random({1, 2, 4});
  auto ranges = KeyRanges::All(1, 2);
  ranges.shared = 3;
  try {
    Attention(x, kv, kv, ranges, {});
    FAIL() << "three of two keys were shared";
  } catch (const c10::Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("3 shared keys of 2"));
  }
}

// Gradients by central differences, in float64, with a cap that bends and chunks of two queries.
TEST(AttentionTest, GradientsAgreeWithDifferences) {
  const std::vector<at::Tensor> inputs{Random({5, 4, 3}, at::kDouble, 1).set_requires_grad(true),
                                       Random({2, 6, 3}, at::kDouble, 2).set_requires_grad(true),
                                       Random({2, 6, 3}, at::kDouble, 3).set_requires_grad(true)};
  const auto weights = Random({5, 12}, at::kDouble, 4);
  auto ranges = KeyRanges::Causal(5, 1);
  ranges.begin[3] = 2;
  ranges.end[4] = 0;  // Sees nothing.
  const auto loss = [&] {
    return (Attention(inputs[0], inputs[1], inputs[2], ranges,
                      {.scale = 0.7, .softcap = 1.5, .max_score_bytes = 2 * 4 * 6 * 8 * 3}) *
            weights)
        .sum();
  };
  loss().backward();
  for (const auto& x : inputs) {
    const auto gradient = x.grad().flatten();
    const c10::AutoGradMode no_gradients(false);
    auto values = x.flatten();
    for (int64_t i = 0; i < values.numel(); ++i) {
      const double kept = values[i].item<double>(), step = 1e-6;
      values[i] = kept + step;
      const double above = loss().item<double>();
      values[i] = kept - step;
      const double below = loss().item<double>();
      values[i] = kept;
      EXPECT_NEAR(gradient[i].item<double>(), (above - below) / (2 * step), 1e-7) << i;
    }
  }
}

// What the fused kernel computes and what training computes are one function.
TEST(AttentionTest, KernelAndDifferentiablePathAgree) {
  auto q = Random({6, 4, 32});
  const auto k = Random({2, 9, 32}), v = Random({2, 9, 32});
  const auto ranges = KeyRanges::Causal(6, 3);
  const AttentionOptions options{.scale = 0.2, .softcap = 50};
  ASSERT_TRUE(UsesKernels(q));
  const auto fused = Attention(q, k, v, ranges, options);
  q.set_requires_grad(true);
  ASSERT_FALSE(UsesKernels(q));
  EXPECT_LT(LargestDifference(fused, Attention(q, k, v, ranges, options).detach()), 2e-6);
}

struct TrainingCase {
  int64_t T, S, H, K, D;
  int32_t shared;
  at::ScalarType type;
};

class AttentionTraining : public ::testing::TestWithParam<TrainingCase> {};

// The kernels' gradients against float64's, which the differences above hold.
TEST_P(AttentionTraining, KernelsGiveTheGradientsOfTheChunks) {
  const auto c = GetParam();
  const auto make = [&](at::IntArrayRef sizes, int64_t seed) {
    return Random(sizes, c.type, seed);
  };
  // As the language model lays them out: q [H, T, D] and the cache [K, more than S, D].
  const std::vector<at::Tensor> given{make({c.H, c.T, c.D}, 1), make({c.K, c.S + 3, c.D}, 2),
                                      make({c.K, c.S + 3, c.D}, 3)};
  auto ranges = KeyRanges::Causal(c.T, c.S - c.T);
  ranges.shared = c.shared;
  ranges.begin[1] = std::max(c.shared, 2);
  const auto weights = make({c.T, c.H * c.D}, 4);
  const auto run = [&](at::ScalarType type) {
    std::vector<at::Tensor> leaves;
    for (const auto& x : given) leaves.push_back(x.to(type, false, true).set_requires_grad(true));
    const auto out = Attention(leaves[0].transpose(0, 1), leaves[1].narrow(1, 0, c.S),
                               leaves[2].narrow(1, 0, c.S), ranges,
                               {.scale = 1 / std::sqrt(double(c.D)), .softcap = 5});
    (out * weights.to(type)).sum().backward();
    return std::vector<at::Tensor>{out.detach(), leaves[0].grad(), leaves[1].grad(),
                                   leaves[2].grad()};
  };
  const auto fused = run(c.type), exact = run(at::kDouble);
  for (size_t i = 0; i < fused.size(); ++i) {
    EXPECT_EQ(fused[i].scalar_type(), c.type);
    const double size = std::max(1.0, exact[i].abs().max().item<double>());
    // bfloat16 rounds the results and the output that the slopes are made from.
    EXPECT_LT(LargestDifference(fused[i], exact[i]), (c.type == at::kFloat ? 1e-5 : 2e-2) * size)
        << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, AttentionTraining,
                         ::testing::Values(TrainingCase{7, 19, 4, 2, 16, 0, at::kFloat},
                                           TrainingCase{40, 60, 4, 1, 24, 15, at::kFloat},
                                           TrainingCase{300, 300, 2, 2, 8, 0, at::kFloat},
                                           TrainingCase{9, 33, 8, 4, 72, 0, at::kBFloat16},
                                           TrainingCase{40, 60, 4, 2, 256, 15, at::kBFloat16}));

// An inference pass over packed questions goes through the kernel as well.
TEST(AttentionTest, KernelSeesTheSharedKeys) {
  Packed packed;
  const auto exact = Attention(packed.inputs[0], packed.inputs[1], packed.inputs[2],
                               packed.ranges.Windowed(packed.positions, 6), {.softcap = 5});
  std::vector<at::Tensor> narrow;
  for (const auto& x : packed.inputs) narrow.push_back(x.detach().to(at::kFloat));
  const auto fused = Attention(narrow[0], narrow[1], narrow[2],
                               packed.ranges.Windowed(packed.positions, 6), {.softcap = 5});
  EXPECT_LT(LargestDifference(fused, exact.detach()), 2e-6);
}

TEST(AttentionTest, RefusesHeadsThatDoNotDivide) {
  const auto q = Random({1, 3, 4}), kv = Random({2, 1, 4});
  try {
    Attention(q, kv, kv, KeyRanges::All(1, 1), {});
    FAIL() << "three query heads were shared among two key heads";
  } catch (const c10::Error& error) {
    EXPECT_THAT(error.what(),
                ::testing::HasSubstr("3 query heads do not divide among 2 key heads"));
  }
}

}  // namespace
}  // namespace occvla::model
