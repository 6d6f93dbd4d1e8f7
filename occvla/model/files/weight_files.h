#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/base/safetensors.h"

namespace occvla::model {

/// The safetensors files of one folder, and every tensor in them by its name in the file.
struct WeightFiles {
  std::vector<std::shared_ptr<const SafetensorsFile>> files;  ///< Sorted by file name.
  std::map<std::string, TensorView, std::less<>> tensors;     ///< Views into `files`.
};

/// `model.safetensors`, or the shards that `model.safetensors.index.json` names. Throws
/// CheckpointError: no weights, both forms at once, a shard that lies outside the folder, is
/// absent, holds a tensor that the index does not list or lacks one that it lists.
WeightFiles OpenWeightFiles(const std::filesystem::path& folder);

/// Parses an index: tensor name -> shard file name (a plain name, never a path). `where` opens
/// every complaint; CheckpointError lists all of them.
std::map<std::string, std::string> ParseWeightIndex(std::string_view json,
                                                    const std::string& where);

/// The canonical name (config.h) of a tensor under any naming that transformers has written (facts
/// A.8). Names of other makers come back unchanged. "language_model.lm_head.weight" is the tied
/// output embedding, which is no tensor of ours.
std::string CanonicalName(std::string_view name);

/// A small text file of a checkpoint: as ReadTextFile, but every complaint is a CheckpointError.
std::string ReadCheckpointText(const std::filesystem::path& path, size_t max_bytes);

}  // namespace occvla::model
