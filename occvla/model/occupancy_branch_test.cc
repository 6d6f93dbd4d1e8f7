#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "occvla/model/model.h"
#include "occvla/model/test_model.h"
#include "occvla/model/weights.h"

// The occupancy branch as a part of the whole: what it reads, what it leaves alone.
namespace occvla::model {
namespace {

using ::testing::HasSubstr;

const std::vector<int64_t> kPrefix{2, 300, 17, 401, 45};

// The queries' pass written out: every one at position N_img, seeing the images and nothing else.
TEST(OccupancyBranchTest, OccupancyQueriesShareThePositionAfterTheImages) {
  const auto model = RandomModel(SmallScene());
  auto cache = CacheWithImages(model);
  const auto queries = Random({16, 64}, 5);
  const auto hidden = model.OccupancyHidden(cache, 96, queries);
  const auto by_hand = model.language().Forward(queries * 8.0,  // sqrt(64)
                                                {.positions = std::vector<int64_t>(16, 96),
                                                 .ranges = KeyRanges::All(16, 96),
                                                 .remember = Remember::kNo},
                                                cache);
  EXPECT_TRUE(at::equal(hidden, by_hand));
}

TEST(OccupancyBranchTest, SequentialPositionsTellEqualQueriesApart) {
  auto config = SmallScene();
  const auto queries = Random({1, 64}, 5).repeat({16, 1});
  const auto shared = RandomModel(config);
  auto cache = CacheWithImages(shared);
  const auto same = shared.OccupancyHidden(cache, 96, queries);
  EXPECT_TRUE(at::equal(same[0], same[15]));
  config.occupancy.position = "sequential";
  const auto different = RandomModel(config).OccupancyHidden(cache, 96, queries);
  EXPECT_TRUE(at::equal(different[0], same[0]));
  EXPECT_GT(LargestDifference(different[0], different[15]), 1e-4);
}

TEST(OccupancyBranchTest, QueriesSeeEachOtherOnlyWithSelfAttention) {
  auto config = SmallScene();
  auto queries = Random({16, 64}, 5);
  auto other = queries.clone();
  other[15] += 1;
  for (const bool self_attention : {false, true}) {
    config.occupancy.self_attention = self_attention;
    const auto model = RandomModel(config);
    auto cache = CacheWithImages(model);
    const auto a = model.OccupancyHidden(cache, 96, queries);
    const auto b = model.OccupancyHidden(cache, 96, other);
    EXPECT_EQ(at::equal(a[0], b[0]), !self_attention);
    EXPECT_FALSE(at::equal(a[15], b[15]));
  }
}

TEST(OccupancyBranchTest, OccupancyLeavesTheCacheAsItWas) {
  for (const bool self_attention : {false, true}) {
    auto config = SmallScene();
    config.occupancy.self_attention = self_attention;
    const auto model = RandomModel(config);
    auto cache = CacheWithImages(model);
    const auto keys = cache.Keys(1).clone(), values = cache.Values(1).clone();
    model.OccupancyHidden(cache, 96);
    EXPECT_EQ(cache.length(), 96);
    EXPECT_EQ(cache.next_position(), 96);
    EXPECT_TRUE(at::equal(cache.Keys(1), keys));
    EXPECT_TRUE(at::equal(cache.Values(1), values));
  }
}

// Behind the text, the branch still reads the images alone.
TEST(OccupancyBranchTest, OccupancyAfterTheTextIsOccupancyBeforeIt) {
  const auto model = RandomModel(SmallScene());
  auto cache = CacheWithImages(model);
  const auto before = model.OccupancyHidden(cache, 96);
  model.PrefillPrefix(kPrefix, cache);
  EXPECT_TRUE(at::equal(model.OccupancyHidden(cache, 96), before));
}

TEST(OccupancyBranchTest, OwnAdaptersServeOccupancyAlone) {
  auto config = SmallScene();
  config.occupancy.own_adapters = true;
  const auto shift = [](const auto& folder) {
    SetTensor(folder, "occupancy.adapters.0.ffn.up.bias", [](size_t) { return 0.5f; });
  };
  const auto plain = RandomModel(config), shifted = RandomModel(config, {}, DType::kF32, shift);
  auto a = CacheWithImages(plain), b = CacheWithImages(shifted);
  EXPECT_GT(LargestDifference(plain.OccupancyHidden(a, 96), shifted.OccupancyHidden(b, 96)), 1e-2);
  EXPECT_TRUE(at::equal(plain.PrefillPrefix(kPrefix, a), shifted.PrefillPrefix(kPrefix, b)));
}

// Text that reads occupancy: the cache grows by the queries, the text's positions do not move.
TEST(OccupancyBranchTest, TextThatSeesOccupancyKeepsItsPositions) {
  auto config = SmallScene();
  config.occupancy.text_sees = true;
  const auto model = RandomModel(config);
  auto cache = CacheWithImages(model);
  model.OccupancyHidden(cache, 96);
  EXPECT_EQ(cache.length(), 112);
  EXPECT_EQ(cache.next_position(), 96);
  auto by_hand = CacheWithImages(model);
  model.OccupancyHidden(by_hand, 96);
  const auto prefix = model.PrefillPrefix(kPrefix, cache);
  EXPECT_EQ(cache.next_position(), 101);
  const auto want = model.language().Forward(
      model.language().Embed(kPrefix),
      {.positions = {96, 97, 98, 99, 100}, .ranges = KeyRanges::All(5, 117)}, by_hand);
  EXPECT_TRUE(at::equal(prefix, want));
  auto blind = CacheWithImages(model);
  EXPECT_GT(LargestDifference(prefix, model.PrefillPrefix(kPrefix, blind)), 1e-4);
}

TEST(OccupancyBranchTest, TextAfterOccupancyWasForgottenIsAsIfItHadNeverBeen) {
  auto config = SmallScene();
  config.occupancy.text_sees = true;
  const auto model = RandomModel(config);
  auto used = CacheWithImages(model), fresh = CacheWithImages(model);
  model.OccupancyHidden(used, 96);
  model.PrefillPrefix(kPrefix, used);
  used.Truncate(96);
  model.PrefillPrefix(kPrefix, used);
  model.PrefillPrefix(kPrefix, fresh);
  EXPECT_EQ(used.next_position(), 101);
  EXPECT_TRUE(at::equal(model.Continue({40, 41}, used), model.Continue({40, 41}, fresh)));
}

TEST(OccupancyBranchTest, OccupancyKeysMustFollowTheImages) {
  auto config = SmallScene();
  config.occupancy.self_attention = true;
  const auto model = RandomModel(config);
  auto cache = CacheWithImages(model);
  model.PrefillPrefix(kPrefix, cache);
  try {
    model.OccupancyHidden(cache, 96);
    FAIL() << "occupancy keys were written behind the text";
  } catch (const c10::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("must directly follow the images' in the cache"));
  }
}

// Query n is cell (n / grid, n % grid); with fewer queries each fills a square of cells, channel
// c * r * r + i * r + j of its projection going to row i, column j.
class ModelGrids : public ::testing::TestWithParam<int64_t> {};
TEST_P(ModelGrids, QueriesFillTheLatentPlane) {
  auto config = SmallScene();
  const int64_t grid = config.occupancy.grid = GetParam(), r = 4 / grid;
  const auto model = RandomModel(config);
  const auto hidden = Random({grid * grid, 64}, 5);
  const WeightReader reader(model.checkpoint(), at::kFloat, at::kCPU);
  const auto projected = reader.Dense("occupancy.projector", true)(hidden);  // [Q, 8 * r * r]
  ASSERT_EQ(projected.size(1), 8 * r * r);
  auto z = at::empty({1, 8, 4, 4});
  for (int64_t c = 0; c < 8; ++c) {
    for (int64_t x = 0; x < 4; ++x) {
      for (int64_t y = 0; y < 4; ++y) {
        const int64_t query = x / r * grid + y / r;
        z[0][c][x][y] = projected[query][(c * r + x % r) * r + y % r];
      }
    }
  }
  const auto want = Vqvae(config.vqvae, reader.All("vqvae.")).Decode(z)[0];
  const auto logits = model.OccupancyLogits(hidden);
  EXPECT_EQ(logits.sizes(), at::IntArrayRef({16, 16, 4, 18}));
  EXPECT_LT(LargestDifference(logits, want), 1e-5);
}
INSTANTIATE_TEST_SUITE_P(OneACellAndOneAQuad, ModelGrids, ::testing::Values(4, 2));

TEST(OccupancyBranchTest, QueriesThatDoNotFillTheGridAreRefused) {
  const auto model = RandomModel(SmallScene());
  try {
    model.OccupancyLogits(at::zeros({15, 64}));
    FAIL() << "fifteen queries filled a grid of sixteen";
  } catch (const c10::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("15 queries do not fill a grid of 4 x 4"));
  }
}

