#pragma once
#include <filesystem>
#include <optional>

#include "occvla/infer/engine.h"

namespace occvla::infer {

struct DumpOptions {
  std::filesystem::path checkpoint;
  std::filesystem::path
      input;  ///< safetensors: pixel_values, prefix_ids, optional suffix_ids, occ_queries
  std::filesystem::path output;
  std::optional<model::MaskMode> mask;
  std::optional<double> final_softcap;
  ComputeType dtype = ComputeType::kAuto;
  std::string device = "cpu";
};

/// What every part of the model computed for given inputs, as safetensors, for comparison with
/// another implementation (the fixed contract of `occvla dump model`, docs/SHAPES.md): `vision`
/// [N, P, Cv], `image_features` [N, P, C], `hidden` [L, C] after the final norm for images, prefix
/// and suffix, `logits` [P + S, V], `generated` i64 [16] greedy after the prefix without a stop at
/// the end token, `occupancy_hidden` [Q, C], `occupancy_logits` [X, Y, Z, classes]. All floats as
/// float32. Throws DataError for inputs that do not fit.
void DumpModel(const DumpOptions& options);

}  // namespace occvla::infer
