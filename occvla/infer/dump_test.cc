#include "occvla/infer/dump.h"

#include "occvla/infer/test_checkpoints.h"
#include "occvla/model/tensors.h"
#include "occvla/model/test_model.h"

namespace occvla::infer {
namespace {

using ::testing::ElementsAre;
using ::testing::Key;

at::Tensor Ids(const std::vector<int64_t>& ids) {
  return at::tensor(ids, at::TensorOptions().dtype(at::kLong));
}

// Images for `cameras` cameras and a prefix of five ids.
std::map<std::string, at::Tensor> Inputs(int64_t cameras = 6) {
  return {{"pixel_values", model::Random({cameras, 3, 56, 56}, 1).clamp(-1, 1)},
          {"prefix_ids", Ids({2, 300, 17, 401, 45})}};
}

const std::filesystem::path& SmallFolder() {
  return CheckpointFolder("small-scene", model::SmallScene());
}

class DumpTest : public ::testing::Test {
 protected:
  DumpOptions Options(const std::map<std::string, at::Tensor>& inputs) const {
    std::map<std::string, TensorView, std::less<>> views;
    for (const auto& [name, tensor] : inputs) views[name] = model::ViewOfTensor(tensor);
    WriteSafetensors(in(), views);
    DumpOptions options;
    options.checkpoint = SmallFolder();
    options.input = in();
    options.output = folder_ / "out.safetensors";
    return options;
  }
  std::map<std::string, at::Tensor> Dump(const DumpOptions& options) const {
    DumpModel(options);
    std::map<std::string, at::Tensor> out;
    const SafetensorsFile file(options.output);
    for (const auto& [name, view] : file.tensors()) {
      out[name] = model::TensorFromView(view, name).clone();
    }
    return out;
  }
  std::string Refusal(const std::map<std::string, at::Tensor>& inputs) const {
    return MessageOf<DataError>([&] { DumpModel(Options(inputs)); });
  }
  std::filesystem::path in() const { return folder_ / "in.safetensors"; }

