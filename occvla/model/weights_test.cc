#include "occvla/model/weights.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "occvla/base/error.h"
#include "occvla/base/test_folder.h"
#include "occvla/model/files/init.h"
#include "occvla/model/tensors.h"

namespace occvla::model {
namespace {

const std::string kQuery = "language_model.model.layers.1.self_attn.q_proj.weight";
const std::string kPatch = "vision_tower.vision_model.embeddings.patch_embedding.weight";

// A tiny checkpoint, opened; its files stay mapped after the folder is gone.
Checkpoint Tiny(DType dtype) {
  const TestFolder folder;
  auto config = Preset("tiny");
  config.has_occupancy = false;
  InitCheckpoint(config, 1, dtype, folder / "tiny");
  return Checkpoint::Open(folder / "tiny");
}

const void* MappedBytes(const Checkpoint& checkpoint, const std::string& name) {
  return checkpoint.tensors().find(name)->second.bytes.data();
}

struct Case {
  DType stored;
  at::ScalarType compute, read;
  bool mapped;
};
class WeightCases : public ::testing::TestWithParam<Case> {};

TEST_P(WeightCases, MatricesStayInTheFileWhereTheirTypeServes) {
  const auto c = GetParam();
  const auto checkpoint = Tiny(c.stored);
  const WeightReader reader(checkpoint, c.compute, at::kCPU);
  for (const auto& name : {kQuery, kPatch}) {
    const auto matrix = reader.Matrix(name);
    EXPECT_EQ(matrix.dim(), 2);
    EXPECT_EQ(matrix.scalar_type(), c.read);
    EXPECT_EQ(matrix.const_data_ptr() == MappedBytes(checkpoint, name), c.mapped);
    const auto stored = TensorFromView(checkpoint.tensors().find(name)->second);
    EXPECT_TRUE(at::equal(matrix, stored.flatten(1).to(c.read)));
  }
  const auto vector = reader.Vector("language_model.model.norm.weight");
  EXPECT_EQ(vector.scalar_type(), c.compute == at::kDouble ? at::kDouble : at::kFloat);
}

INSTANTIATE_TEST_SUITE_P(Types, WeightCases,
                         ::testing::Values(Case{DType::kBF16, at::kBFloat16, at::kBFloat16, true},
                                           Case{DType::kBF16, at::kFloat, at::kBFloat16, true},
                                           Case{DType::kF32, at::kFloat, at::kFloat, true},
                                           Case{DType::kF32, at::kBFloat16, at::kBFloat16, false},
                                           Case{DType::kF16, at::kFloat, at::kFloat, false},
                                           Case{DType::kBF16, at::kDouble, at::kDouble, false}));

// In every layer of both towers: a copy of one of them would be a gigabyte at 3B.
TEST(WeightReaderTest, NoMatrixOfTheTowersIsCopied) {
  const auto checkpoint = Tiny(DType::kBF16);
  const WeightReader reader(checkpoint, at::kBFloat16, at::kCPU);
  std::vector<const void*> mapped;
  for (const auto& [name, view] : checkpoint.tensors()) mapped.push_back(view.bytes.data());
  const auto expect_mapped = [&](const Linear& layer) {
    EXPECT_THAT(mapped, ::testing::Contains(layer.weight.const_data_ptr()));
  };
  const auto language = reader.Language(checkpoint.config());
  EXPECT_EQ(language.embedding.const_data_ptr(),
            MappedBytes(checkpoint, "language_model.model.embed_tokens.weight"));
  for (const auto& l : language.layers) {
    for (const auto* layer : {&l.q, &l.k, &l.v, &l.o, &l.gate, &l.up, &l.down}) {
      expect_mapped(*layer);
    }
  }
  const auto vision = reader.Vision(checkpoint.config().vision);
  expect_mapped(vision.patch);
  for (const auto& l : vision.layers) {
    for (const auto* layer : {&l.q, &l.k, &l.v, &l.out, &l.fc1, &l.fc2}) expect_mapped(*layer);
  }
}

TEST(WeightReaderTest, PlannerComputesInFloat) {
  const auto checkpoint = Tiny(DType::kBF16);
  const auto planner =
      WeightReader(checkpoint, at::kBFloat16, at::kCPU).PlanningHead(checkpoint.config().planner);
  EXPECT_EQ(planner.mlp.size(), 3u);
  EXPECT_EQ(planner.mlp[0].weight.scalar_type(), at::kFloat);
  EXPECT_EQ(planner.mlp[0].compute, at::kFloat);
}

TEST(WeightReaderTest, PfeifferAdaptersStandAfterTheFfnAlone) {
  const auto checkpoint = Tiny(DType::kF32);
  const auto set =
      WeightReader(checkpoint, at::kFloat, at::kCPU).Adapters(checkpoint.config(), "adapters.");
  ASSERT_EQ(set.ffn.size(), 3u);
  for (size_t layer = 0; layer < 3; ++layer) {
    EXPECT_TRUE(set.ffn[layer].defined());
    EXPECT_FALSE(set.attention[layer].defined());
    EXPECT_FALSE(set.ffn[layer].relu);
  }
}

TEST(WeightReaderTest, AllGivesNamesWithoutTheirPrefix) {
  const auto checkpoint = Tiny(DType::kF32);
  const auto found = WeightReader(checkpoint, at::kFloat, at::kCPU).All("planner.visual.");
  std::vector<std::string> names;
  for (const auto& [name, tensor] : found) names.push_back(name);
  EXPECT_THAT(names, ::testing::ElementsAre("bias", "weight"));
}

TEST(WeightReaderTest, NamesAMissingTensor) {
  const auto checkpoint = Tiny(DType::kF32);
  const WeightReader reader(checkpoint, at::kFloat, at::kCPU);
  EXPECT_FALSE(reader.Has("nothing"));
  try {
    reader.Vector("nothing");
    FAIL() << "a tensor that is not there was read";
  } catch (const CheckpointError& error) {
    EXPECT_EQ(error.what(), checkpoint.folder().string() + " has no tensor \"nothing\"");
  }
}

}  // namespace
}  // namespace occvla::model
