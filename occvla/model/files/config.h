#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace occvla::model {

/// SigLIP (facts/model.md A.1, A.2).
struct VisionConfig {
  int64_t image_size = 224, patch_size = 14;
  int64_t hidden = 1152, layers = 27, heads = 16, intermediate = 4304;
  double norm_eps = 1e-6;
  std::string resize = "bicubic";  ///< bicubic (Pillow's) | bilinear (antialiased).
  int64_t tokens() const { return (image_size / patch_size) * (image_size / patch_size); }
};

/// Gemma 2 (facts A.1, A.4).
struct TextConfig {
  int64_t hidden = 2304, layers = 26, heads = 8, key_heads = 4, head_size = 256;
  int64_t intermediate = 9216, vocabulary = 257216;
  double query_pre_attn_scalar = 256, rope_theta = 10000, norm_eps = 1e-6;
  double attn_softcap = 50;   ///< 0 = off.
  double final_softcap = 0;   ///< 0 = off; 30 in gemma.cpp and early transformers (facts A.5).
  int64_t sliding_window = 4096;  ///< On even layers; 0 = none.
};

/// facts C7. occvla: images see images; prefix sees images and itself; suffix causal. paligemma:
/// images and prefix see each other both ways.
enum class MaskMode { kOccvla, kPaligemma };

/// facts C9, C10, D.
struct AdapterConfig {
  std::string placement = "none";  ///< none | pfeiffer (after FFN) | houlsby (both) | adapterhub_gemma2
  int64_t reduction = 16;
  std::string activation = "gelu";  ///< gelu | relu
  double scale = 1.0;
};

/// facts C1 to C6, C8, C11.
struct OccupancyConfig {
  bool enabled = true;
  int64_t grid = 50;               ///< Queries = grid^2; 50 one per latent cell, 25 with pixel shuffle.
  std::string position = "shared";  ///< shared (all at N_img) | sequential
  bool self_attention = false;      ///< Queries also see each other (ablation).
  bool own_adapters = false;        ///< A set of adapters for occupancy tokens only.
  bool text_sees = false;           ///< Text attends to occupancy K,V (ablation of section 3.2).
  bool quantise = false;            ///< Snap z to the codebook, straight-through.
  bool new_head = false;            ///< Linear 8 -> 18 instead of the tied class embeddings.
};

/// OccWorld's scene VQ-VAE (facts B).
struct VqvaeConfig {
  int64_t classes = 18, class_width = 8;      ///< nn.Embedding(classes, class_width).
  int64_t height = 200, width = 200, depth = 16;
  int64_t channels = 64;                      ///< Base width; levels are 1, 2, 4 times that.
  int64_t latent = 128, codebook = 512;
};

/// facts C.3.
struct PlannerConfig {
  int64_t velocity_width = 64, direction_width = 64, visual_width = 256, hidden = 512;
  int64_t history = 4;              ///< Past positions used; 0 = table 5's "no ego trajectory".
  bool velocity = true;             ///< Previous velocity as an input.
  std::string pool = "mean";        ///< mean | query (one learned query over the image tokens)
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
  bool camera_embedding = true;   ///< [6, D], zero-initialised (facts C13).
  bool camera_rays = false;       ///< Zero-initialised MLP of each patch's ray (facts C13).
  bool hf_scale_roundtrip = false;  ///< Divide image features by sqrt(D), then multiply (facts A.3).
  bool bf16_residual = false;     ///< Residual stream in the compute type instead of float32 (C.5).
  bool has_occupancy = true;      ///< Checkpoint holds occupancy.*, vqvae.*.
  bool has_planner = true;        ///< Checkpoint holds planner.*.

  /// The config of a plain PaliGemma: no camera embedding, adapters, occupancy or planner.
  int64_t image_tokens() const { return cameras * vision.tokens(); }
  /// Throws ConfigError listing every rule that is broken (head sizes, divisibility, bounds).
  void Validate() const;
};

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

}  // namespace occvla::model
