#include "occvla/model/files/init.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/model/files/checkpoint.h"
#include "occvla/model/files/origin.h"
#include "occvla/model/files/random_init.h"
#include "occvla/model/files/test_folder.h"

namespace occvla::model {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

std::vector<float> Fill(const TensorSpec& spec, uint64_t seed, int64_t block = 0) {
  std::vector<float> out(
      static_cast<size_t>(std::min(kInitBlock, Elements(spec) - block * kInitBlock)));
  FillBlock(RuleFor(spec, FanIn(spec)), spec, seed, block, DType::kF32,
            std::as_writable_bytes(std::span(out)));
  return out;
}

struct Moments {
  double mean = 0, deviation = 0, largest = 0;
};
Moments Of(const std::vector<float>& values) {
  Moments out;
  for (float v : values) out.mean += v / static_cast<double>(values.size());
  for (float v : values) {
    out.deviation += (v - out.mean) * (v - out.mean) / static_cast<double>(values.size());
    out.largest = std::max<double>(out.largest, std::abs(v));
  }
  out.deviation = std::sqrt(out.deviation);
  return out;
}

TEST(RandomInit, LinearWeightsKeepUnitVariance) {
  const auto moments =
      Of(Fill({"language_model.model.layers.0.mlp.up_proj.weight", {256, 256}}, 1));
  EXPECT_NEAR(moments.mean, 0, 0.001);  // Four standard errors of 65536 values.
  EXPECT_NEAR(moments.deviation, 1.0 / 16, 0.001);
  EXPECT_LE(moments.largest, 3.47 / 16);
}

TEST(RandomInit, VqvaeStartsAsPyTorchDoes) {
  const auto moments = Of(Fill({"vqvae.encoder.conv_in.weight", {64, 64, 3, 3}}, 1));
  EXPECT_NEAR(moments.largest, 1.0 / 24, 1e-5);
  EXPECT_NEAR(moments.deviation, 1.0 / 24 / std::sqrt(3.0), 2e-4);
  const auto codebook = Of(Fill({"vqvae.vqvae.embedding.weight", {512, 128}}, 1));
  EXPECT_NEAR(codebook.largest, 1.0 / 512, 1e-6);
}

TEST(RandomInit, WhatIsAddedStartsAtTheIdentity) {
  using Kind = InitRule::Kind;
  const auto kind = [](const char* name) { return RuleFor({name, {8, 8}}, 8).kind; };
  EXPECT_EQ(kind("adapters.3.ffn.up.weight"), Kind::kZero);
  EXPECT_EQ(kind("occupancy.adapters.3.attn.up.weight"), Kind::kZero);
  EXPECT_EQ(kind("adapters.3.ffn.down.weight"), Kind::kNormal);
  EXPECT_EQ(kind("camera_embedding.weight"), Kind::kZero);
  EXPECT_EQ(kind("camera_rays.1.weight"), Kind::kZero);
  EXPECT_EQ(kind("language_model.model.norm.weight"), Kind::kZero);
  EXPECT_EQ(kind("language_model.model.layers.0.input_layernorm.weight"), Kind::kZero);
  EXPECT_EQ(kind("vision_tower.vision_model.post_layernorm.weight"), Kind::kOne);
  EXPECT_EQ(kind("vision_tower.vision_model.encoder.layers.0.layer_norm1.weight"), Kind::kOne);
  EXPECT_EQ(kind("vqvae.encoder.norm_out.weight"), Kind::kOne);
  EXPECT_EQ(kind("vqvae.encoder.down.2.attn.0.norm.bias"), Kind::kZero);
  EXPECT_EQ(kind("vqvae.encoder.down.0.block.0.conv1.bias"), Kind::kUniform);
}

TEST(RandomInit, QueriesCarryTheirPlace) {
  // Without noise, cells of one row agree in the first half, cells of one column in the second.
  const TensorSpec spec{"occupancy.queries.weight", {2500, 64}};
  const auto values = Fill(spec, 1, 0);
  const auto moments = Of(values);
  EXPECT_NEAR(std::hypot(moments.mean, moments.deviation), 0.96 / 8 * std::sqrt(2.0), 0.005);
  double same_row = 0, same_column = 0;
  for (size_t d = 0; d < 32; ++d) {
    same_row += values[3 * 50 * 64 + d] * values[(3 * 50 + 20) * 64 + d];
    same_column += values[3 * 50 * 64 + 32 + d] * values[13 * 50 * 64 + 32 + d];
  }
  EXPECT_GT(same_row, 0.2);
  EXPECT_GT(same_column, 0.2);
}

TEST(RandomInit, SeedsAndNamesAndBlocksGiveDifferentValues) {
  const TensorSpec spec{"planner.visual.weight", {512, 256}};
  EXPECT_EQ(Fill(spec, 1), Fill(spec, 1));
  EXPECT_NE(Fill(spec, 1), Fill(spec, 2));
  EXPECT_NE(Fill(spec, 1, 0), Fill(spec, 1, 1));
  EXPECT_NE(Fill(spec, 1), Fill({"planner.mlp.1.weight", {512, 256}}, 1));
}

TEST(RandomInit, ValuesAreThoseOfThisRelease) {
  // A checkpoint is named by preset and seed: changing the numbers needs a reason.
  const auto values = Fill({"planner.visual.weight", {4, 1}}, 17);
  EXPECT_THAT(values,
              ::testing::Pointwise(::testing::FloatNear(1e-5f),
                                   std::vector<float>{1.85672f, 1.27525f, 2.4437f, -0.597771f}));
}

class InitTest : public TestFolder {};

TEST_F(InitTest, WritesACheckpointThatOpens) {
  InitCheckpoint(Preset("tiny"), 5, DType::kBF16, root() / "out");
  const auto checkpoint = Checkpoint::Open(root() / "out");
  EXPECT_EQ(checkpoint.config().preset, "tiny");
  EXPECT_EQ(checkpoint.tokenizer_folder(), root() / "out");
  for (const char* name :
       {"preprocessor_config.json", "generation_config.json", "tokenizer.json"}) {
    EXPECT_TRUE(fs::exists(root() / "out" / name)) << name;
  }
  const auto origin = ReadOrigin(root() / "out");
  ASSERT_TRUE(origin);
  EXPECT_EQ(origin->weights, "random, seed 5, preset tiny");
  EXPECT_EQ(std::distance(fs::directory_iterator(root()), fs::directory_iterator()), 1);
}

TEST_F(InitTest, RefusesToWriteOverSomething) {
  fs::create_directory(root() / "out");
  WriteFileAtomically(root() / "out" / "precious", "x");
  EXPECT_EQ(MessageOf<ConfigError>(
                [&] { InitCheckpoint(Preset("tiny"), 5, DType::kF32, root() / "out"); }),
            (root() / "out").string() +
                ": exists and is not an empty folder. Choose another place or remove it.");
  EXPECT_THAT(MessageOf<ConfigError>(
                  [&] { InitCheckpoint(Preset("tiny"), 5, DType::kI8, root() / "new"); }),
              HasSubstr("weights are written as F32, BF16 or F16, not as I8."));
}

TEST_F(InitTest, MissingTokenizerLeavesNothingBehind) {
  EXPECT_EQ(MessageOf<CheckpointError>(
                [&] { InitCheckpoint(Preset("tiny"), 5, DType::kF32, root() / "out", root()); }),
            root().string() + ": holds neither tokenizer.json nor tokenizer.model.");
  EXPECT_TRUE(fs::is_empty(root()));
}

TEST_F(InitTest, FullDiskIsSeenBefore) {
  FolderPlan plan;
  plan.tensors.push_back({{"a", {1 << 20, 1 << 20, 64}}, DType::kF32, std::nullopt, 1});
  EXPECT_THAT(MessageOf<DeviceError>([&] { WriteFolder(root() / "out", plan); }),
              HasSubstr("/out: needs 268435460 MiB, but the disk has "));
  EXPECT_TRUE(fs::is_empty(root()));
}

TEST_F(InitTest, OriginSurvivesTheRoundTrip) {
  Origin origin = NewOrigin("trained");
  origin.stage = "joint";
  origin.step = 1200;
  origin.run_config = "a = 1\n";
  origin.data_fingerprint = "abc";
  origin.metrics = {{"miou", 0.25}};
  origin.licences = {{"data", "CC BY-NC-SA 4.0"}};
  WriteOrigin(root(), origin);
  const auto back = ReadOrigin(root());
  ASSERT_TRUE(back);
  EXPECT_EQ(OriginToJson(*back), OriginToJson(origin));
  EXPECT_EQ(back->metrics.at("miou"), 0.25);
  EXPECT_FALSE(ReadOrigin(root() / "none"));
  EXPECT_EQ(MessageOf<CheckpointError>([] {
              OriginFromJson(R"({"step": "x", "metrics": {"a": "b"}, "licences": []})", "o");
            }),
            "o:\n  - step must be an integer, but is \"x\"\n  - metrics.a must be a number, but is "
            "\"b\"\n  - licences must be an object, but is an array of 0");
}

}  // namespace
}  // namespace occvla::model
