#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>

#include "occvla/base/dtype.h"
#include "occvla/model/files/config.h"
#include "occvla/model/files/folder_writer.h"

namespace occvla::model {

/// Writes a checkpoint folder with random weights (random_init.h): the same config, seed and type
/// give the same weight bytes on any machine. `dtype` is F32, BF16 or F16. The tokenizer is copied
/// from `tokenizer_folder`, else the program's small one is written, with at most 2048 ids.
/// Throws what WriteFolder throws, and ConfigError for a broken config or another type.
void InitCheckpoint(const ModelConfig& config, uint64_t seed, DType dtype,
                    const std::filesystem::path& out,
                    const std::optional<std::filesystem::path>& tokenizer_folder = std::nullopt,
                    const WriteProgress& progress = {});

}  // namespace occvla::model
