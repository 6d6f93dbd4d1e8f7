#include "occvla/model/files/overlay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/model/files/checkpoint.h"
#include "occvla/model/files/folder_writer.h"
#include "occvla/model/files/test_folder.h"

namespace occvla::model {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr char kNorm[] = "language_model.model.norm.weight";
constexpr char kUp[] = "adapters.0.ffn.up.weight";

ModelConfig Small() {
  ModelConfig config;
  config.vision = {
      .image_size = 4, .patch_size = 2, .hidden = 4, .layers = 1, .heads = 2, .intermediate = 4};
  config.text = {.hidden = 8,
                 .layers = 1,
                 .heads = 2,
                 .key_heads = 1,
                 .head_size = 4,
                 .intermediate = 8,
                 .vocabulary = 16};
  config.has_occupancy = config.has_planner = config.camera_embedding = false;
  return config;
}

void WriteBase(const fs::path& folder, uint64_t seed = 1) {
  FolderPlan plan;
  for (auto& spec : ExpectedTensors(Small())) {
    plan.tensors.push_back({std::move(spec), DType::kF32, std::nullopt, seed});
  }
  plan.texts["config.json"] = ConfigToJson(Small());
  plan.texts["tokenizer.json"] = "{}";
  WriteFolder(folder, plan);
}

class OverlayTest : public TestFolder {
 protected:
  /// base/ and over/, which adds adapters and replaces the last norm by zero bytes of F16.
  void WriteBoth() {
    WriteBase(root() / "base");
    config_ = Small();
    config_.adapters = {.placement = "pfeiffer", .reduction = 4};
    WriteOverlay(root() / "over", config_, Trained(), IdentifyBase(root() / "base"));
  }
  std::map<std::string, TensorView, std::less<>> Trained() {
    std::map<std::string, TensorView, std::less<>> out;
    for (const auto& spec : ExpectedTensors(config_)) {
      if (!spec.name.starts_with("adapters.") && spec.name != kNorm) continue;
      const auto bytes = Bytes(2 * static_cast<size_t>(Elements(spec)));
      out.emplace(spec.name, TensorView{DType::kF16, spec.shape, bytes});
    }
    return out;
  }
  std::string Complaint() {
    return MessageOf<CheckpointError>([&] { Checkpoint::Open(root() / "over"); });
  }
  ModelConfig config_;
};

TEST_F(OverlayTest, LiesOverItsBase) {
  WriteBoth();
  const auto opened = Checkpoint::Open(root() / "over");
  EXPECT_EQ(opened.tensors().at(kNorm).dtype, DType::kF16);
  EXPECT_EQ(opened.tensors().at(kUp).shape, (std::vector<int64_t>{8, 2}));
  EXPECT_EQ(opened.tensors().at("multi_modal_projector.linear.bias").dtype, DType::kF32);
  EXPECT_EQ(opened.tensors().size(), ExpectedTensors(config_).size());
  EXPECT_EQ(opened.tokenizer_folder()->lexically_normal(), root() / "base");
  EXPECT_NO_THROW(VerifyOverlayBase(root() / "over"));
}

TEST_F(OverlayTest, MovesTogetherWithItsBase) {
  WriteBoth();
  fs::create_directory(root() / "elsewhere");
  fs::rename(root() / "base", root() / "elsewhere" / "base");
  fs::rename(root() / "over", root() / "elsewhere" / "over");
  EXPECT_NO_THROW(Checkpoint::Open(root() / "elsewhere" / "over"));
}

TEST_F(OverlayTest, LiesOverAnotherOverlay) {
  WriteBoth();
  WriteOverlay(root() / "top", config_, Trained(), IdentifyBase(root() / "over"));
  EXPECT_EQ(Checkpoint::Open(root() / "top").tensors().size(), ExpectedTensors(config_).size());
  EXPECT_NO_THROW(VerifyOverlayBase(root() / "top"));
}

TEST_F(OverlayTest, ChangedBaseIsSeenOnOpening) {
  WriteBoth();
  fs::remove_all(root() / "base");
  WriteBase(root() / "base", 2);
  EXPECT_THAT(Complaint(), HasSubstr("is not the one this overlay was trained on: its fingerprint "
                                     "must be "));
  EXPECT_THAT(Complaint(), HasSubstr("Bring the original base back, or correct \"base\"."));
}

TEST_F(OverlayTest, VerifyingReadsEveryByte) {
  // A change outside of the sampled blocks: in the middle of the first quarter of a 256 KiB tensor.
  ModelConfig big = Small();
  big.text.vocabulary = 8192;
  FolderPlan plan;
  for (auto& spec : ExpectedTensors(big)) {
    plan.tensors.push_back({std::move(spec), DType::kF32, std::nullopt, 1});
  }
  plan.texts["config.json"] = ConfigToJson(big);
  WriteFolder(root() / "base", plan);
  WriteOverlay(root() / "over", big, {}, IdentifyBase(root() / "base"));
  std::string bytes = ReadTextFile(root() / "base" / "model.safetensors");
  const auto base = Checkpoint::Open(root() / "base");
  const auto& table = base.tensors().at("language_model.model.embed_tokens.weight").bytes;
  const std::string piece(reinterpret_cast<const char*>(table.data()) + 32768, 16);
  bytes[bytes.find(piece)] ^= 1;
  WriteFileAtomically(root() / "base" / "model.safetensors", bytes);
  EXPECT_NO_THROW(Checkpoint::Open(root() / "over"));
  EXPECT_THAT(MessageOf<CheckpointError>([&] { VerifyOverlayBase(root() / "over"); }),
              HasSubstr("its SHA-256 must be "));
}

TEST_F(OverlayTest, MissingBaseIsNamed) {
  WriteBoth();
  fs::remove_all(root() / "base");
  EXPECT_EQ(Complaint(), (root() / "over" / "overlay.json").string() + ": the base " +
                             (root() / "base").string() +
                             " is no folder. Bring it back, or correct \"base\".");
}

TEST_F(OverlayTest, BaseOfItselfIsRefused) {
  WriteBoth();
  const fs::path path = root() / "over" / "overlay.json";
  std::string text = ReadTextFile(path);
  text.replace(text.find("../base"), 7, ".");
  WriteFileAtomically(path, text);
  EXPECT_THAT(Complaint(), HasSubstr("is the base of more than 8 overlays, or one of them names "
                                     "itself as its base."));
}

TEST_F(OverlayTest, DamagedOverlayJsonListsItsFaults) {
  WriteBoth();
  const fs::path path = root() / "over" / "overlay.json";
  WriteFileAtomically(path, R"({"base": 3, "base_sha256": "x"})");
  EXPECT_EQ(Complaint(), path.string() +
                             ":\n  - base must be text, but is 3\n"
                             "  - base_fingerprint is missing");
  WriteFileAtomically(path, R"({"base": "", "base_sha256": "x", "base_fingerprint": "XYZ"})");
  EXPECT_EQ(Complaint(),
            path.string() +
                ":\n  - base must be a path\n"
                "  - base_sha256 must be 64 lower-case hexadecimal digits, but is \"x\"\n"
                "  - base_fingerprint must be 64 lower-case hexadecimal digits, but is "
                "\"XYZ\"");
}

TEST_F(OverlayTest, TensorsThatTheConfigLacksAreNotWritten) {
  WriteBoth();
  auto trained = Trained();
  trained.emplace("strange", TensorView{DType::kF32, {1}, Bytes(4)});
  trained.at(kNorm).shape = {4, 2};
  EXPECT_EQ(MessageOf<CheckpointError>([&] {
              WriteOverlay(root() / "bad", config_, trained, IdentifyBase(root() / "base"));
            }),
            (root() / "bad").string() +
                ": the overlay is not written:\n"
                "  - language_model.model.norm.weight has another shape than this config says\n"
                "  - strange is no tensor of this config");
  EXPECT_FALSE(fs::exists(root() / "bad"));
}

}  // namespace
}  // namespace occvla::model
