#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "occvla/base/safetensors.h"
#include "occvla/model/files/config.h"

namespace occvla::model {

/// HAND-OVER 3: a checkpoint folder, opened and checked. Ours, an overlay of ours, or a plain
/// Hugging Face PaliGemma 2 folder under any of its namings (facts A.8), one file or shards with an
/// index. Weights stay in the mapped files. Keep the object alive while its views are used.
class Checkpoint {
 public:
  /// Throws CheckpointError. Tensors missing, left over or of the wrong shape are listed together.
  static Checkpoint Open(const std::filesystem::path& folder);

  const ModelConfig& config() const { return config_; }
  /// Canonical name -> view; exactly the names of ExpectedTensors(config()).
  const std::map<std::string, TensorView, std::less<>>& tensors() const { return tensors_; }
  /// Where tokenizer.json or tokenizer.model lies (the overlay's folder, else its base's), if any.
  const std::optional<std::filesystem::path>& tokenizer_folder() const { return tokenizer_folder_; }
  const std::filesystem::path& folder() const { return folder_; }
  uint64_t weight_bytes() const;
  /// What a user may want to know: names rewritten, tied duplicates left out, the overlay's base.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  std::filesystem::path folder_;
  ModelConfig config_;
  std::vector<std::shared_ptr<const SafetensorsFile>> files_;
  std::map<std::string, TensorView, std::less<>> tensors_;
  std::optional<std::filesystem::path> tokenizer_folder_;
  std::vector<std::string> notes_;
};

}  // namespace occvla::model
