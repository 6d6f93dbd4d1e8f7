#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "occvla/infer/engine.h"

namespace occvla::infer {

struct BenchOptions {
  std::filesystem::path checkpoint;
  ComputeType dtype = ComputeType::kAuto;
  int threads = 0;
  int64_t prompt_tokens = 40;
  int64_t new_tokens = 32;
  int repeats = 1;  ///< Of vision and prefill; decode is measured token by token.
  bool occupancy = true;
};

/// What one run measured; times in milliseconds, medians where there are several.
struct BenchResult {
  std::string isa, compute;
  int threads = 0;
  double open_ms = 0;           ///< From nothing to a model that can answer, pages mapped.
  double vision_ms = 0;         ///< N images through tower and projector.
  double image_prefill_ms = 0;  ///< Image tokens through the language model.
  double prompt_ms = 0;         ///< Prompt tokens on top, with the first logits.
  double token_ms = 0;          ///< Median over the new tokens.
  double second_prompt_ms = 0;  ///< Another question on the same frame: all it costs up to decode.
  double occupancy_hidden_ms = 0, occupancy_decoder_ms = 0;
  bool logits_equal_with_occupancy = false;  ///< Bit for bit, branch on or off.
  double read_gb_per_s = 0;     ///< All threads reading the weights that a token needs.
  double read_ms = 0;           ///< What those bytes take at that speed.
  double gemm_gflop_per_s = 0;  ///< This machine's matrix product in the compute type.
  double vision_gflop = 0, prefill_gflop = 0, occupancy_gflop = 0;  ///< Work done (facts C.4).
  uint64_t weight_bytes = 0, token_bytes = 0, kv_bytes = 0;
  uint64_t peak_before_occupancy_bytes = 0, peak_bytes = 0;
};

/// Runs the model on random pixels and random ids. `say` is told each phase as it begins.
BenchResult BenchModel(const BenchOptions& options,
                       const std::function<void(const std::string&)>& say);

}  // namespace occvla::infer
