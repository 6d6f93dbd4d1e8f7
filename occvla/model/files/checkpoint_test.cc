#include "occvla/model/files/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/model/files/folder_writer.h"
#include "occvla/model/files/overlay.h"
#include "occvla/model/files/test_folder.h"
#include "occvla/model/files/weight_files.h"

namespace occvla::model {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

/// A PaliGemma 2 of a few kilobytes.
ModelConfig Small() {
  ModelConfig config;
  config.vision = {
      .image_size = 4, .patch_size = 2, .hidden = 4, .layers = 1, .heads = 2, .intermediate = 4};
  config.text = {.hidden = 8,
                 .layers = 2,
                 .heads = 2,
                 .key_heads = 1,
                 .head_size = 4,
                 .intermediate = 8,
                 .vocabulary = 16,
                 .query_pre_attn_scalar = 4};
  config.has_occupancy = config.has_planner = config.camera_embedding = false;
  return config;
}

FolderPlan PlanOf(const ModelConfig& config, uint64_t seed = 1, DType dtype = DType::kF32) {
  FolderPlan plan;
  for (auto& spec : ExpectedTensors(config)) {
    plan.tensors.push_back({std::move(spec), dtype, std::nullopt, seed});
  }
  plan.texts["config.json"] = ConfigToJson(config);
  return plan;
}

/// Renames tensors of a plan: every occurrence of `from` at the start becomes `to`.
void Rename(FolderPlan& plan, const std::string& from, const std::string& to) {
  for (auto& tensor : plan.tensors) {
    auto& name = tensor.spec.name;
    if (name.starts_with(from)) name.replace(0, from.size(), to);
  }
}

class CheckpointTest : public TestFolder {};

TEST_F(CheckpointTest, OpensWhatWasWritten) {
  WriteFolder(root() / "a", PlanOf(Small()));
  const auto checkpoint = Checkpoint::Open(root() / "a");
  EXPECT_EQ(checkpoint.tensors().size(), ExpectedTensors(Small()).size());
  EXPECT_EQ(checkpoint.weight_bytes(),
            4u * static_cast<uint64_t>(ParameterCount(ExpectedTensors(Small()))));
  EXPECT_EQ(checkpoint.tokenizer_folder(), std::nullopt);
  EXPECT_EQ(checkpoint.config().text.vocabulary, 16);
}

TEST_F(CheckpointTest, EveryNamingOpensToTheSameTensors) {
  WriteFolder(root() / "canonical", PlanOf(Small()));
  const auto canonical = Checkpoint::Open(root() / "canonical");
  struct Naming {
    const char* folder;
    std::vector<std::pair<std::string, std::string>> renames;
  };
  const std::vector<Naming> namings = {
      {"in-memory",
       {{"language_model.model.", "model.language_model."},
        {"vision_tower.", "model.vision_tower."},
        {"multi_modal_projector.", "model.multi_modal_projector."}}},
      {"version-5", {{"vision_tower.vision_model.", "vision_tower."}}},
      {"version-5-in-memory",
       {{"language_model.model.", "model.language_model."},
        {"vision_tower.vision_model.", "model.vision_tower."},
        {"multi_modal_projector.", "model.multi_modal_projector."}}},
  };
  for (const auto& naming : namings) {
    FolderPlan plan = PlanOf(Small());
    // Values are keyed by the name, so they are copied from the canonical folder instead.
    for (auto& tensor : plan.tensors) tensor.copy = canonical.tensors().at(tensor.spec.name);
    for (const auto& [from, to] : naming.renames) Rename(plan, from, to);
    WriteFolder(root() / naming.folder, plan);
    const auto other = Checkpoint::Open(root() / naming.folder);
    ASSERT_EQ(other.tensors().size(), canonical.tensors().size()) << naming.folder;
    for (const auto& [name, view] : canonical.tensors()) {
      const auto& found = other.tensors().at(name);
      ASSERT_EQ(found.shape, view.shape);
      EXPECT_EQ(std::memcmp(found.bytes.data(), view.bytes.data(), view.bytes.size()), 0) << name;
    }
    EXPECT_THAT(other.notes(), Contains(HasSubstr("renamed from another naming")));
  }
}

TEST_F(CheckpointTest, ShardsOpenThroughTheirIndex) {
  FolderPlan plan = PlanOf(Small(), 3, DType::kBF16);
  WriteFolder(root() / "whole", plan);
  plan.shard_bytes = 300;
  WriteFolder(root() / "shards", plan);
  EXPECT_TRUE(fs::exists(root() / "shards" / "model.safetensors.index.json"));
  const auto whole = Checkpoint::Open(root() / "whole");
  const auto shards = Checkpoint::Open(root() / "shards");
  for (const auto& [name, view] : whole.tensors()) {
    const auto& found = shards.tensors().at(name);
    EXPECT_EQ(std::memcmp(found.bytes.data(), view.bytes.data(), view.bytes.size()), 0) << name;
  }
}

TEST_F(CheckpointTest, EqualOutputEmbeddingIsLeftOut) {
  WriteFolder(root() / "a", PlanOf(Small()));
  const auto a = Checkpoint::Open(root() / "a");
  for (const char* name : {"lm_head.weight", "language_model.lm_head.weight"}) {
    FolderPlan plan = PlanOf(Small());
    TensorPlan head = plan.tensors.front();
    head.spec = {name, {16, 8}};
    head.copy = a.tensors().at("language_model.model.embed_tokens.weight");
    plan.tensors.push_back(head);
    WriteFolder(root() / name, plan);
    const auto opened = Checkpoint::Open(root() / name);
    EXPECT_EQ(opened.tensors().size(), a.tensors().size());
    EXPECT_THAT(opened.notes(), Contains("lm_head equals embed_tokens and was left out"));
  }
}

TEST_F(CheckpointTest, OtherOutputEmbeddingIsRefused) {
  FolderPlan plan = PlanOf(Small());
  plan.tensors.push_back({{"lm_head.weight", {16, 8}}, DType::kF32, std::nullopt, 9});
  WriteFolder(root() / "a", plan);
  EXPECT_EQ(
      MessageOf<CheckpointError>([&] { Checkpoint::Open(root() / "a"); }),
      (root() / "a").string() +
          ": language_model.lm_head.weight must equal "
          "language_model.model.embed_tokens.weight, but differs. A model with its own output "
          "embedding cannot be run.");
}

TEST_F(CheckpointTest, ListsMissingLeftOverAndWrongTogether) {
  FolderPlan plan = PlanOf(Small());
  for (auto& tensor : plan.tensors) {
    auto& [name, shape] = tensor.spec;
    if (name == "multi_modal_projector.linear.bias") name = "multi_modal_projector.bias";
    if (name.ends_with("embed_tokens.weight")) shape = {12, 8};
    if (name == "language_model.model.norm.weight") tensor.dtype = DType::kI32;
    if (tensor.dtype == DType::kI32) tensor.copy = TensorView{DType::kI32, {8}, Bytes(32)};
  }
  WriteFolder(root() / "a", plan);
  EXPECT_EQ(
      MessageOf<CheckpointError>([&] { Checkpoint::Open(root() / "a"); }),
      (root() / "a").string() +
          ": the weights do not fit config.json (1 missing, 1 left over, 2 of the wrong shape "
          "or type).\n"
          "  - missing: multi_modal_projector.linear.bias\n"
          "  - left over: multi_modal_projector.bias\n"
          "  - language_model.model.embed_tokens.weight must be [16, 8], but is [12, 8]\n"
          "  - language_model.model.norm.weight must be F32, BF16 or F16, but is I32\n"
          "The embedding's rows do not agree with config.json: correct "
          "text_config.vocab_size.");
}

TEST_F(CheckpointTest, LikelyCausesAreNamed) {
  const auto message = [&](const char* folder, const FolderPlan& plan) {
    WriteFolder(root() / folder, plan);
    return MessageOf<CheckpointError>([&] { Checkpoint::Open(root() / folder); });
  };
  FolderPlan lora = PlanOf(Small());
  Rename(lora, "language_model.", "base_model.model.language_model.");
  FolderPlan quantised = PlanOf(Small());
  quantised.tensors.push_back({{"x.weight_scale", {1}}, DType::kF32, std::nullopt, 1});
  FolderPlan head = PlanOf(Small());
  head.tensors.push_back(
      {{"vision_tower.vision_model.head.probe", {1}}, DType::kF32, std::nullopt, 1});
  FolderPlan first = PlanOf(Small());
  std::erase_if(first.tensors, [](const TensorPlan& t) {
    return t.spec.name.find("feedforward_layernorm") != std::string::npos;
  });
  FolderPlan image = PlanOf(Small());
  for (auto& tensor : image.tensors) {
    if (tensor.spec.name.ends_with("position_embedding.weight")) tensor.spec.shape = {9, 4};
  }
  FolderPlan strange = PlanOf(Small());
  Rename(strange, "vision_tower.vision_model.", "visual.");
  EXPECT_THAT(message("lora", lora), HasSubstr("These are LoRA weights"));
  EXPECT_THAT(message("quantised", quantised), HasSubstr("quantised by another program"));
  EXPECT_THAT(message("head", head), HasSubstr("pooling head"));
  EXPECT_THAT(message("first", first), HasSubstr("PaliGemma 1"));
  EXPECT_THAT(message("image", image), HasSubstr("vision_config.image_size"));
  EXPECT_THAT(message("strange", strange), HasSubstr("names that are not known"));
}

TEST_F(CheckpointTest, FoldersThatAreNoCheckpointSayWhy) {
  const auto message = [&](const fs::path& path) {
    return MessageOf<CheckpointError>([&] { Checkpoint::Open(path); });
  };
  EXPECT_EQ(message(root() / "none"), (root() / "none").string() + ": there is no such folder.");
  WriteFileAtomically(root() / "file", "x");
  EXPECT_EQ(message(root() / "file"),
            (root() / "file").string() +
                ": is a file; a checkpoint is a folder. For a torch file see \"occvla convert\".");
  fs::create_directory(root() / "empty");
  EXPECT_EQ(message(root() / "empty"),
            (root() / "empty").string() + ": holds no config.json, so it is no checkpoint.");
  WriteFileAtomically(root() / "empty" / "config.json", ConfigToJson(Small()));
  EXPECT_EQ(message(root() / "empty"),
            (root() / "empty").string() +
                ": holds neither model.safetensors nor model.safetensors.index.json. Fetch the "
                "weights, or make some with \"occvla init\".");
  WriteFileAtomically(root() / "empty" / "pytorch_model.bin", "x");
  EXPECT_THAT(message(root() / "empty"), HasSubstr("safe_serialization=True"));
  WriteFileAtomically(root() / "empty" / "model.safetensors", "x");
  WriteFileAtomically(root() / "empty" / "model.safetensors.index.json", "{}");
  EXPECT_EQ(
      message(root() / "empty"),
      (root() / "empty").string() +
          ": holds both model.safetensors and model.safetensors.index.json, so the weights are "
          "ambiguous. Remove the stale one.");
}

TEST_F(CheckpointTest, TwoSpellingsOfOneTensorAreRefused) {
  FolderPlan plan = PlanOf(Small());
  plan.tensors.push_back({{"model.language_model.norm.weight", {8}}, DType::kF32, std::nullopt, 1});
  WriteFolder(root() / "a", plan);
  EXPECT_EQ(MessageOf<CheckpointError>([&] { Checkpoint::Open(root() / "a"); }),
            (root() / "a").string() +
                ": language_model.model.norm.weight and model.language_model.norm.weight are two "
                "spellings of language_model.model.norm.weight. Keep the one that belongs to the "
                "checkpoint.");
}

struct BadIndex {
  const char* json;
  const char* message;
};
class WeightIndexRefuses : public ::testing::TestWithParam<BadIndex> {};

TEST_P(WeightIndexRefuses, WithTheWholeReason) {
  EXPECT_EQ(MessageOf<CheckpointError>([&] { ParseWeightIndex(GetParam().json, "index"); }),
            GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Hostile, WeightIndexRefuses,
    ::testing::Values(
        BadIndex{"[1]", "index: must be a JSON object, but is an array of 1."},
        BadIndex{"{}", "index:\n  - weight_map is missing\nFetch or write the index again."},
        BadIndex{R"({"weight_map": 3})",
                 "index:\n  - weight_map must be an object, but is 3\nFetch or write the index "
                 "again."},
        BadIndex{R"({"weight_map": {}})",
                 "index:\n  - weight_map lists no tensor\nFetch or write the index again."},
        BadIndex{R"({"weight_map": {"a": "../b.safetensors", "c": "/etc/passwd", "d": 1, "e": "",
                     "f": ".."}})",
                 "index:\n"
                 "  - weight_map[\"a\"] must be a plain file name in the same folder, but is "
                 "\"../b.safetensors\"\n"
                 "  - weight_map[\"c\"] must be a plain file name in the same folder, but is "
                 "\"/etc/passwd\"\n"
                 "  - weight_map[\"d\"] must be a file name, but is 1\n"
                 "  - weight_map[\"e\"] must be a plain file name in the same folder, but is \"\"\n"
                 "  - weight_map[\"f\"] must be a plain file name in the same folder, but is "
                 "\"..\"\nFetch or write the index again."}));

