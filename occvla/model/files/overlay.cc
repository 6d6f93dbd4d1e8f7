#include "occvla/model/files/overlay.h"

#include <algorithm>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/model/files/json_fields.h"
#include "occvla/model/files/weight_files.h"

namespace occvla::model {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxSmallFile = size_t{1} << 20;
constexpr size_t kSampleBytes = 4096;

/// The files beside the weights that decide what the base is.
std::vector<fs::path> SmallFiles(const fs::path& folder) {
  std::vector<fs::path> out = {folder / "config.json"};
  if (fs::exists(folder / "overlay.json")) out.push_back(folder / "overlay.json");
  return out;
}

std::span<const std::byte> AsBytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// First, middle and last 4 KiB: training moves nearly every value of a tensor it touches.
void AppendSamples(std::span<const std::byte> bytes, std::string& out) {
  const auto append = [&](size_t begin) {
    const auto part = bytes.subspan(begin, std::min(kSampleBytes, bytes.size() - begin));
    out.append(reinterpret_cast<const char*>(part.data()), part.size());
  };
  if (bytes.size() <= 3 * kSampleBytes) {
    out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return;
  }
  append(0);
  append(bytes.size() / 2);
  append(bytes.size() - kSampleBytes);
}

std::string Fingerprint(const fs::path& folder, const WeightFiles& weights) {
  // Samples are hashed per tensor, so that the text in memory stays small for any model.
  std::string text = "occvla fingerprint 1\n";
  for (const auto& path : SmallFiles(folder)) {
    text += path.filename().string() + " " +
            Sha256(AsBytes(ReadCheckpointText(path, kMaxSmallFile))) + "\n";
  }
  for (const auto& [name, view] : weights.tensors) {
    std::string samples;
    AppendSamples(view.bytes, samples);
    text += name;
    text += ' ';
    text += SafetensorsName(view.dtype);
    for (int64_t size : view.shape) {
      text += ' ';
      text += std::to_string(size);
    }
    text += ' ';
    text += Sha256(AsBytes(samples));
    text += '\n';
  }
  return Sha256(AsBytes(text));
}

std::string FullHash(const fs::path& folder, const WeightFiles& weights) {
  std::string text = "occvla content 1\n";
  for (const auto& path : SmallFiles(folder)) {
    text += path.filename().string() + " " + Sha256OfFile(path) + "\n";
  }
  for (const auto& file : weights.files) {
    text += file->path().filename().string() + " " + Sha256OfFile(file->path()) + "\n";
  }
  return Sha256(AsBytes(text));
}

bool IsSha256(const std::string& text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

[[noreturn]] void ThrowChanged(const fs::path& overlay, const BaseIdentity& recorded,
                               const char* what, const std::string& was, const std::string& is) {
  throw CheckpointError((overlay / "overlay.json").string() + ": the base " +
                        recorded.folder.string() +
                        " is not the one this overlay was trained on: " + what + " must be " + was +
                        ", but is " + is + ". Bring the original base back, or correct \"base\".");
}

}  // namespace

BaseIdentity IdentifyBase(const fs::path& base) {
  const WeightFiles weights = OpenWeightFiles(base);
  return {fs::weakly_canonical(base), FullHash(base, weights), Fingerprint(base, weights)};
}

std::string FingerprintOf(const fs::path& folder) {
  return Fingerprint(folder, OpenWeightFiles(folder));
}

std::optional<BaseIdentity> ReadOverlay(const fs::path& folder) {
  const fs::path path = folder / "overlay.json";
  if (!fs::exists(path)) return std::nullopt;
  const auto root = ParseJsonObject(ReadCheckpointText(path, kMaxSmallFile), path.string());
  std::vector<std::string> complaints;
  JsonFields fields(root, "", complaints);
  std::string base;
  BaseIdentity out;
  const auto required = [&](const char* name, std::string& value) {
    if (root.find(name) == root.end()) fields.Complain(name, "is missing");
    fields.Read(name, value);
  };
  required("base", base);
  required("base_sha256", out.sha256);
  required("base_fingerprint", out.fingerprint);
  if (complaints.empty()) {
    if (base.empty() || base.find('\0') != std::string::npos) {
      fields.Complain("base", "must be a path");
    }
    for (const auto& [name, value] :
         {std::pair("base_sha256", &out.sha256), std::pair("base_fingerprint", &out.fingerprint)}) {
      if (!IsSha256(*value)) {
        fields.Complain(name,
                        "must be 64 lower-case hexadecimal digits, but is " + Describe(*value));
      }
    }
  }
  if (!complaints.empty()) {
    std::string text = path.string() + ":";
    for (const auto& line : complaints) text += "\n  - " + line;
    throw CheckpointError(text);
  }
  out.folder = fs::path(base).is_absolute() ? fs::path(base) : folder / base;
  out.folder = out.folder.lexically_normal();
  if (!fs::is_directory(out.folder)) {
    throw CheckpointError(path.string() + ": the base " + out.folder.string() +
                          " is no folder. Bring it back, or correct \"base\".");
  }
  return out;
}

void CheckBaseQuickly(const fs::path& overlay, const BaseIdentity& recorded) {
  const std::string now = FingerprintOf(recorded.folder);
  if (now != recorded.fingerprint) {
    ThrowChanged(overlay, recorded, "its fingerprint", recorded.fingerprint, now);
  }
}

void VerifyOverlayBase(const fs::path& overlay) {
  fs::path folder = overlay;
  for (int depth = 0; depth <= kMaxOverlays; ++depth) {  // A base may be an overlay itself.
    const auto recorded = ReadOverlay(folder);
    if (!recorded) return;
    const std::string now = FullHash(recorded->folder, OpenWeightFiles(recorded->folder));
    if (now != recorded->sha256) {
      ThrowChanged(folder, *recorded, "its SHA-256", recorded->sha256, now);
    }
    folder = recorded->folder;
  }
}

void WriteOverlay(const fs::path& folder, const ModelConfig& config,
                  const std::map<std::string, TensorView, std::less<>>& trained,
                  const BaseIdentity& base) {
  std::map<std::string, std::vector<int64_t>> expected;
  for (auto& spec : ExpectedTensors(config)) expected.emplace(spec.name, std::move(spec.shape));
  std::string wrong;
  for (const auto& [name, view] : trained) {
    const auto it = expected.find(name);
    if (it == expected.end()) {
      wrong += "\n  - " + name + " is no tensor of this config";
    } else if (it->second != view.shape) {
      wrong += "\n  - " + name + " has another shape than this config says";
    }
  }
  if (!wrong.empty())
    throw CheckpointError(folder.string() + ": the overlay is not written:" + wrong);

  fs::create_directories(folder);
  const fs::path from = fs::weakly_canonical(folder), to = fs::weakly_canonical(base.folder);
  // Siblings move together; anything farther apart is named absolutely.
  const fs::path relative = to.lexically_relative(from);
  const bool sibling = std::count(relative.begin(), relative.end(), "..") <= 2 && !relative.empty();
  const nlohmann::ordered_json root = {{"base", sibling ? relative.string() : to.string()},
                                       {"base_sha256", base.sha256},
                                       {"base_fingerprint", base.fingerprint}};
  WriteSafetensors(folder / "model.safetensors", trained, {{"format", "pt"}});
  WriteFileAtomically(folder / "config.json", ConfigToJson(config));
  WriteFileAtomically(folder / "overlay.json", root.dump(2) + "\n");
}

}  // namespace occvla::model
