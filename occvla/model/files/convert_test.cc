#include "occvla/model/files/convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/model/files/checkpoint.h"
#include "occvla/model/files/origin.h"
#include "occvla/model/files/pth_builder.h"
#include "occvla/model/files/test_folder.h"
#include "occvla/model/files/vqvae_file.h"

namespace occvla::model {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

ModelConfig Plain() {
  ModelConfig config = Preset("tiny");
  config.text.layers = 1;
  config.vision.layers = 1;
  config.adapters.placement = "none";
  config.has_occupancy = config.has_planner = config.camera_embedding = false;
  return config;
}

bool SameBytes(const TensorView& a, const TensorView& b) {
  return a.dtype == b.dtype && a.bytes.size() == b.bytes.size() &&
         std::memcmp(a.bytes.data(), b.bytes.data(), a.bytes.size()) == 0;
}

class ConvertTest : public TestFolder {
 protected:
  /// A PaliGemma folder under the naming of transformers 5.
  void WritePlain() {
    FolderPlan plan;
    for (auto& spec : ExpectedTensors(Plain())) {
      const std::string from = "vision_tower.vision_model.";
      if (spec.name.starts_with(from)) spec.name = "vision_tower." + spec.name.substr(from.size());
      plan.tensors.push_back({std::move(spec), DType::kF16, std::nullopt, 1});
    }
    plan.texts["config.json"] = ConfigToJson(Plain());
    plan.texts["tokenizer.json"] = "{}";
    WriteFolder(root() / "plain", plan);
  }

  /// A VQ-VAE as torch.save would write it, every key under `prefix`.
  fs::path WritePth(const std::string& prefix, const std::string& drop = "") {
    PickleBuilder pickle;
    pickle.Raw("}").Text("state_dict").Raw("}");
    ZipBuilder zip;
    int key = 0;
    for (const auto& spec : VqvaeTensors(Preset("tiny").vqvae)) {
      if (spec.name == drop) continue;
      std::vector<int> shape(spec.shape.begin(), spec.shape.end()), strides(shape.size(), 1);
      for (size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
      const int elements = static_cast<int>(Elements(spec));
      pickle.Text(prefix + spec.name);
      pickle.Float(std::to_string(key), elements, 0, shape, strides).Raw("s");
      std::string bytes(static_cast<size_t>(elements) * 4, '\0');
      bytes[0] = static_cast<char>(key);
      zip.Add("archive/data/" + std::to_string(key++), bytes);
    }
    zip.Add("archive/data.pkl", pickle.Raw("s").Stop());
    const fs::path path = root() / "vqvae.pth";
    WriteFileAtomically(path, zip.Finish());
    return path;
  }
};

TEST_F(ConvertTest, PlainFolderKeepsItsValuesUnderCanonicalNames) {
  WritePlain();
  ConvertHuggingFace({.in = root() / "plain", .out = root() / "out"});
  const auto in = Checkpoint::Open(root() / "plain"), out = Checkpoint::Open(root() / "out");
  EXPECT_TRUE(out.notes().empty());  // Nothing had to be renamed.
  for (const auto& [name, view] : in.tensors()) {
    EXPECT_TRUE(SameBytes(view, out.tensors().at(name))) << name;
  }
  EXPECT_EQ(out.tokenizer_folder(), root() / "out");
  EXPECT_THAT(ReadOrigin(root() / "out")->weights, "converted from plain");
}

TEST_F(ConvertTest, OccvlaPartsAndVqvaeAreAdded) {
  WritePlain();
  const fs::path pth = WritePth("module.vae.");
  ModelConfig wanted = Preset("tiny");
  wanted.vqvae = {};  // Its sizes come from the file.
  ConvertHuggingFace(
      {.in = root() / "plain", .out = root() / "out", .occvla = wanted, .seed = 4, .vqvae = pth});
  const auto out = Checkpoint::Open(root() / "out");
  const auto vqvae = OpenVqvae(pth);
  EXPECT_EQ(out.config().text.layers, 1);
  EXPECT_EQ(out.config().vqvae.codebook, 32);
  EXPECT_TRUE(SameBytes(out.tensors().at("vqvae.encoder.conv_in.weight"),
                        vqvae.tensors.at("encoder.conv_in.weight")));
  EXPECT_EQ(out.tensors().at("planner.mlp.0.weight").dtype, DType::kF16);
  EXPECT_EQ(ReadOrigin(root() / "out")->weights,
            "converted from plain, VQ-VAE from vqvae.pth, the rest random, seed 4");
  // The same VQ-VAE can be taken out of the whole checkpoint.
  EXPECT_TRUE(SameBytes(OpenVqvae(root() / "out").tensors.at("decoder.norm_out.bias"),
                        vqvae.tensors.at("decoder.norm_out.bias")));
}

TEST_F(ConvertTest, VqvaeNeedsAnOccupancyBranch) {
  WritePlain();
  EXPECT_EQ(MessageOf<ConfigError>([&] {
              ConvertHuggingFace({.in = root() / "plain",
                                  .out = root() / "out",
                                  .occvla = std::nullopt,
                                  .vqvae = root() / "x.pth"});
            }),
            "a VQ-VAE can be added only together with an occupancy branch: name a preset.");
}

TEST_F(ConvertTest, OccWorldFileBecomesAFolder) {
  const fs::path pth = WritePth("vae.");
  ConvertOccWorld(pth, root() / "out");
  const auto from_file = OpenVqvae(pth), from_folder = OpenVqvae(root() / "out");
  EXPECT_EQ(from_folder.config.latent, 16);
  EXPECT_EQ(from_folder.config.class_width, 4);
  EXPECT_EQ(from_folder.tensors.size(), 222u);
  for (const auto& [name, view] : from_file.tensors) {
    EXPECT_TRUE(SameBytes(view, from_folder.tensors.at(name))) << name;
  }
  EXPECT_EQ(ReadOrigin(root() / "out")->weights, "converted from vqvae.pth");
}

TEST_F(ConvertTest, IncompleteVqvaesAreRefused) {
  const fs::path pth = WritePth("", "decoder.norm_out.bias");
  EXPECT_EQ(MessageOf<CheckpointError>([&] { OpenVqvae(pth); }),
            pth.string() +
                ": the weights do not fit an OccWorld VQ-VAE:\n  - missing: decoder.norm_out.bias");
  const fs::path other = WritePth("", "class_embeds.weight");
  EXPECT_EQ(MessageOf<CheckpointError>([&] { OpenVqvae(other); }),
            other.string() + ": is no OccWorld VQ-VAE: class_embeds.weight is missing.");
  WritePlain();
  EXPECT_EQ(MessageOf<CheckpointError>([&] { OpenVqvae(root() / "plain"); }),
            (root() / "plain").string() + ": has no occupancy branch, hence no VQ-VAE.");
}

TEST_F(ConvertTest, DamagedVqvaeConfigListsItsFaults) {
  ConvertOccWorld(WritePth(""), root() / "out");
  WriteFileAtomically(root() / "out" / "config.json",
                      R"({"model_type": "occvla-vqvae", "vqvae": {"latnt": 1, "depth": "x"}})");
  EXPECT_EQ(MessageOf<CheckpointError>([&] { OpenVqvae(root() / "out"); }),
            (root() / "out" / "config.json").string() +
                ":\n  - vqvae.depth must be an integer, but is \"x\"\n"
                "  - vqvae.latnt is not known; the nearest field is latent");
}

}  // namespace
}  // namespace occvla::model
