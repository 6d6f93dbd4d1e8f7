#include <algorithm>

#include "occvla/base/error.h"
#include "occvla/base/text.h"
#include "occvla/model/files/config.h"
#include "occvla/model/files/json_fields.h"

namespace occvla::model {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

/// transformers' defaults of SiglipVisionConfig, which a vision_config that leaves fields out
/// means.
VisionConfig SiglipDefaults() {
  return {.image_size = 224,
          .patch_size = 16,
          .hidden = 768,
          .layers = 12,
          .heads = 12,
          .intermediate = 3072};
}

void ReadVision(const json& object, VisionConfig& vision, std::vector<std::string>& complaints) {
  JsonFields fields(object, "vision_config.", complaints);
  vision = SiglipDefaults();
  fields.MustBe("model_type", "siglip_vision_model", "no other vision tower is built in");
  fields.Read("image_size", vision.image_size);
  fields.Read("patch_size", vision.patch_size);
  fields.Read("hidden_size", vision.hidden);
  fields.Read("num_hidden_layers", vision.layers);
  fields.Read("num_attention_heads", vision.heads);
  fields.Read("intermediate_size", vision.intermediate);
  fields.Read("layer_norm_eps", vision.norm_eps);
  fields.MustBe("num_channels", 3, "images are RGB");
  fields.MustBe("hidden_act", "gelu_pytorch_tanh", "no other activation is built in");
}

/// transformers alternates sliding and full attention, starting with sliding; newer versions list
/// it.
void ReadWindow(JsonFields& fields, TextConfig& text) {
  fields.ReadNullable("sliding_window", text.sliding_window, 0);
  const json* types = fields.Find("layer_types");
  if (types == nullptr) return;
  bool alternate = types->is_array(), full = types->is_array();
  if (types->is_array()) {
    for (size_t i = 0; i < types->size(); ++i) {
      const bool is_full = (*types)[i] == "full_attention";
      full = full && is_full;
      alternate = alternate && (i % 2 == 1 ? is_full : (*types)[i] == "sliding_attention");
    }
    if (static_cast<int64_t>(types->size()) != text.layers) {
      fields.Complain("layer_types", "must name each of the " + std::to_string(text.layers) +
                                         " layers, but has " + std::to_string(types->size()));
      return;
    }
  }
  if (full) {
    text.sliding_window = 0;
  } else if (!alternate) {
    fields.Complain(
        "layer_types",
        "must be \"sliding_attention\" and \"full_attention\" in turn, or full everywhere");
  }
}

/// 5.x keeps theta in `rope_parameters`, earlier versions beside the other fields.
void ReadRope(JsonFields& fields, TextConfig& text, std::vector<std::string>& complaints) {
  fields.Read("rope_theta", text.rope_theta);
  if (fields.Find("rope_scaling") != nullptr) {
    fields.Complain("rope_scaling", "must be absent or null: Gemma 2 does not scale positions");
  }
  if (const json* rope = fields.Object("rope_parameters")) {
    JsonFields inner(*rope, "text_config.rope_parameters.", complaints);
    inner.Read("rope_theta", text.rope_theta);
    inner.MustBe("rope_type", "default", "Gemma 2 does not scale positions");
  }
}

void ReadText(const json& object, TextConfig& text, std::vector<std::string>& complaints) {
  JsonFields fields(object, "text_config.", complaints);
  const json* type = fields.Find("model_type");
  // PaliGemma 1 has no soft caps and two norms a layer: silently reading it as Gemma 2 would run
  // and talk nonsense. transformers takes "gemma" where the field is absent.
  const json found = type == nullptr ? json("gemma") : *type;
  if (found != "gemma2") {
    fields.Complain("model_type",
                    "must be \"gemma2\" (PaliGemma 2), but is " + Describe(found) +
                        (found == "gemma" ? ": this is a PaliGemma 1 checkpoint" : ""));
    return;
  }
  text.vocabulary = 256000;  // Gemma2Config's default.
  fields.Read("hidden_size", text.hidden);
  fields.Read("num_hidden_layers", text.layers);
  fields.Read("num_attention_heads", text.heads);
  fields.Read("num_key_value_heads", text.key_heads);
  fields.Read("head_dim", text.head_size);
  fields.Read("intermediate_size", text.intermediate);
  fields.Read("vocab_size", text.vocabulary);
  fields.Read("query_pre_attn_scalar", text.query_pre_attn_scalar);
  fields.Read("rms_norm_eps", text.norm_eps);
  fields.ReadNullable("attn_logit_softcapping", text.attn_softcap, 0);
  ReadRope(fields, text, complaints);
  ReadWindow(fields, text);
  fields.MustBe("attention_bias", false, "Gemma 2 has none");
  fields.MustBe("hidden_activation", "gelu_pytorch_tanh", "no other activation is built in");
  fields.MustBe("tie_word_embeddings", true, "the output embedding is the input embedding");
}

/// What "occvla" holds: the fields that Hugging Face's sections have no place for.
template <typename Visitor>
void VisitOwnFields(ModelConfig& config, Visitor& v) {
  v("preset", config.preset, "");
  v("cameras", config.cameras, "");
  v("resize", config.vision.resize, "");
  v("final_softcap", config.text.final_softcap, "");
  v("mask", config.mask, "");
  v("adapters", config.adapters, "");
  v("occupancy", config.occupancy, "");
  v("vqvae", config.vqvae, "");
  v("planner", config.planner, "");
  v("camera_embedding", config.camera_embedding, "");
  v("camera_rays", config.camera_rays, "");
  v("hf_scale_roundtrip", config.hf_scale_roundtrip, "");
  v("bf16_residual", config.bf16_residual, "");
  v("has_occupancy", config.has_occupancy, "");
  v("has_planner", config.has_planner, "");
}

ordered_json Nullable(double value) {
  return value > 0 ? ordered_json(value) : ordered_json(nullptr);
}

ordered_json TextJson(const ModelConfig& config) {
  const TextConfig& text = config.text;
  ordered_json types = ordered_json::array();
  for (int64_t i = 0; i < text.layers; ++i) {
    types.push_back(text.sliding_window > 0 && i % 2 == 0 ? "sliding_attention" : "full_attention");
  }
  return {{"model_type", "gemma2"},
          {"hidden_size", text.hidden},
          {"num_hidden_layers", text.layers},
          {"num_attention_heads", text.heads},
          {"num_key_value_heads", text.key_heads},
          {"head_dim", text.head_size},
          {"intermediate_size", text.intermediate},
          {"vocab_size", text.vocabulary},
          {"query_pre_attn_scalar", text.query_pre_attn_scalar},
          {"rope_theta", text.rope_theta},
          {"rms_norm_eps", text.norm_eps},
          {"attn_logit_softcapping", Nullable(text.attn_softcap)},
          {"final_logit_softcapping", Nullable(text.final_softcap)},
          {"sliding_window",
           text.sliding_window > 0 ? ordered_json(text.sliding_window) : ordered_json(nullptr)},
          {"layer_types", types},
          {"attention_bias", false},
          {"attention_dropout", 0.0},
          {"hidden_activation", "gelu_pytorch_tanh"},
          {"max_position_embeddings", 8192},
          {"num_image_tokens", config.vision.tokens()}};
}

ordered_json VisionJson(const ModelConfig& config) {
  const VisionConfig& vision = config.vision;
  return {{"model_type", "siglip_vision_model"},  {"image_size", vision.image_size},
          {"patch_size", vision.patch_size},      {"num_channels", 3},
          {"hidden_size", vision.hidden},         {"num_hidden_layers", vision.layers},
          {"num_attention_heads", vision.heads},  {"intermediate_size", vision.intermediate},
          {"layer_norm_eps", vision.norm_eps},    {"attention_dropout", 0.0},
          {"hidden_act", "gelu_pytorch_tanh"},    {"num_image_tokens", vision.tokens()},
          {"projection_dim", config.text.hidden}, {"vision_use_head", false}};
}

}  // namespace

