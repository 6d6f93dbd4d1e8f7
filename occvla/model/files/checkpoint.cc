#include "occvla/model/files/checkpoint.h"

#include <cstring>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/model/files/overlay.h"
#include "occvla/model/files/weight_files.h"

namespace occvla::model {
namespace {

namespace fs = std::filesystem;

using Tensors = std::map<std::string, TensorView, std::less<>>;

constexpr size_t kMaxConfigBytes = size_t{1} << 20;
constexpr std::string_view kOutputEmbedding = "language_model.lm_head.weight";
constexpr std::string_view kInputEmbedding = "language_model.model.embed_tokens.weight";

/// An opened folder before it is compared with its config.
struct Opened {
  ModelConfig config;
  std::vector<std::shared_ptr<const SafetensorsFile>> files;
  Tensors tensors;  // Canonical names.
  std::optional<fs::path> tokenizer_folder;
  std::vector<std::string> notes;
};

/// Renames to canonical names. Throws when two tensors of the file claim one name.
Tensors Canonical(const fs::path& folder, const Tensors& found, std::vector<std::string>& notes) {
  Tensors out;
  std::map<std::string, std::string> claimed;
  size_t renamed = 0;
  for (const auto& [name, view] : found) {
    const std::string canonical = CanonicalName(name);
    const auto [it, is_new] = claimed.emplace(canonical, name);
    if (!is_new) {
      throw CheckpointError(folder.string() + ": " + it->second + " and " + name +
                            " are two spellings of " + canonical +
                            ". Keep the one that belongs to the checkpoint.");
    }
    renamed += canonical != name;
    out.emplace(canonical, view);
  }
  if (renamed > 0) {
    notes.push_back(std::to_string(renamed) + " tensors were renamed from another naming");
  }
  return out;
}

/// transformers ties the two embeddings, but some files hold both. Equal copies are one too many;
/// different ones would make a model that this program does not have.
void DropTiedOutput(const fs::path& folder, Tensors& tensors, std::vector<std::string>& notes) {
  const auto output = tensors.find(kOutputEmbedding);
  if (output == tensors.end()) return;
  const auto input = tensors.find(kInputEmbedding);
  const bool equal = input != tensors.end() && input->second.dtype == output->second.dtype &&
                     input->second.shape == output->second.shape &&
                     std::memcmp(input->second.bytes.data(), output->second.bytes.data(),
                                 output->second.bytes.size()) == 0;
  if (!equal) {
    throw CheckpointError(folder.string() + ": " + std::string(kOutputEmbedding) + " must equal " +
                          std::string(kInputEmbedding) +
                          ", but differs. A model with its own output embedding cannot be run.");
  }
  tensors.erase(output);
  notes.push_back("lm_head equals embed_tokens and was left out");
}

bool HasTokenizer(const fs::path& folder) {
  return fs::exists(folder / "tokenizer.json") || fs::exists(folder / "tokenizer.model");
}

Opened OpenFolder(const fs::path& folder, int overlays) {
  if (!fs::is_directory(folder)) {
    throw CheckpointError(folder.string() +
                          (fs::exists(folder)
                               ? ": is a file; a checkpoint is a folder. For a torch "
                                 "file see \"occvla convert\"."
                               : ": there is no such folder."));
  }
  const fs::path config_path = folder / "config.json";
  if (!fs::exists(config_path)) {
    throw CheckpointError(folder.string() + ": holds no config.json, so it is no checkpoint.");
  }
  Opened out;
  out.config =
      ConfigFromJson(ReadCheckpointText(config_path, kMaxConfigBytes), config_path.string());
  auto weights = OpenWeightFiles(folder);
  out.tensors = Canonical(folder, weights.tensors, out.notes);
  out.files = std::move(weights.files);
  if (HasTokenizer(folder)) out.tokenizer_folder = folder;

  if (const auto base = ReadOverlay(folder)) {
    if (overlays >= kMaxOverlays) {
      throw CheckpointError(folder.string() + ": is the base of more than " +
                            std::to_string(kMaxOverlays) +
                            " overlays, or one of them names itself as its base.");
    }
    Opened below = OpenFolder(base->folder, overlays + 1);
    CheckBaseQuickly(folder, *base);
    out.notes.push_back(std::to_string(out.tensors.size()) + " tensors lie over the base " +
                        base->folder.string());
    out.tensors.merge(below.tensors);  // What is there already stays.
    out.files.insert(out.files.end(), below.files.begin(), below.files.end());
    out.notes.insert(out.notes.end(), below.notes.begin(), below.notes.end());
    if (!out.tokenizer_folder) out.tokenizer_folder = below.tokenizer_folder;
  }
  DropTiedOutput(folder, out.tensors, out.notes);
  return out;
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

struct Differences {
  std::vector<std::string> missing, left_over, wrong;
};

Differences Compare(const ModelConfig& config, const Tensors& tensors) {
  Differences out;
  std::map<std::string, std::vector<int64_t>, std::less<>> expected;
  for (auto& spec : ExpectedTensors(config)) expected.emplace(spec.name, std::move(spec.shape));
  for (const auto& [name, shape] : expected) {
    const auto it = tensors.find(name);
    if (it == tensors.end()) {
      out.missing.push_back(name);
      continue;
    }
    if (it->second.shape != shape) {
      out.wrong.push_back(name + " must be " + ShapeText(shape) + ", but is " +
                          ShapeText(it->second.shape));
    }
    const DType dtype = it->second.dtype;
    if (dtype != DType::kF32 && dtype != DType::kBF16 && dtype != DType::kF16) {
      out.wrong.push_back(name + " must be F32, BF16 or F16, but is " +
                          std::string(SafetensorsName(dtype)));
    }
  }
  for (const auto& [name, view] : tensors) {
    if (expected.find(name) == expected.end()) out.left_over.push_back(name);
  }
  return out;
}

bool AnyHolds(const std::vector<std::string>& lines, std::string_view part) {
  for (const auto& line : lines) {
    if (line.find(part) != std::string::npos) return true;
  }
  return false;
}

/// The cause that the pattern of differences points at, as a sentence; empty if none stands out.
std::string LikelyCause(const Differences& d) {
  if (AnyHolds(d.left_over, "lora_") || AnyHolds(d.left_over, "base_model.")) {
    return "These are LoRA weights: merge them into their base first.";
  }
  if (AnyHolds(d.left_over, "qweight") || AnyHolds(d.left_over, "weight_scale") ||
      AnyHolds(d.left_over, "absmax")) {
    return "The weights are quantised by another program: fetch the float or bfloat16 ones.";
  }
  if (AnyHolds(d.missing, "pre_feedforward_layernorm") && !AnyHolds(d.missing, "q_proj")) {
    return "Gemma 2's norms are missing: this looks like a PaliGemma 1 checkpoint.";
  }
  if (AnyHolds(d.left_over, "vision_model.head.")) {
    return "The vision tower has a pooling head, which PaliGemma 2 does not use: save it with "
           "vision_use_head false.";
  }
  if (AnyHolds(d.wrong, "embed_tokens")) {
    return "The embedding's rows do not agree with config.json: correct text_config.vocab_size.";
  }
  if (AnyHolds(d.wrong, "position_embedding")) {
    return "The image size does not agree with config.json: correct vision_config.image_size.";
  }
  if (AnyHolds(d.missing, "vision_tower.vision_model.") && !d.left_over.empty()) {
    return "The vision tower bears names that are not known: the file may come from a newer "
           "transformers or from another program.";
  }
  if (AnyHolds(d.missing, "vqvae.")) {
    return "The occupancy branch is missing, but config.json says has_occupancy.";
  }
  return "";
}

[[noreturn]] void ThrowDifferences(const fs::path& folder, const Differences& d) {
  std::string text = folder.string() + ": the weights do not fit config.json (" +
                     std::to_string(d.missing.size()) + " missing, " +
                     std::to_string(d.left_over.size()) + " left over, " +
                     std::to_string(d.wrong.size()) + " of the wrong shape or type).";
  for (const auto& name : d.missing) text += "\n  - missing: " + name;
  for (const auto& name : d.left_over) text += "\n  - left over: " + name;
  for (const auto& line : d.wrong) text += "\n  - " + line;
  const std::string cause = LikelyCause(d);
  if (!cause.empty()) text += "\n" + cause;
  throw CheckpointError(text);
}

}  // namespace

Checkpoint Checkpoint::Open(const fs::path& folder) {
  Opened opened = OpenFolder(folder, 0);
  const Differences differences = Compare(opened.config, opened.tensors);
  if (!differences.missing.empty() || !differences.left_over.empty() ||
      !differences.wrong.empty()) {
    ThrowDifferences(folder, differences);
  }
  Checkpoint out;
  out.folder_ = folder;
  out.config_ = std::move(opened.config);
  out.files_ = std::move(opened.files);
  out.tensors_ = std::move(opened.tensors);
  out.tokenizer_folder_ = std::move(opened.tokenizer_folder);
  out.notes_ = std::move(opened.notes);
  return out;
}

uint64_t Checkpoint::weight_bytes() const {
  uint64_t sum = 0;
  for (const auto& [name, view] : tensors_) sum += view.bytes.size();
  return sum;
}

}  // namespace occvla::model
