#include "occvla/model/files/config.h"

#include <cmath>

#include "occvla/base/error.h"
#include "occvla/base/text.h"

namespace occvla::model {
namespace {

/// Collects the rules that a config breaks.
class Rules {
 public:
  explicit Rules(std::vector<std::string>& broken) : broken_(broken) {}

  /// The bound keeps every product of two sizes far from 2^63 and every allocation explicable.
  void Between(const char* field, int64_t value, int64_t least, int64_t most) {
    if (value >= least && value <= most) return;
    broken_.push_back(std::string(field) + " must be from " + std::to_string(least) + " to " +
                      std::to_string(most) + ", is " + std::to_string(value));
  }
  void Number(const char* field, double value, double least, double most) {
    if (value >= least && value <= most) return;
    broken_.push_back(std::string(field) + " must be from " + Show(least) + " to " + Show(most) +
                      ", is " + Show(value));
  }
  void Divides(const char* field, int64_t value, const char* by_field, int64_t by) {
    if (value <= 0 || by <= 0 || value % by == 0) return;  // Bounds are complained about elsewhere.
    broken_.push_back(std::string(field) + " (" + std::to_string(value) +
                      ") must be a multiple of " + by_field + " (" + std::to_string(by) + ")");
  }
  void OneOf(const char* field, const std::string& value, const std::vector<std::string>& allowed) {
    for (const auto& name : allowed) {
      if (name == value) return;
    }
    broken_.push_back(std::string(field) + " must be one of " + Join(allowed, ", ") + ", is \"" +
                      value + "\"");
  }
  void Add(std::string text) { broken_.push_back(std::move(text)); }

