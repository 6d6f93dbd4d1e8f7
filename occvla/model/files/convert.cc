#include "occvla/model/files/convert.h"

#include "occvla/base/error.h"
#include "occvla/model/files/checkpoint.h"
#include "occvla/model/files/origin.h"
#include "occvla/model/files/vqvae_file.h"

namespace occvla::model {
namespace {

namespace fs = std::filesystem;

ModelConfig Merged(const ModelConfig& found, const ModelConfig& wanted) {
  ModelConfig out = wanted;
  out.vision = found.vision;
  out.vision.resize = wanted.vision.resize;
  const double final_softcap = wanted.text.final_softcap;
  out.text = found.text;
  out.text.final_softcap = final_softcap;
  return out;
}

}  // namespace

void ConvertHuggingFace(const HuggingFaceConversion& conversion, const WriteProgress& progress) {
  const Checkpoint in = Checkpoint::Open(conversion.in);
  ModelConfig config = conversion.occvla ? Merged(in.config(), *conversion.occvla) : in.config();
  std::optional<VqvaeFile> vqvae;
  if (conversion.vqvae) {
    if (!conversion.occvla || !config.has_occupancy) {
      throw ConfigError(
          "a VQ-VAE can be added only together with an occupancy branch: name a preset.");
    }
    vqvae = OpenVqvae(*conversion.vqvae);
    config.vqvae = vqvae->config;
  }
  config.Validate();

  const DType dtype = in.tensors().at("language_model.model.embed_tokens.weight").dtype;
  FolderPlan plan;
  bool any_new = false;
  for (auto& spec : ExpectedTensors(config)) {
    TensorPlan tensor{std::move(spec), dtype, std::nullopt, conversion.seed};
    const std::string& name = tensor.spec.name;
    if (vqvae && name.starts_with("vqvae.")) {
      tensor.copy = vqvae->tensors.at(name.substr(6));
    } else if (const auto it = in.tensors().find(name); it != in.tensors().end()) {
      if (it->second.shape != tensor.spec.shape) {
        throw CheckpointError(conversion.in.string() + ": " + name +
                              " has another shape than the config asked for.");
      }
      tensor.copy = it->second;
    } else {
      any_new = true;
    }
    if (tensor.copy) tensor.dtype = tensor.copy->dtype;
    plan.tensors.push_back(std::move(tensor));
  }
  plan.texts = CompanionTexts(config);
  plan.texts["config.json"] = ConfigToJson(config);
  Origin origin =
      NewOrigin("converted from " + in.folder().filename().string() +
                (vqvae ? ", VQ-VAE from " + conversion.vqvae->filename().string() : "") +
                (any_new ? ", the rest random, seed " + std::to_string(conversion.seed) : ""));
  origin.licences["weights"] = "as the converted checkpoint: Gemma Terms of Use for PaliGemma 2";
  plan.texts["origin.json"] = OriginToJson(origin);
  if (in.tokenizer_folder()) plan.copies = TokenizerCopies(*in.tokenizer_folder());
  WriteFolder(conversion.out, plan, progress);
}

void ConvertOccWorld(const fs::path& pth, const fs::path& out, const WriteProgress& progress) {
  const VqvaeFile file = OpenVqvae(pth);
  FolderPlan plan;
  for (auto& spec : VqvaeTensors(file.config)) {
    const TensorView& view = file.tensors.at(spec.name);
    plan.tensors.push_back({{"vqvae." + spec.name, std::move(spec.shape)}, view.dtype, view, 0});
  }
  plan.texts["config.json"] = VqvaeConfigToJson(file.config);
  plan.texts["origin.json"] = OriginToJson(NewOrigin("converted from " + pth.filename().string()));
  WriteFolder(out, plan, progress);
}

}  // namespace occvla::model
