#include "occvla/model/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <utility>

#include "occvla/base/error.h"
#include "occvla/model/tensors.h"
#include "occvla/model/test_model.h"
#include "occvla/model/weights.h"

namespace occvla::model {
namespace {

using ::testing::HasSubstr;

const std::vector<int64_t> kPrefix{2, 300, 17, 401, 45};

LoadOptions Paligemma() {
  LoadOptions options;
  options.mask = MaskMode::kPaligemma;
  return options;
}

TEST(ModelTest, ProjectsTheTowersFeatures) {
  const auto model = RandomModel(SmallScene());
  const auto features = model.ImageFeatures(RandomPixels(model));
  EXPECT_EQ(features.vision.sizes(), at::IntArrayRef({6, 16, 32}));
  EXPECT_EQ(features.image.sizes(), at::IntArrayRef({6, 16, 64}));
  EXPECT_TRUE(at::equal(features.vision, model.vision()(RandomPixels(model))));
  const auto& tensors = model.checkpoint().tensors();
  const auto weight = TensorFromView(tensors.find("multi_modal_projector.linear.weight")->second);
  EXPECT_LT(LargestDifference(features.image, at::matmul(features.vision, weight.t())), 1e-5);
}

// Row n of the embedding goes to image n, whatever the image shows.
TEST(ModelTest, CameraEmbeddingGoesByTheCamerasOrder) {
  const auto model = RandomModel(SmallScene(), {}, DType::kF32, [](const auto& folder) {
    SetTensor(folder, "camera_embedding.weight",
              [](size_t i) { return 1 + static_cast<float>(i / 64); });
  });
  const auto features = Random({6, 16, 64}, 3);
  const auto embedded = model.EmbedImages(features).view({6, 16, 64});
  for (int64_t n = 0; n < 6; ++n) {
    EXPECT_TRUE(at::equal(embedded[n], features[n] + static_cast<double>(n + 1)));
  }
}

TEST(ModelTest, RoundTripOfTheScaleIsNearlyTheIdentity) {
  auto config = SmallScene();
  config.text.hidden = 48;  // sqrt(48) is no power of two: the rounding shows.
  const auto features = Random({6, 16, 48}, 3);
  const auto raw = RandomModel(config);
  EXPECT_TRUE(at::equal(raw.EmbedImages(features).view({6, 16, 48}), features));
  config.hf_scale_roundtrip = true;
  const auto exact = RandomModel(config).EmbedImages(features).view({6, 16, 48});
  EXPECT_LT(LargestDifference(exact, features), 1e-6);
  const auto rounded =
      RandomModel(config, ComputedIn(at::kBFloat16)).EmbedImages(features).view({6, 16, 48});
  EXPECT_FALSE(at::equal(rounded, features));
  // Three roundings to 8 bits of values up to 4.
  EXPECT_LT(LargestDifference(rounded, features), 3 * 4 / 256.0);
}

TEST(ModelTest, EmbeddingNeedsAnImageForEachCamera) {
  const auto model = RandomModel(SmallScene());
  try {
    model.EmbedImages(at::zeros({2, 16, 64}));
    FAIL() << "two images went to six cameras";
  } catch (const c10::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("a camera embedding of 6 cameras for 2 images"));
  }
}

TEST(ModelTest, ImagesMayComeAloneOnlyUnderTheMaskOccvla) {
  const auto model = RandomModel(SmallScene(), Paligemma());
  EXPECT_EQ(model.config().mask, MaskMode::kPaligemma);
  auto cache = EmptyCache(model);
  try {
    model.PrefillImages(at::zeros({96, 64}), cache);
    FAIL() << "images were prefilled alone under mask paligemma";
  } catch (const c10::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("images alone only under mask occvla"));
  }
}

TEST(ModelTest, OnlyUnderPaligemmaDoImagesSeeThePrompt) {
  const auto model = RandomModel(SmallScene(), Paligemma());
  const auto embedded = Random({96, 64}, 3);
  auto a = EmptyCache(model), b = EmptyCache(model);
  auto other = kPrefix;
  other.back() = 99;
  const auto first = model.PrefillTogether(embedded.clone(), kPrefix, a);
  const auto second = model.PrefillTogether(embedded.clone(), other, b);
  EXPECT_EQ(first.images.size(0), 96);
  EXPECT_EQ(first.prefix.size(0), 5);
  EXPECT_GT(LargestDifference(first.images, second.images), 1e-4);

  const auto occvla = RandomModel(SmallScene());
  auto c = EmptyCache(occvla);
  occvla.PrefillImages(embedded.clone(), c);
  const auto keys = c.Keys(2).clone();
  occvla.PrefillPrefix(kPrefix, c);
  EXPECT_TRUE(at::equal(c.Keys(2).narrow(1, 0, 96), keys));
}

