#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>

#include "occvla/model/files/config.h"
#include "occvla/model/files/folder_writer.h"

namespace occvla::model {

struct HuggingFaceConversion {
  std::filesystem::path in;   ///< A PaliGemma 2 folder, any naming.
  std::filesystem::path out;  ///< A new folder.
  /// With it the result is an OccVLA model: sizes of `vision` and `text` come from `in`, everything
  /// else from here; tensors that `in` lacks start as `init` makes them, keyed by `seed`.
  std::optional<ModelConfig> occvla = std::nullopt;
  uint64_t seed = 0;
  /// A VQ-VAE to take instead of a random one (vqvae_file.h); needs `occvla`, whose sizes it sets.
  std::optional<std::filesystem::path> vqvae = std::nullopt;
};

/// Copies a checkpoint under canonical names, without lm_head, with its tokenizer. Values and types
/// of what is there are kept bit for bit; new tensors have the type of the embedding.
void ConvertHuggingFace(const HuggingFaceConversion& conversion,
                        const WriteProgress& progress = {});

/// Writes OccWorld's VQ-VAE (`.pth`) as a folder: `vqvae.*` in model.safetensors, config.json with
/// its sizes, origin.json. Values and types are kept.
void ConvertOccWorld(const std::filesystem::path& pth, const std::filesystem::path& out,
                     const WriteProgress& progress = {});

}  // namespace occvla::model
