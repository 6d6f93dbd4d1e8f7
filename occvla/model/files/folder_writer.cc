#include "occvla/model/files/folder_writer.h"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/model/files/random_init.h"

namespace occvla::model {
namespace {

namespace fs = std::filesystem;

/// Bytes made by all threads before they are written: enough that starting threads costs nothing.
constexpr int64_t kBlocksAtOnce = 128;

/// A folder that vanishes unless it is renamed.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const fs::path& out) : out_(out) {
    std::string name(1, '.');
    name += out.filename().string();
    name += ".partial-";
    name += std::to_string(::getpid());
    path_ = out.parent_path() / name;
    std::error_code error;
    fs::remove_all(path_, error);
    fs::create_directories(path_, error);
    if (error) {
      throw ConfigError(path_.string() + ": the folder could not be made (" + error.message() +
                        "). Choose another place.");
    }
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!kept_) fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const fs::path& path() const { return path_; }
  void Keep() {
    std::error_code error;
    fs::rename(path_, out_, error);  // Replaces an empty folder, nothing else.
    if (error) {
      throw ConfigError(out_.string() + ": could not be put in place (" + error.message() + ").");
    }
    kept_ = true;
  }

 private:
  fs::path out_, path_;
  bool kept_ = false;
};

uint64_t BytesOf(const TensorPlan& plan) {
  return static_cast<uint64_t>(Elements(plan.spec)) * SizeOf(plan.dtype);
}

/// Makes and writes the tensors of one shard.
class ShardWriter {
 public:
  ShardWriter(uint64_t total, const WriteProgress& progress) : total_(total), progress_(progress) {}

  void Write(const fs::path& path, const std::vector<const TensorPlan*>& tensors) {
    std::vector<SafetensorsWriter::Declaration> declared;
    std::map<std::string, const TensorPlan*> by_name;
    for (const auto* plan : tensors) {
      declared.push_back({plan->spec.name, plan->dtype, plan->spec.shape});
      by_name.emplace(plan->spec.name, plan);
    }
    SafetensorsWriter writer(path, std::move(declared), {{"format", "pt"}});
    for (const auto& declaration : writer.order()) WriteOne(*by_name.at(declaration.name), writer);
    writer.Commit();
  }

  /// A bias of the VQ-VAE is drawn with the fan-in of the weight beside it.
  void LearnFanIns(const std::vector<TensorPlan>& tensors) {
    for (const auto& plan : tensors) fan_in_[plan.spec.name] = FanIn(plan.spec);
  }

 private:
  int64_t FanInOf(const TensorSpec& spec) const {
    if (!spec.name.ends_with(".bias")) return FanIn(spec);
    const auto it = fan_in_.find(spec.name.substr(0, spec.name.size() - 4) + "weight");
    return it == fan_in_.end() ? FanIn(spec) : it->second;
  }

  void Report(uint64_t bytes) {
    done_ += bytes;
    if (progress_) progress_(done_, total_);
  }

  void WriteOne(const TensorPlan& plan, SafetensorsWriter& writer) {
    if (plan.copy) {
      constexpr size_t kPiece = size_t{64} << 20;
      for (size_t begin = 0; begin < plan.copy->bytes.size(); begin += kPiece) {
        const auto piece =
            plan.copy->bytes.subspan(begin, std::min(kPiece, plan.copy->bytes.size() - begin));
        writer.Write(piece);
        Report(piece.size());
      }
      return;
    }
    const InitRule rule = RuleFor(plan.spec, FanInOf(plan.spec));
    const int64_t elements = Elements(plan.spec);
    const int64_t blocks = (elements + kInitBlock - 1) / kInitBlock;
    const size_t size = SizeOf(plan.dtype);
    for (int64_t first = 0; first < blocks; first += kBlocksAtOnce) {
      const int64_t last = std::min(blocks, first + kBlocksAtOnce);
      const int64_t end = std::min(elements, last * kInitBlock);
      buffer_.resize(static_cast<size_t>(end - first * kInitBlock) * size);
      const auto fill = [&](int64_t begin_block, int64_t step) {
        for (int64_t block = begin_block; block < last; block += step) {
          const int64_t offset = (block - first) * kInitBlock;
          const int64_t count = std::min(kInitBlock, elements - block * kInitBlock);
          FillBlock(rule, plan.spec, plan.seed, block, plan.dtype,
                    std::span(buffer_).subspan(static_cast<size_t>(offset) * size,
                                               static_cast<size_t>(count) * size));
        }
      };
      const int64_t threads =
          std::clamp<int64_t>(std::thread::hardware_concurrency(), 1, last - first);
      {
        std::vector<std::jthread> helpers;
        for (int64_t i = 1; i < threads; ++i) helpers.emplace_back(fill, first + i, threads);
        fill(first, threads);
      }
      writer.Write(buffer_);
      Report(buffer_.size());
    }
  }