TEST_F(CheckpointTest, IndexAndShardsThatDisagreeAreRefused) {
  FolderPlan plan = PlanOf(Small());
  plan.shard_bytes = 1000;
  WriteFolder(root() / "a", plan);
  const fs::path index = root() / "a" / "model.safetensors.index.json";
  std::string text = ReadTextFile(index);
  const std::string from = "language_model.model.norm.weight";
  text.replace(text.find(from), from.size(), "language_model.model.norm.wait");
  WriteFileAtomically(index, text);
  EXPECT_THAT(
      MessageOf<CheckpointError>([&] { Checkpoint::Open(root() / "a"); }),
      ::testing::AllOf(HasSubstr("holds language_model.model.norm.weight, which the index does not "
                                 "list"),
                       HasSubstr("lacks language_model.model.norm.wait, which the index places "
                                 "there"),
                       HasSubstr("not of one checkpoint: fetch all of them again.")));
  for (const auto& entry : fs::directory_iterator(root() / "a")) {
    if (entry.path().filename().string().starts_with("model-00001")) fs::remove(entry.path());
  }
  EXPECT_THAT(MessageOf<CheckpointError>([&] { Checkpoint::Open(root() / "a"); }),
              HasSubstr("is absent\nFetch the missing files."));
}

TEST(CanonicalName, LeavesOtherNamesAlone) {
  EXPECT_EQ(CanonicalName("occupancy.queries.weight"), "occupancy.queries.weight");
  EXPECT_EQ(CanonicalName("adapters.0.ffn.up.weight"), "adapters.0.ffn.up.weight");
  EXPECT_EQ(CanonicalName("lm_head.weight"), "language_model.lm_head.weight");
  EXPECT_EQ(CanonicalName("model.vision_tower.post_layernorm.bias"),
            "vision_tower.vision_model.post_layernorm.bias");
}

}  // namespace
}  // namespace occvla::model