 private:
  static std::string Show(double value) {
    char text[32];
    std::snprintf(text, sizeof(text), "%g", value);
    return text;
  }
  std::vector<std::string>& broken_;
};

void CheckVision(const VisionConfig& c, Rules& rules) {
  rules.Between("vision.image_size", c.image_size, 1, 4096);
  rules.Between("vision.patch_size", c.patch_size, 1, 256);
  rules.Divides("vision.image_size", c.image_size, "vision.patch_size", c.patch_size);
  rules.Between("vision.hidden", c.hidden, 1, 65536);
  rules.Between("vision.layers", c.layers, 1, 512);
  rules.Between("vision.heads", c.heads, 1, 1024);
  rules.Divides("vision.hidden", c.hidden, "vision.heads", c.heads);
  rules.Between("vision.intermediate", c.intermediate, 1, 262144);
  rules.Number("vision.norm_eps", c.norm_eps, 1e-12, 1e-2);
  rules.OneOf("vision.resize", c.resize, {"bicubic", "bilinear"});
}

void CheckText(const TextConfig& c, Rules& rules) {
  rules.Between("text.hidden", c.hidden, 1, 65536);
  rules.Between("text.layers", c.layers, 1, 512);
  rules.Between("text.heads", c.heads, 1, 1024);
  rules.Between("text.key_heads", c.key_heads, 1, 1024);
  rules.Divides("text.heads", c.heads, "text.key_heads", c.key_heads);
  rules.Between("text.head_size", c.head_size, 2, 1024);
  if (c.head_size > 0 && c.head_size % 2 != 0) {
    rules.Add("text.head_size must be even (rotary pairs), is " + std::to_string(c.head_size));
  }
  rules.Between("text.intermediate", c.intermediate, 1, 262144);
  rules.Between("text.vocabulary", c.vocabulary, 4, 4194304);
  rules.Number("text.query_pre_attn_scalar", c.query_pre_attn_scalar, 1e-3, 1e6);
  rules.Number("text.rope_theta", c.rope_theta, 1, 1e9);
  rules.Number("text.norm_eps", c.norm_eps, 1e-12, 1e-2);
  rules.Number("text.attn_softcap", c.attn_softcap, 0, 1e6);
  rules.Number("text.final_softcap", c.final_softcap, 0, 1e6);
  rules.Between("text.sliding_window", c.sliding_window, 0, int64_t{1} << 30);
}

void CheckVqvae(const VqvaeConfig& c, Rules& rules) {
  rules.Between("vqvae.classes", c.classes, 2, 256);
  rules.Between("vqvae.class_width", c.class_width, 1, 1024);
  rules.Between("vqvae.height", c.height, 4, 4096);
  rules.Between("vqvae.width", c.width, 4, 4096);
  rules.Divides("vqvae.height", c.height, "the encoder's stride", 4);
  rules.Divides("vqvae.width", c.width, "the encoder's stride", 4);
  rules.Between("vqvae.depth", c.depth, 1, 256);
  rules.Between("vqvae.channels", c.channels, 4, 4096);
  // GroupNorm of facts B.3: groups of four channels up to 32 channels, 32 groups above.
  rules.Divides("vqvae.channels", c.channels, c.channels <= 32 ? "four" : "thirty-two",
                c.channels <= 32 ? 4 : 32);
  if (c.channels > 8 && c.channels <= 32) {
    for (int64_t width : {2 * c.channels, 4 * c.channels}) {
      if (width > 32 && width % 32 != 0) {
        rules.Add("vqvae.channels (" + std::to_string(c.channels) + ") gives a level of " +
                  std::to_string(width) + " channels, which must be a multiple of 32");
        break;
      }
    }
  }
  rules.Between("vqvae.latent", c.latent, 1, 65536);
  rules.Between("vqvae.codebook", c.codebook, 2, 1048576);
}

void CheckOccupancy(const ModelConfig& c, Rules& rules) {
  rules.Between("occupancy.grid", c.occupancy.grid, 1, 1024);
  if (c.vqvae.height != c.vqvae.width) {
    rules.Add("vqvae.height (" + std::to_string(c.vqvae.height) + ") and vqvae.width (" +
              std::to_string(c.vqvae.width) + ") must be equal for the occupancy branch");
  }
  rules.Divides("vqvae.height / 4", c.vqvae.height / 4, "occupancy.grid", c.occupancy.grid);
  rules.OneOf("occupancy.position", c.occupancy.position, {"shared", "sequential"});
  if (c.occupancy.own_adapters && c.adapters.placement == "none") {
    rules.Add("occupancy.own_adapters needs adapters.placement other than \"none\"");
  }
}

}  // namespace

std::string_view MaskModeName(MaskMode mask) { return NameOfEnum(mask); }

std::optional<MaskMode> MaskModeFromName(std::string_view name) {
  for (const auto& [word, mode] : EnumNames<MaskMode>::kNames) {
    if (word == name) return mode;
  }
  return std::nullopt;
}

std::vector<std::string> BrokenRules(const VqvaeConfig& config) {
  std::vector<std::string> broken;
  Rules rules(broken);
  CheckVqvae(config, rules);
  return broken;
}

std::vector<std::string> BrokenRules(const ModelConfig& config) {
  std::vector<std::string> broken;
  Rules rules(broken);
  rules.Between("cameras", config.cameras, 1, 64);
  CheckVision(config.vision, rules);
  CheckText(config.text, rules);
  rules.OneOf("adapters.placement", config.adapters.placement,
              {"none", "pfeiffer", "houlsby", "adapterhub_gemma2"});
  rules.Between("adapters.reduction", config.adapters.reduction, 1, 65536);
  rules.OneOf("adapters.activation", config.adapters.activation, {"gelu", "relu"});
  rules.Number("adapters.scale", config.adapters.scale, 0, 1e3);
  if (config.has_occupancy) {
    CheckVqvae(config.vqvae, rules);
    CheckOccupancy(config, rules);
  }
  if (config.has_planner) {
    rules.Between("planner.velocity_width", config.planner.velocity_width, 1, 65536);
    rules.Between("planner.direction_width", config.planner.direction_width, 1, 65536);
    rules.Between("planner.visual_width", config.planner.visual_width, 1, 65536);
    rules.Between("planner.hidden", config.planner.hidden, 1, 65536);
    rules.Between("planner.history", config.planner.history, 0, 64);
    rules.OneOf("planner.pool", config.planner.pool, {"mean", "query"});
  }
  return broken;
}

void ModelConfig::Validate() const {
  const auto broken = BrokenRules(*this);
  if (broken.empty()) return;
  std::string message = "model config:";
  for (const auto& line : broken) message += "\n  - " + line;
  throw ConfigError(message);
}

}  // namespace occvla::model
