#pragma once
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "occvla/base/config.h"
#include "occvla/infer/engine.h"

template <>
struct occvla::EnumNames<occvla::infer::ComputeType> {
  static constexpr std::pair<std::string_view, infer::ComputeType> kNames[] = {
      {"auto", infer::ComputeType::kAuto},
      {"f32", infer::ComputeType::kFloat32},
      {"bf16", infer::ComputeType::kBFloat16}};
};

namespace occvla::cli {

/// Which mask a model runs under: its checkpoint's own, or one of model::MaskMode.
enum class MaskChoice { kCheckpoint, kOccvla, kPaligemma };

}  // namespace occvla::cli

template <>
struct occvla::EnumNames<occvla::cli::MaskChoice> {
  static constexpr std::pair<std::string_view, cli::MaskChoice> kNames[] = {
      {"checkpoint", cli::MaskChoice::kCheckpoint},
      {"occvla", cli::MaskChoice::kOccvla},
      {"paligemma", cli::MaskChoice::kPaligemma}};
};

namespace occvla::cli {

/// How `occvla predict` runs: configs/predict.toml, `--set`, or the flags that stand for a field.
struct PredictConfig {
  struct Model {
    std::filesystem::path checkpoint;
    infer::ComputeType dtype = infer::ComputeType::kAuto;
    std::string device = "cpu";
    int threads = 0;
    int64_t max_text_tokens = 1024;
    MaskChoice mask = MaskChoice::kCheckpoint;

    template <typename Visitor>
    void VisitFields(Visitor&& v) {
      v("checkpoint", checkpoint, "checkpoint folder");
      v("dtype", dtype,
        "type to compute in: auto (bf16 for 16-bit weights where the CPU multiplies it natively), "
        "f32, bf16");
      v("device", device, "cpu, cuda or cuda:N");
      v("threads", threads, "0 = all cores");
      v("max_text_tokens", max_text_tokens, "room for question and answer in the cache, tokens");
      v("mask", mask,
        "checkpoint, occvla (images see images alone) or paligemma (images see the prompt too)");
    }
  };
  struct Answer {
    bool text = true;
    std::string prompt;
    int64_t max_new_tokens = 256;
    std::vector<std::string> stop;
    double temperature = 0, top_p = 1;
    uint64_t seed = 0;
    bool legal_meta_action = false;

    template <typename Visitor>
    void VisitFields(Visitor&& v) {
      v("text", text, "false: no answer, trajectory and occupancy alone");
      v("prompt", prompt, "question; empty = the chain-of-thought question for the meta action");
      v("max_new_tokens", max_new_tokens, "longest answer, tokens");
      v("stop", stop, "texts that end the answer");
      v("temperature", temperature, "0 = always the likeliest token");
      v("top_p", top_p, "sample from the likeliest ids of this mass, above 0 and at most 1");
      v("seed", seed, "of sampling: the same seed, the same answer");
      v("legal_meta_action", legal_meta_action,
        "the answer names one of the eighteen legal meta actions");
    }
  };
  Model model;
  Answer answer;

  template <typename Visitor>
  void VisitFields(Visitor&& v) {
    v("model", model, "which model, and how it is computed");
    v("answer", answer, "what is asked, and how the answer is drawn");
  }

  /// Throws one ConfigError that names every broken rule.
  void Validate() const;
  infer::EngineOptions EngineOptions() const;
  /// The request, but for its frame.
  infer::Request Request() const;
};

}  // namespace occvla::cli
