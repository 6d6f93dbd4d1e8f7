#include "occvla/model/files/vqvae_file.h"

#include "occvla/base/error.h"
#include "occvla/model/files/checkpoint.h"
#include "occvla/model/files/json_fields.h"
#include "occvla/model/files/pth.h"
#include "occvla/model/files/weight_files.h"

namespace occvla::model {
namespace {

namespace fs = std::filesystem;

using Tensors = std::map<std::string, TensorView, std::less<>>;

constexpr char kModelType[] = "occvla-vqvae";
constexpr char kPrefix[] = "vqvae.";

/// Sizes as the shapes tell them. Height and width leave no trace in the weights: OccWorld's 200.
VqvaeConfig ConfigFromShapes(const Tensors& tensors, const std::string& where) {
  const auto shape = [&](const char* name, size_t dimensions) -> const std::vector<int64_t>& {
    const auto it = tensors.find(name);
    if (it == tensors.end() || it->second.shape.size() != dimensions) {
      throw CheckpointError(where + ": is no OccWorld VQ-VAE: " + name +
                            (it == tensors.end() ? " is missing." : " has the wrong shape."));
    }
    return it->second.shape;
  };
  const auto& classes = shape("class_embeds.weight", 2);
  const auto& first = shape("encoder.conv_in.weight", 4);
  const auto& codebook = shape("vqvae.embedding.weight", 2);
  VqvaeConfig config;
  config.classes = classes[0];
  config.class_width = classes[1];
  config.channels = first[0];
  config.depth = config.class_width > 0 ? first[1] / config.class_width : 0;
  config.codebook = codebook[0];
  config.latent = codebook[1];
  const auto broken = BrokenRules(config);
  if (broken.empty()) return config;
  std::string text = where + ": is no OccWorld VQ-VAE, judging by its shapes:";
  for (const auto& line : broken) text += "\n  - " + line;
  throw CheckpointError(text);
}

void Check(const VqvaeFile& file, const std::string& where) {
  Tensors rest = file.tensors;
  std::string differences;
  for (const auto& spec : VqvaeTensors(file.config)) {
    const auto it = rest.find(spec.name);
    if (it == rest.end()) {
      differences += "\n  - missing: " + spec.name;
      continue;
    }
    const DType dtype = it->second.dtype;
    if (it->second.shape != spec.shape) differences += "\n  - wrong shape: " + spec.name;
    if (dtype != DType::kF32 && dtype != DType::kBF16 && dtype != DType::kF16) {
      differences += "\n  - neither F32, BF16 nor F16: " + spec.name;
    }
    rest.erase(it);
  }
  for (const auto& [name, view] : rest) differences += "\n  - left over: " + name;
  if (!differences.empty()) {
    throw CheckpointError(where + ": the weights do not fit an OccWorld VQ-VAE:" + differences);
  }
}

/// A folder that holds a VQ-VAE alone; nothing if config.json says that it is another model.
std::optional<VqvaeFile> OpenVqvaeFolder(const fs::path& folder) {
  const fs::path path = folder / "config.json";
  if (!fs::exists(path)) {
    throw CheckpointError(folder.string() + ": holds no config.json, so it is no checkpoint.");
  }
  const auto root = ParseJsonObject(ReadCheckpointText(path, size_t{1} << 20), path.string());
  const auto type = root.find("model_type");
  if (type == root.end() || *type != kModelType) return std::nullopt;
  std::vector<std::string> complaints;
  JsonFields fields(root, "", complaints);
  VqvaeFile out;
  if (const auto* vqvae = fields.Object("vqvae")) {
    JsonStrictReader reader(*vqvae, "vqvae.", complaints);
    out.config.VisitFields(reader);
    reader.Finish();
  } else if (complaints.empty()) {
    fields.Complain("vqvae", "is missing");
  }
  if (complaints.empty()) complaints = BrokenRules(out.config);
  if (!complaints.empty()) {
    std::string text = path.string() + ":";
    for (const auto& line : complaints) text += "\n  - " + line;
    throw CheckpointError(text);
  }
  auto weights = std::make_shared<WeightFiles>(OpenWeightFiles(folder));
  for (const auto& [name, view] : weights->tensors) {
    out.tensors.emplace(name.starts_with(kPrefix) ? name.substr(sizeof(kPrefix) - 1) : name, view);
  }
  out.owner = std::move(weights);
  return out;
}

VqvaeFile OpenInsideCheckpoint(const fs::path& folder) {
  auto checkpoint = std::make_shared<Checkpoint>(Checkpoint::Open(folder));
  if (!checkpoint->config().has_occupancy) {
    throw CheckpointError(folder.string() + ": has no occupancy branch, hence no VQ-VAE.");
  }
  VqvaeFile out;
  out.config = checkpoint->config().vqvae;
  for (const auto& [name, view] : checkpoint->tensors()) {
    if (name.starts_with(kPrefix)) out.tensors.emplace(name.substr(sizeof(kPrefix) - 1), view);
  }
  out.owner = std::move(checkpoint);
  return out;
}

}  // namespace

VqvaeFile OpenVqvae(const fs::path& path) {
  VqvaeFile out;
  if (fs::is_directory(path)) {
    auto alone = OpenVqvaeFolder(path);
    out = alone ? std::move(*alone) : OpenInsideCheckpoint(path);
  } else {
    auto file = std::make_shared<PthFile>(OpenPth(path));
    out.tensors = file->tensors;
    out.config = ConfigFromShapes(out.tensors, path.string());
    out.owner = std::move(file);
  }
  Check(out, path.string());
  return out;
}

std::string VqvaeConfigToJson(const VqvaeConfig& config) {
  nlohmann::ordered_json sizes = nlohmann::ordered_json::object();
  JsonWriter writer(sizes);
  VqvaeConfig copy = config;  // Visitors take fields by reference.
  copy.VisitFields(writer);
  const nlohmann::ordered_json root = {{"model_type", kModelType}, {"vqvae", sizes}};
  return root.dump(2) + "\n";
}

}  // namespace occvla::model
