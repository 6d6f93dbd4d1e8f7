#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/base/config.h"

namespace occvla::model {

/// SigLIP (facts/model.md A.1, A.2).
struct VisionConfig {
  int64_t image_size = 224, patch_size = 14;
  int64_t hidden = 1152, layers = 27, heads = 16, intermediate = 4304;
  double norm_eps = 1e-6;
  std::string resize = "bicubic";  ///< bicubic (Pillow's) | bilinear (antialiased).
  int64_t tokens() const { return (image_size / patch_size) * (image_size / patch_size); }

  template <typename Visitor>
  void VisitFields(Visitor&& v) {
    v("image_size", image_size, "side of the square input image, pixels");
    v("patch_size", patch_size, "side of a patch, pixels");
    v("hidden", hidden, "width of the vision tower");
    v("layers", layers, "layers of the vision tower");
    v("heads", heads, "attention heads");
    v("intermediate", intermediate, "inner width of the MLP");
    v("norm_eps", norm_eps, "LayerNorm epsilon");
    v("resize", resize, "bicubic (Pillow) | bilinear (antialiased)");
  }
};

/// Gemma 2 (facts A.1, A.4).
struct TextConfig {
  int64_t hidden = 2304, layers = 26, heads = 8, key_heads = 4, head_size = 256;
  int64_t intermediate = 9216, vocabulary = 257216;
  double query_pre_attn_scalar = 256, rope_theta = 10000, norm_eps = 1e-6;
  double attn_softcap = 50;       ///< 0 = off.
  double final_softcap = 0;       ///< 0 = off; 30 in gemma.cpp and early transformers (facts A.5).
  int64_t sliding_window = 4096;  ///< On even layers; 0 = none.

  template <typename Visitor>
  void VisitFields(Visitor&& v) {
    v("hidden", hidden, "width of the language model");
    v("layers", layers, "decoder layers");
    v("heads", heads, "query heads");
    v("key_heads", key_heads, "key and value heads");
    v("head_size", head_size, "width of a head");
    v("intermediate", intermediate, "inner width of the gated MLP");
    v("vocabulary", vocabulary, "rows of the token embedding");
    v("query_pre_attn_scalar", query_pre_attn_scalar, "scores are divided by its square root");
    v("rope_theta", rope_theta, "base of the rotary angles");
    v("norm_eps", norm_eps, "RMSNorm epsilon");
    v("attn_softcap", attn_softcap, "soft cap of attention scores; 0 = off");
    v("final_softcap", final_softcap, "soft cap of logits; 0 = off");
    v("sliding_window", sliding_window, "keys seen by even layers; 0 = all");
  }
};

/// facts C7. occvla: images see images; prefix sees images and itself; suffix causal. paligemma:
/// images and prefix see each other both ways.
enum class MaskMode { kOccvla, kPaligemma };
}  // namespace occvla::model

template <>
struct occvla::EnumNames<occvla::model::MaskMode> {
  static constexpr std::pair<std::string_view, model::MaskMode> kNames[] = {
      {"occvla", model::MaskMode::kOccvla}, {"paligemma", model::MaskMode::kPaligemma}};
};

namespace occvla::model {

std::string_view MaskModeName(MaskMode mask);  ///< "occvla", "paligemma"
std::optional<MaskMode> MaskModeFromName(std::string_view name);

/// facts C9, C10, D.
struct AdapterConfig {
  std::string placement =
      "none";  ///< none | pfeiffer (after FFN) | houlsby (both) | adapterhub_gemma2
  int64_t reduction = 16;
  std::string activation = "gelu";  ///< gelu | relu
  double scale = 1.0;

  template <typename Visitor>
  void VisitFields(Visitor&& v) {
    v("placement", placement, "none | pfeiffer | houlsby | adapterhub_gemma2");
    v("reduction", reduction, "bottleneck = width / reduction, at least 1");
    v("activation", activation, "gelu | relu");
    v("scale", scale, "factor on what the adapter adds");
  }
};

/// facts C1 to C6, C8, C11.
struct OccupancyConfig {
  int64_t grid = 50;  ///< Queries = grid^2; 50 one per latent cell, 25 with pixel shuffle.
  std::string position = "shared";  ///< shared (all at N_img) | sequential
  bool self_attention = false;      ///< Queries also see each other (ablation).
  bool own_adapters = false;        ///< A set of adapters for occupancy tokens only.
  bool text_sees = false;           ///< Text attends to occupancy K,V (ablation of section 3.2).
  bool quantise = false;            ///< Snap z to the codebook, straight-through.
  bool new_head = false;            ///< Linear 8 -> 18 instead of the tied class embeddings.

  template <typename Visitor>
  void VisitFields(Visitor&& v) {
    v("grid", grid, "queries = grid^2");
    v("position", position, "shared | sequential rotary positions of the queries");
    v("self_attention", self_attention, "queries also see each other");
    v("own_adapters", own_adapters, "adapters for occupancy tokens only");
    v("text_sees", text_sees, "text attends to occupancy");
    v("quantise", quantise, "snap the latent to the codebook");
    v("new_head", new_head, "a linear head instead of the tied class embeddings");
  }
};

/// OccWorld's scene VQ-VAE (facts B).
struct VqvaeConfig {
  int64_t classes = 18, class_width = 8;  ///< nn.Embedding(classes, class_width).
  int64_t height = 200, width = 200, depth = 16;
  int64_t channels = 64;  ///< Base width; levels are 1, 2, 4 times that.
  int64_t latent = 128, codebook = 512;