ModelConfig ConfigFromJson(const std::string& text, const std::string& where) {
  const json root = ParseJsonObject(text, where);
  std::vector<std::string> complaints;
  ModelConfig config;
  JsonFields fields(root, "", complaints);

  if (root.find("model_type") == root.end()) {
    fields.Complain("model_type", "is missing; it must be \"paligemma\"");
  }
  fields.MustBe("model_type", "paligemma", "no other model is built in");
  fields.MustBe("tie_word_embeddings", true, "the output embedding is the input embedding");
  const json empty = json::object();
  const json* text_config = fields.Object("text_config");
  ReadText(text_config != nullptr ? *text_config : empty, config.text, complaints);
  if (const json* vision_config = fields.Object("vision_config")) {
    ReadVision(*vision_config, config.vision, complaints);
    JsonFields vision(*vision_config, "vision_config.", complaints);
    vision.MustBe("projection_dim", config.text.hidden, "the width of text_config");
  }

  if (const json* own = fields.Object("occvla")) {
    JsonStrictReader reader(*own, "occvla.", complaints);
    VisitOwnFields(config, reader);
    reader.Finish();
  } else {
    config.has_occupancy = config.has_planner = config.camera_embedding = false;
  }
  // Sizes that could not be read kept their defaults; judging those would mislead.
  if (complaints.empty()) complaints = BrokenRules(config);
  if (complaints.empty()) return config;
  std::string message = where + ":";
  for (const auto& line : complaints) message += "\n  - " + line;
  throw CheckpointError(message);
}

std::string ConfigToJson(const ModelConfig& config) {
  ordered_json own = ordered_json::object();
  JsonWriter writer(own);
  ModelConfig copy = config;  // Visitors take fields by reference.
  VisitOwnFields(copy, writer);
  // The last row of the embedding stands for an image token in transformers; text never has it.
  const ordered_json root = {
      {"architectures", {"PaliGemmaForConditionalGeneration"}},
      {"model_type", "paligemma"},
      {"bos_token_id", 2},
      {"eos_token_id", 1},
      {"pad_token_id", 0},
      {"image_token_index", std::min<int64_t>(257152, config.text.vocabulary - 1)},
      {"hidden_size", config.text.hidden},
      {"projection_dim", config.text.hidden},
      {"text_config", TextJson(config)},
      {"vision_config", VisionJson(config)},
      {"occvla", own}};
  return root.dump(2) + "\n";
}

}  // namespace occvla::model