  uint64_t total_ = 0, done_ = 0;
  const WriteProgress& progress_;  // The caller's; it outlives the write.
  std::map<std::string, int64_t> fan_in_;
  std::vector<std::byte> buffer_;
};

std::string ShardName(size_t index, size_t count) {
  char text[64];
  std::snprintf(text, sizeof(text), "model-%05zu-of-%05zu.safetensors", index + 1, count);
  return text;
}

void WriteWeights(const fs::path& folder, const FolderPlan& plan, uint64_t total,
                  const WriteProgress& progress) {
  std::vector<std::vector<const TensorPlan*>> shards(1);
  uint64_t in_shard = 0;
  for (const auto& tensor : plan.tensors) {
    if (in_shard > 0 && in_shard + BytesOf(tensor) > plan.shard_bytes) {
      shards.emplace_back();
      in_shard = 0;
    }
    shards.back().push_back(&tensor);
    in_shard += BytesOf(tensor);
  }
  ShardWriter writer(total, progress);
  writer.LearnFanIns(plan.tensors);
  if (shards.size() == 1) {
    writer.Write(folder / "model.safetensors", shards[0]);
    return;
  }
  nlohmann::ordered_json map = nlohmann::ordered_json::object();
  for (size_t i = 0; i < shards.size(); ++i) {
    const std::string name = ShardName(i, shards.size());
    writer.Write(folder / name, shards[i]);
    for (const auto* tensor : shards[i]) map[tensor->spec.name] = name;
  }
  const nlohmann::ordered_json index = {{"metadata", {{"total_size", total}}}, {"weight_map", map}};
  WriteFileAtomically(folder / "model.safetensors.index.json", index.dump(2) + "\n");
}

}  // namespace

void WriteFolder(const fs::path& given, const FolderPlan& plan, const WriteProgress& progress) {
  fs::path out = fs::absolute(given).lexically_normal();
  if (!out.has_filename()) out = out.parent_path();  // "DIR/" means DIR.
  if (fs::exists(out) && !(fs::is_directory(out) && fs::is_empty(out))) {
    throw ConfigError(out.string() +
                      ": exists and is not an empty folder. Choose another place or remove it.");
  }
  std::error_code error;
  fs::create_directories(out.parent_path(), error);
  uint64_t total = 0;
  for (const auto& tensor : plan.tensors) total += BytesOf(tensor);
  const uint64_t needed = total + (uint64_t{4} << 20);  // Headers and the small files.
  const auto space = fs::space(out.parent_path(), error);
  if (error) {
    throw ConfigError(out.parent_path().string() + ": is no folder that can be written to (" +
                      error.message() + "). Choose another place.");
  }
  if (space.available < needed) {
    throw DeviceError(out.string() + ": needs " + std::to_string(needed >> 20) +
                      " MiB, but the disk has " + std::to_string(space.available >> 20) +
                      " MiB free. Make room or choose another place.");
  }
  TemporaryFolder folder(out);
  WriteWeights(folder.path(), plan, total, progress);
  for (const auto& [name, from] : plan.copies) fs::copy_file(from, folder.path() / name);
  for (const auto& [name, text] : plan.texts) WriteFileAtomically(folder.path() / name, text);
  folder.Keep();
}

std::map<std::string, std::string> CompanionTexts(const ModelConfig& config) {
  using nlohmann::ordered_json;
  const ordered_json half = ordered_json::array({0.5, 0.5, 0.5});
  const ordered_json preprocessor = {
      {"do_convert_rgb", nullptr},
      {"do_normalize", true},
      {"do_rescale", true},
      {"do_resize", true},
      {"image_mean", half},
      {"image_processor_type", "SiglipImageProcessor"},
      {"image_seq_length", config.vision.tokens()},
      {"image_std", half},
      {"processor_class", "PaliGemmaProcessor"},
      {"resample", config.vision.resize == "bicubic" ? 3 : 2},
      {"rescale_factor", 1.0 / 255.0},
      {"size", {{"height", config.vision.image_size}, {"width", config.vision.image_size}}}};
  const ordered_json generation = {
      {"_from_model_config", true}, {"bos_token_id", 2}, {"eos_token_id", 1}, {"pad_token_id", 0}};
  return {{"preprocessor_config.json", preprocessor.dump(2) + "\n"},
          {"generation_config.json", generation.dump(2) + "\n"}};
}

std::map<std::string, fs::path> TokenizerCopies(const fs::path& folder) {
  if (!fs::exists(folder / "tokenizer.json") && !fs::exists(folder / "tokenizer.model")) {
    throw CheckpointError(folder.string() + ": holds neither tokenizer.json nor tokenizer.model.");
  }
  std::map<std::string, fs::path> out;
  for (const char* name : {"tokenizer.json", "tokenizer.model", "tokenizer_config.json",
                           "special_tokens_map.json", "added_tokens.json"}) {
    if (fs::is_regular_file(folder / name)) out.emplace(name, folder / name);
  }
  return out;
}

}  // namespace occvla::model