  template <typename Visitor>
  void VisitFields(Visitor&& v) {
    v("classes", classes, "voxel classes");
    v("class_width", class_width, "width of a class embedding");
    v("height", height, "voxels along x");
    v("width", width, "voxels along y");
    v("depth", depth, "voxels along z");
    v("channels", channels, "base width; levels are 1, 2, 4 times that");
    v("latent", latent, "width of a latent cell");
    v("codebook", codebook, "rows of the codebook");
  }
};

/// facts C.3.
struct PlannerConfig {
  int64_t velocity_width = 64, direction_width = 64, visual_width = 256, hidden = 512;
  int64_t history = 4;        ///< Past positions used; 0 = table 5's "no ego trajectory".
  bool velocity = true;       ///< Previous velocity as an input.
  std::string pool = "mean";  ///< mean | query (one learned query over the image tokens)

  template <typename Visitor>
  void VisitFields(Visitor&& v) {
    v("velocity_width", velocity_width, "width of the velocity-action embedding");
    v("direction_width", direction_width, "width of the direction-action embedding");
    v("visual_width", visual_width, "width of the pooled visual input");
    v("hidden", hidden, "width of the MLP");
    v("history", history, "past positions used; 0 = none");
    v("velocity", velocity, "previous velocity as an input");
    v("pool", pool, "mean | query");
  }
};

struct ModelConfig {
  std::string preset;  ///< Name it came from; informative.
  int64_t cameras = 6;
  VisionConfig vision;
  TextConfig text;
  MaskMode mask = MaskMode::kOccvla;
  AdapterConfig adapters;
  OccupancyConfig occupancy;
  VqvaeConfig vqvae;
  PlannerConfig planner;
  bool camera_embedding = true;  ///< [6, D], zero-initialised (facts C13).
  bool camera_rays = false;      ///< Zero-initialised MLP of each patch's ray (facts C13).
  bool hf_scale_roundtrip =
      false;                   ///< Divide image features by sqrt(D), then multiply (facts A.3).
  bool bf16_residual = false;  ///< Residual stream in the compute type instead of float32 (C.5).
  bool has_occupancy = true;   ///< Checkpoint holds occupancy.*, vqvae.*.
  bool has_planner = true;     ///< Checkpoint holds planner.*.

  int64_t image_tokens() const { return cameras * vision.tokens(); }
  /// Throws ConfigError listing every rule that is broken (head sizes, divisibility, bounds).
  void Validate() const;

  template <typename Visitor>
  void VisitFields(Visitor&& v) {
    v("preset", preset, "preset the sizes came from");
    v("cameras", cameras, "images of a frame");
    v("vision", vision, "SigLIP");
    v("text", text, "Gemma 2");
    v("mask", mask, "occvla | paligemma");
    v("adapters", adapters, "bottleneck adapters");
    v("occupancy", occupancy, "occupancy branch");
    v("vqvae", vqvae, "scene VQ-VAE");
    v("planner", planner, "planning head");
    v("camera_embedding", camera_embedding, "learned embedding of the camera");
    v("camera_rays", camera_rays, "MLP of each patch's viewing ray");
    v("hf_scale_roundtrip", hf_scale_roundtrip, "divide image features by sqrt(D), then multiply");
    v("bf16_residual", bf16_residual, "residual stream in the compute type");
    v("has_occupancy", has_occupancy, "the checkpoint holds the occupancy branch");
    v("has_planner", has_planner, "the checkpoint holds the planner");
  }
};

/// Every rule that `config` breaks, one line each; empty when it is sound.
std::vector<std::string> BrokenRules(const ModelConfig& config);
std::vector<std::string> BrokenRules(const VqvaeConfig& config);

/// tiny, nano, paligemma2-{3b,10b,28b}-{224,448,896}. Throws ConfigError naming the nearest.
ModelConfig Preset(std::string_view name);
const std::vector<std::string>& PresetNames();

/// `config.json`: Hugging Face's PaliGemma fields (`model_type`, `text_config`, `vision_config`,
/// ...) and ours under "occvla". A folder without "occvla" is a plain PaliGemma 2 (has_occupancy,
/// has_planner, camera_embedding false; final_softcap 0 whatever text_config says, facts A.5).
/// `where` opens every complaint; CheckpointError lists all of them.
ModelConfig ConfigFromJson(const std::string& json, const std::string& where);
std::string ConfigToJson(const ModelConfig& config);

/// A tensor that a model of this config has.
struct TensorSpec {
  std::string name;
  std::vector<int64_t> shape;
};
/// Every tensor, canonical names: transformers' on-disk names of 4.51 to 5.0 (facts A.8 table),
/// without lm_head (tied), then ours (design.md section 3).
std::vector<TensorSpec> ExpectedTensors(const ModelConfig& config);
/// The VQ-VAE's alone, OccWorld's keys without prefix (222 at the default sizes).
std::vector<TensorSpec> VqvaeTensors(const VqvaeConfig& config);
int64_t Elements(const TensorSpec& spec);
int64_t ParameterCount(const std::vector<TensorSpec>& specs);

}  // namespace occvla::model