struct Precision {
  std::string preset;
  DType stored;
  at::ScalarType compute;
};
class Skipping : public ::testing::TestWithParam<Precision> {};

// The promise of the paper: what the text says and where the car goes does not depend on whether
// occupancy is predicted, nor on whether the checkpoint can.
TEST_P(Skipping, OccupancyChangesNoBitOfLogitsOrTrajectory) {
  const c10::InferenceMode no_gradients;
  auto config = Preset(GetParam().preset);
  const auto model = RandomModel(config, ComputedIn(GetParam().compute), GetParam().stored);
  config.has_occupancy = false;
  const auto without = RandomModel(config, ComputedIn(GetParam().compute), GetParam().stored);
  ASSERT_FALSE(without.has_occupancy());
  const int64_t images = config.image_tokens();

  struct Outcome {
    at::Tensor logits, plan;
  };
  const auto run = [&](const OccVla& each, bool occupancy) {
    auto cache = EmptyCache(each);
    const auto hidden =
        each.PrefillImages(each.EmbedImages(each.ImageFeatures(RandomPixels(each)).image), cache);
    if (occupancy) each.OccupancyHidden(cache, images);
    std::vector<at::Tensor> rows{each.PrefillPrefix(kPrefix, cache)};
    for (const int64_t id : {40, 41, 42}) {
      if (occupancy && id == 41) each.OccupancyHidden(cache, images);
      rows.push_back(each.Continue({id}, cache));
    }
    return Outcome{each.language().Logits(at::cat(rows)), (*each.planner())(hidden, {}, {})};
  };
  const auto on = run(model, true), off = run(model, false), absent = run(without, false);
  EXPECT_TRUE(at::equal(on.logits, off.logits));
  EXPECT_TRUE(at::equal(on.logits, absent.logits));
  EXPECT_TRUE(at::equal(on.plan, off.plan));
  EXPECT_TRUE(at::equal(on.plan, absent.plan));
}

INSTANTIATE_TEST_SUITE_P(Presets, Skipping,
                         ::testing::Values(Precision{"tiny", DType::kF32, at::kFloat},
                                           Precision{"tiny", DType::kBF16, at::kBFloat16},
                                           Precision{"nano", DType::kF32, at::kFloat},
                                           Precision{"nano", DType::kBF16, at::kBFloat16}));

}  // namespace
}  // namespace occvla::model