TEST(ModelTest, PrefixIsBidirectionalAndSuffixCausal) {
  const auto model = RandomModel(SmallScene());
  const auto run = [&](const std::vector<int64_t>& prefix, const std::vector<int64_t>& suffix) {
    auto cache = CacheWithImages(model);
    auto of_prefix = model.PrefillPrefix(prefix, cache);
    return std::pair(std::move(of_prefix), model.Continue(suffix, cache));
  };
  const auto [prefix, suffix] = run({2, 300, 17}, {40, 41, 42});
  const auto [other_prefix, other_suffix] = run({2, 300, 18}, {40, 41, 42});
  EXPECT_GT(LargestDifference(prefix[0], other_prefix[0]), 1e-4);
  EXPECT_GT(LargestDifference(suffix[0], other_suffix[0]), 1e-4);
  const auto [same_prefix, changed] = run({2, 300, 17}, {40, 41, 99});
  EXPECT_TRUE(at::equal(prefix, same_prefix));
  EXPECT_TRUE(at::equal(suffix.narrow(0, 0, 2), changed.narrow(0, 0, 2)));
  EXPECT_GT(LargestDifference(suffix[2], changed[2]), 1e-4);
}

// A camera at (1, 2, 3) that looks along the car's x axis: its right is the car's -y, its down -z.
TEST(PatchRaysTest, OfAKnownCamera) {
  geom::PinholeCamera camera{.width_px = 100, .height_px = 50};
  camera.K << 50, 0, 50, 0, 50, 25, 0, 0, 1;
  camera.X_EC.linear() << 0, 0, 1, -1, 0, 0, 0, -1, 0;
  camera.X_EC.translation() << 1, 2, 3;
  data::Frame frame;
  for (auto& image : frame.images) image.camera = camera;
  const auto rays = PatchRays(frame, {.image_size = 28, .patch_size = 14});
  ASSERT_EQ(rays.sizes(), at::IntArrayRef({24, 6}));
  // Patch centres lie at a quarter and three quarters of the original image, top left first.
  const double half = 0.5, quarter = 0.25, norm = std::sqrt(1 + half * half + quarter * quarter);
  const double signs[4][2] = {{1, 1}, {-1, 1}, {1, -1}, {-1, -1}};  // Left, up.
  for (int64_t patch = 0; patch < 4; ++patch) {
    const double want[6] = {
        1, 2, 3, 1 / norm, signs[patch][0] * half / norm, signs[patch][1] * quarter / norm};
    for (int64_t i = 0; i < 6; ++i) {
      EXPECT_NEAR(rays[20 + patch][i].item<double>(), want[i], 1e-6) << patch << " " << i;
    }
  }
}

TEST(PatchRaysTest, NamesTheCameraWithoutCalibration) {
  data::Frame frame;
  frame.token = "n015";
  for (auto& image : frame.images) image.camera.emplace().width_px = 10;
  frame.images[2].camera.reset();
  try {
    PatchRays(frame, {.image_size = 28, .patch_size = 14});
    FAIL() << "a camera without calibration had rays";
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(),
                 "frame n015: this model reads each camera's rays, but CAM_FRONT_LEFT has no "
                 "calibration. Give a keyframe folder with calibration.json.");
  }
}

TEST(ModelTest, RaysStartAtNothingAndThenAddTheirMlp) {
  auto config = SmallScene();
  config.camera_rays = true;
  const auto features = Random({6, 16, 64}, 3), rays = Random({96, 6}, 4);
  const auto fresh = RandomModel(config);
  EXPECT_TRUE(at::equal(fresh.EmbedImages(features, rays), features.view({96, 64})));
  const auto trained = RandomModel(config, {}, DType::kF32, [](const auto& folder) {
    SetTensor(folder, "camera_rays.1.weight",
              [](size_t i) { return static_cast<float>(i % 7) * 0.1f; });
  });
  const WeightReader reader(trained.checkpoint(), at::kFloat, at::kCPU);
  const auto inner = at::gelu(reader.SmallDense("camera_rays.0")(rays), "tanh");
  const auto want = features.view({96, 64}) + reader.SmallDense("camera_rays.1")(inner);
  EXPECT_LT(LargestDifference(trained.EmbedImages(features, rays), want), 1e-5);
  try {
    fresh.EmbedImages(features);
    FAIL() << "rays were left out";
  } catch (const c10::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("the config asks for camera rays"));
  }
}

}  // namespace
}  // namespace occvla::model
