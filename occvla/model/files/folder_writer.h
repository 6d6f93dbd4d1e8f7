#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "occvla/base/dtype.h"
#include "occvla/base/safetensors.h"
#include "occvla/model/files/config.h"

namespace occvla::model {

/// How far a long write is, in bytes of weights. Called on the caller's thread.
using WriteProgress = std::function<void(uint64_t done, uint64_t total)>;

/// Where the values of one tensor of a new checkpoint come from: a view to copy, or the random
/// initialisation of `random_init.h` keyed by the seed and the tensor's name.
struct TensorPlan {
  TensorSpec spec;
  DType dtype = DType::kBF16;
  std::optional<TensorView> copy;  ///< Same dtype and shape. Its file outlives the write.
  uint64_t seed = 0;
};

/// Everything that goes into a new folder.
struct FolderPlan {
  std::vector<TensorPlan> tensors;
  std::map<std::string, std::string> texts;             ///< File name -> contents.
  std::map<std::string, std::filesystem::path> copies;  ///< File name -> file to copy.
  uint64_t shard_bytes = 5'000'000'000;                 ///< As transformers splits.
};

/// Writes the folder under a temporary name beside `out` and renames it: it appears whole or not at
/// all. One `model.safetensors` up to `shard_bytes`, else shards with an index. The bytes depend on
/// the plan alone, not on the machine. Throws ConfigError when `out` exists and is not an empty
/// folder, DeviceError when the disk has too little room (checked first), CheckpointError
/// otherwise.
void WriteFolder(const std::filesystem::path& out, const FolderPlan& plan,
                 const WriteProgress& progress = {});

/// The files beside config.json that transformers expects of a PaliGemma folder:
/// preprocessor_config.json and generation_config.json.
std::map<std::string, std::string> CompanionTexts(const ModelConfig& config);
/// tokenizer.json, tokenizer.model and their configs, as far as `folder` has them. Throws
/// CheckpointError when it has neither tokenizer.
std::map<std::string, std::filesystem::path> TokenizerCopies(const std::filesystem::path& folder);

}  // namespace occvla::model
