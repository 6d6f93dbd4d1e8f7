#include "occvla/model/language.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace occvla::model {
namespace {

at::Tensor Random(at::IntArrayRef sizes, double scale, at::ScalarType type, uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  return (at::randn(sizes, generator, at::TensorOptions().dtype(at::kDouble)) * scale).to(type);
}

// A small Gemma 2 with random weights; every norm away from its identity.
LanguageModel SmallModel(at::ScalarType compute, int64_t window = 0) {
  LanguageModel model;
  model.config = {.hidden = 24,
                  .layers = 3,
                  .heads = 4,
                  .key_heads = 2,
                  .head_size = 16,
                  .intermediate = 40,
                  .vocabulary = 50,
                  .query_pre_attn_scalar = 16,
                  .rope_theta = 10000,
                  .norm_eps = 1e-6,
                  .attn_softcap = 5,
                  .final_softcap = 30,
                  .sliding_window = window};
  model.compute = compute;
  uint64_t seed = 1;
  const auto vector_type = compute == at::kDouble ? at::kDouble : at::kFloat;
  const auto norm = [&] { return Random({24}, 0.1, vector_type, ++seed); };
  const auto dense = [&](int64_t out, int64_t in) {
    return Linear{Random({out, in}, 0.2, compute, ++seed), {}, compute};
  };
  model.embedding = Random({50, 24}, 0.2, compute, ++seed);
  for (int l = 0; l < 3; ++l) {
    model.layers.push_back({norm(), norm(), norm(), norm(), dense(64, 24), dense(32, 24),
                            dense(32, 24), dense(24, 64), dense(40, 24), dense(40, 24),
                            dense(24, 40)});
  }
  model.final_norm = norm();
  model.adapters.attention.resize(3);
  model.adapters.ffn.resize(3);
  return model;
}

KvCache Cache(const LanguageModel& model, int64_t capacity) {
  return {model.config, capacity, at::TensorOptions().dtype(model.compute)};
}

std::vector<int64_t> Sequence(int64_t first, int64_t count) {
  std::vector<int64_t> values(static_cast<size_t>(count));
  std::iota(values.begin(), values.end(), first);
  return values;
}

at::Tensor RunCausal(const LanguageModel& model, const std::vector<int64_t>& ids, KvCache& cache) {
  const auto T = static_cast<int64_t>(ids.size());
  return model.Forward(
      model.Embed(ids),
      {.positions = Sequence(cache.length(), T), .ranges = KeyRanges::Causal(T, cache.length())},
      cache);
}

double LargestDifference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

const std::vector<int64_t> kIds{3, 7, 1, 42, 9, 11, 30, 2, 5, 8, 21, 33};

class LanguageModelTypes : public ::testing::TestWithParam<at::ScalarType> {};

// Twelve rows run as matrix products, single rows through the row-by-row kernel: both must give the
// same hidden states, and leave the same keys and values.
TEST_P(LanguageModelTypes, TokenByTokenEqualsAllAtOnce) {
  const auto model = SmallModel(GetParam());
  auto whole = Cache(model, 12), steps = Cache(model, 12);
  const auto together = RunCausal(model, kIds, whole);
  std::vector<at::Tensor> rows;
  for (const int64_t id : kIds) rows.push_back(RunCausal(model, {id}, steps));
  // bfloat16: two units in the last place of the largest keys, which lie between 8 and 16.
  const double allowed = GetParam() == at::kBFloat16 ? 0.125
                         : GetParam() == at::kFloat  ? 2e-5
                                                     : 1e-12;
  EXPECT_LT(LargestDifference(together, at::cat(rows)), allowed);
  for (int64_t layer = 0; layer < 3; ++layer) {
    EXPECT_LT(LargestDifference(whole.Keys(layer), steps.Keys(layer)), allowed);
    EXPECT_LT(LargestDifference(whole.Values(layer), steps.Values(layer)), allowed);
  }
}

INSTANTIATE_TEST_SUITE_P(Types, LanguageModelTypes,
                         ::testing::Values(at::kFloat, at::kBFloat16, at::kDouble));

TEST(LanguageModelTest, GrowingCacheEqualsPreallocatedCache) {
  const auto model = SmallModel(at::kFloat);
  auto block = Cache(model, 12), growing = Cache(model, 0);
  RunCausal(model, {3, 7, 1}, block);
  RunCausal(model, {3, 7, 1}, growing);
  EXPECT_TRUE(at::equal(RunCausal(model, {42, 9}, block), RunCausal(model, {42, 9}, growing)));
  EXPECT_EQ(growing.length(), 5);
}

TEST(LanguageModelTest, AfterCuttingBackASecondContinuationIsAsIfItWereTheFirst) {
  const auto model = SmallModel(at::kFloat);
  auto fresh = Cache(model, 12), used = Cache(model, 12);
  RunCausal(model, {3, 7, 1}, fresh);
  RunCausal(model, {3, 7, 1}, used);
  RunCausal(model, {30, 31, 32, 33}, used);
  used.Truncate(3);
  EXPECT_TRUE(at::equal(RunCausal(model, {42, 9}, fresh), RunCausal(model, {42, 9}, used)));
}

TEST(LanguageModelTest, TokensThatAreNotRememberedLeaveTheCacheAsItWas) {
  const auto model = SmallModel(at::kFloat);
  auto cache = Cache(model, 12);
  RunCausal(model, {3, 7, 1}, cache);
  const auto keys = cache.Keys(1).clone();
  model.Forward(model.Embed({4, 5}),
                {.positions = {3, 3}, .ranges = KeyRanges::All(2, 3), .remember = Remember::kNo},
                cache);
  EXPECT_EQ(cache.length(), 3);
  EXPECT_TRUE(at::equal(keys, cache.Keys(1)));
}

// Only even layers have the window: with it, a far token still reaches the odd layer.
TEST(LanguageModelTest, SlidingWindowHidesFarTokensFromEvenLayersOnly) {
  const auto near = SmallModel(at::kDouble, /*window=*/2), far = SmallModel(at::kDouble);
  auto a = Cache(near, 0), b = Cache(far, 0), c = Cache(near, 0);
  const auto windowed = RunCausal(near, kIds, a);
  EXPECT_GT(LargestDifference(windowed, RunCausal(far, kIds, b)), 1e-3);
  auto other = kIds;
  other[0] = 44;
  EXPECT_GT(LargestDifference(windowed[11], RunCausal(near, other, c)[11]), 1e-9);
}

TEST(LanguageModelTest, AllPathsWithoutGradientEqualThoseWithGradient) {
  auto model = SmallModel(at::kFloat);
  auto fused = Cache(model, 12), differentiable = Cache(model, 0);
  const auto without = RunCausal(model, kIds, fused);
  for (auto& layer : model.layers) layer.q.weight.set_requires_grad(true);
  const auto with = RunCausal(model, kIds, differentiable);
  ASSERT_TRUE(with.requires_grad());
  EXPECT_LT(LargestDifference(without, with.detach()), 2e-5);
}

TEST(LanguageModelTest, GradientReachesEveryWeight) {
  auto model = SmallModel(at::kDouble);
  std::vector<at::Tensor> weights{model.final_norm, model.embedding};
  for (auto& l : model.layers) {
    for (auto& w :
         {l.input_norm, l.post_attention_norm, l.pre_ffn_norm, l.post_ffn_norm, l.q.weight,
          l.k.weight, l.v.weight, l.o.weight, l.gate.weight, l.up.weight, l.down.weight}) {
      weights.push_back(w);
    }
  }
  for (auto& w : weights) w.set_requires_grad(true);
  auto cache = Cache(model, 0);
  model.Logits(RunCausal(model, {3, 7, 1, 9}, cache)).square().sum().backward();
  for (const auto& w : weights) {
    ASSERT_TRUE(w.grad().defined());
    EXPECT_GT(w.grad().abs().sum().item<double>(), 0);
  }
}

TEST(LanguageModelTest, ZeroUpProjectionMakesAnAdapterTheIdentity) {
  auto model = SmallModel(at::kFloat);
  auto plain = Cache(model, 12), adapted = Cache(model, 12);
  const auto without = RunCausal(model, kIds, plain);
  for (auto& adapter : model.adapters.ffn) {
    adapter.down = {Random({4, 24}, 0.3, at::kFloat, 90), at::zeros({4}), at::kFloat};
    adapter.up = {at::zeros({24, 4}), at::zeros({24}), at::kFloat};
  }
  EXPECT_LT(LargestDifference(without, RunCausal(model, kIds, adapted)), 1e-6);
  for (auto& adapter : model.adapters.ffn) adapter.up.bias = at::full({24}, 0.5);
  auto shifted = Cache(model, 12);
  EXPECT_GT(LargestDifference(without, RunCausal(model, kIds, shifted)), 1e-2);
}

TEST(LanguageModelTest, FinalCapBoundsTheLogits) {
  auto model = SmallModel(at::kFloat);
  model.config.final_softcap = 0;
  const auto hidden = Random({2, 24}, 30, at::kFloat, 5);
  const auto raw = model.Logits(hidden);
  model.config.final_softcap = 3;
  EXPECT_TRUE(at::allclose(model.Logits(hidden), at::tanh(raw / 3) * 3, 1e-5, 1e-6));
}

TEST(LanguageModelTest, SaysWhenTheCacheIsFull) {
  const auto model = SmallModel(at::kFloat);
  auto cache = Cache(model, 4);
  RunCausal(model, {1, 2, 3}, cache);
  try {
    RunCausal(model, {4, 5}, cache);
    FAIL() << "five tokens went into a cache of four";
  } catch (const c10::Error& error) {
    EXPECT_THAT(error.what(),
                ::testing::HasSubstr("the cache of 4 tokens cannot take 2 more after 3"));
  }
}

}  // namespace
}  // namespace occvla::model
