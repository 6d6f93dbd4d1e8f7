#include "occvla/base/error.h"
#include "occvla/base/text.h"
#include "occvla/model/files/config.h"

namespace occvla::model {
namespace {

/// For tests: everything is there, nothing is large.
ModelConfig Tiny() {
  ModelConfig c;
  c.vision = {.image_size = 56,
              .patch_size = 14,
              .hidden = 32,
              .layers = 2,
              .heads = 2,
              .intermediate = 64};
  c.text = {.hidden = 64,
            .layers = 3,
            .heads = 4,
            .key_heads = 2,
            .head_size = 16,
            .intermediate = 128,
            .vocabulary = 512,
            .query_pre_attn_scalar = 16};
  c.adapters = {.placement = "pfeiffer", .reduction = 4};
  c.vqvae = {.class_width = 4, .channels = 8, .latent = 16, .codebook = 32};
  c.planner = {.velocity_width = 8, .direction_width = 8, .visual_width = 16, .hidden = 32};
  return c;
}

/// The model that comes with the program: under 15 MB in bfloat16.
ModelConfig Nano() {
  ModelConfig c;
  c.vision = {.image_size = 112,
              .patch_size = 14,
              .hidden = 128,
              .layers = 6,
              .heads = 4,
              .intermediate = 384};
  c.text = {.hidden = 192,
            .layers = 6,
            .heads = 4,
            .key_heads = 2,
            .head_size = 64,
            .intermediate = 512,
            .vocabulary = 2048,
            .query_pre_attn_scalar = 64};
  c.adapters = {.placement = "pfeiffer", .reduction = 16};
  c.vqvae = {.class_width = 8, .channels = 16, .latent = 32, .codebook = 512};
  c.occupancy.grid = 25;
  c.planner = {.velocity_width = 32, .direction_width = 32, .visual_width = 64, .hidden = 256};
  return c;
}

/// PaliGemma 2: SigLIP So400m in front of Gemma 2 2B, 9B or 27B (facts A.1).
ModelConfig PaliGemma2(std::string_view size, int64_t image_size) {
  ModelConfig c;
  c.vision.image_size = image_size;
  if (size == "10b") {
    c.text = {.hidden = 3584,
              .layers = 42,
              .heads = 16,
              .key_heads = 8,
              .head_size = 256,
              .intermediate = 14336,
              .query_pre_attn_scalar = 256};
  } else if (size == "28b") {
    c.text = {.hidden = 4608,
              .layers = 46,
              .heads = 32,
              .key_heads = 16,
              .head_size = 128,
              .intermediate = 36864,
              .query_pre_attn_scalar = 144};
  }
  c.adapters = {.placement = "pfeiffer", .reduction = 16};
  return c;
}

}  // namespace

const std::vector<std::string>& PresetNames() {
  static const std::vector<std::string> names = {
      "tiny",
      "nano",
      "paligemma2-3b-224",
      "paligemma2-3b-448",
      "paligemma2-3b-896",
      "paligemma2-10b-224",
      "paligemma2-10b-448",
      "paligemma2-10b-896",
      "paligemma2-28b-224",
      "paligemma2-28b-448",
      "paligemma2-28b-896",
  };
  return names;
}

ModelConfig Preset(std::string_view name) {
  ModelConfig config;
  bool known = false;
  for (const auto& preset : PresetNames()) known = known || preset == name;
  if (!known) {
    const auto near = Nearest(name, PresetNames());
    throw ConfigError("preset \"" + std::string(name) + "\" is not known. " +
                      (near.empty() ? "" : "Did you mean " + Join(near, " or ") + "? ") +
                      "Presets: " + Join(PresetNames(), ", ") + ".");
  }
  if (name == "tiny") {
    config = Tiny();
  } else if (name == "nano") {
    config = Nano();
  } else {
    const auto dash = name.find('-'), last = name.rfind('-');
    config = PaliGemma2(name.substr(dash + 1, last - dash - 1),
                        std::stoll(std::string(name.substr(last + 1))));
  }
  config.preset = std::string(name);
  return config;
}

}  // namespace occvla::model