 private:
  const TestFolder folder_;
};

TEST_F(DumpTest, WritesThePartsOfTheContract) {
  auto inputs = Inputs();
  inputs["suffix_ids"] = Ids({40, 41, 1});
  const auto out = Dump(Options(inputs));
  EXPECT_THAT(out,
              ElementsAre(Key("generated"), Key("hidden"), Key("image_features"), Key("logits"),
                          Key("occupancy_hidden"), Key("occupancy_logits"), Key("vision")));
  EXPECT_EQ(out.at("vision").sizes(), at::IntArrayRef({6, 16, 32}));
  EXPECT_EQ(out.at("image_features").sizes(), at::IntArrayRef({6, 16, 64}));
  EXPECT_EQ(out.at("hidden").sizes(), at::IntArrayRef({96 + 5 + 3, 64}));
  EXPECT_EQ(out.at("logits").sizes(), at::IntArrayRef({5 + 3, 512}));
  EXPECT_EQ(out.at("generated").sizes(), at::IntArrayRef({16}));
  EXPECT_EQ(out.at("occupancy_hidden").sizes(), at::IntArrayRef({16, 64}));
  EXPECT_EQ(out.at("occupancy_logits").sizes(), at::IntArrayRef({16, 16, 4, 18}));
  for (const auto& [name, tensor] : out) {
    EXPECT_EQ(tensor.scalar_type(), name == "generated" ? at::kLong : at::kFloat) << name;
  }
}

// What is generated after the prefix does not depend on the suffix, and feeding it as one shows
// the same choices.
TEST_F(DumpTest, GeneratedIdsAreTheLikeliestOnes) {
  auto inputs = Inputs();
  const auto free = Dump(Options(inputs)).at("generated");
  inputs["suffix_ids"] = free.narrow(0, 0, 15).clone();
  const auto out = Dump(Options(inputs));
  EXPECT_TRUE(at::equal(out.at("generated"), free));
  EXPECT_TRUE(at::equal(out.at("logits").narrow(0, 4, 16).argmax(-1), free));
}

TEST_F(DumpTest, BFloat16ComesAsFloat) {
  auto options = Options(Inputs());
  const auto full = Dump(options);
  options.dtype = ComputeType::kBFloat16;
  const auto half = Dump(options);
  EXPECT_EQ(half.at("logits").scalar_type(), at::kFloat);
  EXPECT_FALSE(at::equal(half.at("logits"), full.at("logits")));
  EXPECT_LT(model::LargestDifference(half.at("logits"), full.at("logits")), 0.5);
}

TEST_F(DumpTest, MaskAndFinalCapOverrideTheCheckpoint) {
  auto options = Options(Inputs());
  const auto plain = Dump(options);
  options.final_softcap = 0.25;
  const auto capped = Dump(options);
  EXPECT_TRUE(at::allclose(capped.at("logits"), at::tanh(plain.at("logits") / 0.25) * 0.25));
  options.mask = model::MaskMode::kPaligemma;
  const auto mixed = Dump(options);
  EXPECT_EQ(mixed.size(), plain.size());
  EXPECT_GT(model::LargestDifference(mixed.at("hidden")[0], plain.at("hidden")[0]), 1e-4);
}

TEST_F(DumpTest, GivenQueriesStandInForTheStoredOnes) {
  auto inputs = Inputs();
  const auto stored = Dump(Options(inputs)).at("occupancy_hidden");
  inputs["occ_queries"] = model::Random({16, 64}, 3);
  const auto given = Dump(Options(inputs)).at("occupancy_hidden");
  EXPECT_GT(model::LargestDifference(stored, given), 1e-2);
}

// As a plain PaliGemma: any number of images; queries may be given, but nothing decodes them.
TEST_F(DumpTest, PlainModelTakesAnyNumberOfImagesAndQueries) {
  auto config = model::Preset("tiny");
  config.has_occupancy = config.has_planner = config.camera_embedding = false;
  auto options = Options(Inputs(2));
  options.checkpoint = CheckpointFolder("plain", config);
  const auto out = Dump(options);
  EXPECT_EQ(out.at("vision").size(0), 2);
  EXPECT_EQ(out.at("hidden").size(0), 2 * 16 + 5);
  EXPECT_EQ(out.count("occupancy_hidden"), 0u);
  auto inputs = Inputs(1);
  inputs["occ_queries"] = model::Random({7, 64}, 3);
  options = Options(inputs);
  options.checkpoint = CheckpointFolder("plain", config);
  const auto queried = Dump(options);
  EXPECT_EQ(queried.at("occupancy_hidden").sizes(), at::IntArrayRef({7, 64}));
  EXPECT_EQ(queried.count("occupancy_logits"), 0u);
}

TEST_F(DumpTest, InputsThatDoNotFitAreRefused) {
  const auto with = [](const std::string& name, const at::Tensor& tensor) {
    auto inputs = Inputs();
    inputs[name] = tensor;
    return inputs;
  };
  const auto where = in().string() + ": ";
  auto missing = Inputs();
  missing.erase("pixel_values");
  EXPECT_EQ(Refusal(missing),
            where + "pixel_values is missing; pixel_values and prefix_ids are needed");
  missing = Inputs();
  missing.erase("prefix_ids");
  EXPECT_EQ(Refusal(missing),
            where + "prefix_ids is missing; pixel_values and prefix_ids are needed");
  EXPECT_EQ(Refusal(with("pixel_values", at::zeros({6, 3, 56, 56}, at::kDouble))),
            where + "pixel_values must be F32 [6, 3, 56, 56], but is F64 [6, 3, 56, 56]");
  EXPECT_EQ(Refusal(with("pixel_values", at::zeros({6, 3, 56, 48}))),
            where + "pixel_values must be F32 [6, 3, 56, 56], but is F32 [6, 3, 56, 48]");
  EXPECT_EQ(Refusal(with("pixel_values", at::zeros({2, 3, 56, 56}))),
            where + "pixel_values must be F32 [6, 3, 56, 56], but is F32 [2, 3, 56, 56]");
  EXPECT_EQ(Refusal(with("prefix_ids", at::zeros({0}, at::kLong))),
            where + "prefix_ids must be I64 [any], but is I64 [0]");
  EXPECT_EQ(Refusal(with("prefix_ids", at::zeros({3}, at::kInt))),
            where + "prefix_ids must be I64 [any], but is I32 [3]");
  EXPECT_EQ(Refusal(with("prefix_ids", Ids({2, 512}))),
            where + "prefix_ids[1] is 512, but the vocabulary has 512 ids");
  EXPECT_EQ(Refusal(with("suffix_ids", Ids({-1}))),
            where + "suffix_ids[0] is -1, but the vocabulary has 512 ids");
  EXPECT_EQ(Refusal(with("occ_queries", at::zeros({15, 64}))),
            where + "occ_queries must be F32 [16, 64], but is F32 [15, 64]");
}

TEST_F(DumpTest, ModelThatReadsRaysIsRefused) {
  auto config = TinyWithoutOccupancy();
  config.camera_rays = true;
  auto options = Options(Inputs());
  options.checkpoint = CheckpointFolder("rays", config);
  EXPECT_EQ(MessageOf<ConfigError>([&] { DumpModel(options); }),
            options.checkpoint.string() +
                ": the model reads each camera's rays, which this input cannot hold");
}

}  // namespace
}  // namespace occvla::infer
