#include "occvla/model/files/config.h"

namespace occvla::model {
namespace {

/// Appends specs under a prefix.
class Specs {
 public:
  explicit Specs(std::vector<TensorSpec>& specs) : specs_(specs) {}

  void Add(std::string name, std::vector<int64_t> shape) {
    specs_.push_back({std::move(name), std::move(shape)});
  }
  void WeightAndBias(const std::string& name, std::vector<int64_t> weight) {
    const int64_t out = weight[0];
    Add(name + ".weight", std::move(weight));
    Add(name + ".bias", {out});
  }
  void Norm(const std::string& name, int64_t width) { WeightAndBias(name, {width}); }

 private:
  std::vector<TensorSpec>& specs_;
};

void AddVision(const VisionConfig& c, Specs& specs) {
  const std::string root = "vision_tower.vision_model.";
  specs.WeightAndBias(root + "embeddings.patch_embedding",
                      {c.hidden, 3, c.patch_size, c.patch_size});
  specs.Add(root + "embeddings.position_embedding.weight", {c.tokens(), c.hidden});
  for (int64_t i = 0; i < c.layers; ++i) {
    const std::string layer = root + "encoder.layers." + std::to_string(i) + ".";
    specs.Norm(layer + "layer_norm1", c.hidden);
    specs.Norm(layer + "layer_norm2", c.hidden);
    for (const char* name : {"q_proj", "k_proj", "v_proj", "out_proj"}) {
      specs.WeightAndBias(layer + "self_attn." + name, {c.hidden, c.hidden});
    }
    specs.WeightAndBias(layer + "mlp.fc1", {c.intermediate, c.hidden});
    specs.WeightAndBias(layer + "mlp.fc2", {c.hidden, c.intermediate});
  }
  specs.Norm(root + "post_layernorm", c.hidden);
}

void AddText(const TextConfig& c, Specs& specs) {
  const std::string root = "language_model.model.";
  specs.Add(root + "embed_tokens.weight", {c.vocabulary, c.hidden});
  const int64_t query_width = c.heads * c.head_size, key_width = c.key_heads * c.head_size;
  for (int64_t i = 0; i < c.layers; ++i) {
    const std::string layer = root + "layers." + std::to_string(i) + ".";
    specs.Add(layer + "self_attn.q_proj.weight", {query_width, c.hidden});
    specs.Add(layer + "self_attn.k_proj.weight", {key_width, c.hidden});
    specs.Add(layer + "self_attn.v_proj.weight", {key_width, c.hidden});
    specs.Add(layer + "self_attn.o_proj.weight", {c.hidden, query_width});
    specs.Add(layer + "mlp.gate_proj.weight", {c.intermediate, c.hidden});
    specs.Add(layer + "mlp.up_proj.weight", {c.intermediate, c.hidden});
    specs.Add(layer + "mlp.down_proj.weight", {c.hidden, c.intermediate});
    for (const char* norm : {"input_layernorm", "post_attention_layernorm",
                             "pre_feedforward_layernorm", "post_feedforward_layernorm"}) {
      specs.Add(layer + norm + ".weight", {c.hidden});
    }
  }
  specs.Add(root + "norm.weight", {c.hidden});
}

void AddAdapters(const ModelConfig& c, const std::string& root, Specs& specs) {
  if (c.adapters.placement == "none") return;
  const int64_t width = c.text.hidden,
                bottleneck = std::max<int64_t>(1, width / c.adapters.reduction);
  for (int64_t i = 0; i < c.text.layers; ++i) {
    for (const char* place : {"ffn", "attn"}) {
      if (std::string_view(place) == "attn" && c.adapters.placement != "houlsby") continue;
      const std::string adapter = root + std::to_string(i) + "." + place;
      specs.WeightAndBias(adapter + ".down", {bottleneck, width});
      specs.WeightAndBias(adapter + ".up", {width, bottleneck});
    }
  }
}

void AddOccupancy(const ModelConfig& c, Specs& specs) {
  const int64_t ratio = c.vqvae.height / 4 / c.occupancy.grid;  // Pixel shuffle, facts C1.
  specs.Add("occupancy.queries.weight", {c.occupancy.grid * c.occupancy.grid, c.text.hidden});
  specs.WeightAndBias("occupancy.projector", {c.vqvae.latent * ratio * ratio, c.text.hidden});
  if (c.occupancy.new_head) {
    specs.WeightAndBias("occupancy.head", {c.vqvae.classes, c.vqvae.class_width});
  }
  if (c.occupancy.own_adapters) AddAdapters(c, "occupancy.adapters.", specs);
  for (auto& spec : VqvaeTensors(c.vqvae)) {
    specs.Add("vqvae." + spec.name, std::move(spec.shape));
  }
}

void AddPlanner(const ModelConfig& c, Specs& specs) {
  const PlannerConfig& p = c.planner;
  specs.Add("planner.velocity_embedding.weight", {3, p.velocity_width});
  specs.Add("planner.direction_embedding.weight", {6, p.direction_width});
  specs.WeightAndBias("planner.visual", {p.visual_width, c.text.hidden});
  if (p.pool == "query") specs.Add("planner.query.weight", {1, c.text.hidden});
  const int64_t input =
      p.velocity_width + p.direction_width + (p.velocity ? 2 : 0) + p.visual_width + 2 * p.history;
  specs.WeightAndBias("planner.mlp.0", {p.hidden, input});
  specs.WeightAndBias("planner.mlp.1", {p.hidden, p.hidden});
  specs.WeightAndBias("planner.mlp.2", {12, p.hidden});
}

void AddResBlock(const std::string& name, int64_t in, int64_t out, Specs& specs) {
  specs.Norm(name + ".norm1", in);
  specs.WeightAndBias(name + ".conv1", {out, in, 3, 3});
  specs.Norm(name + ".norm2", out);
  specs.WeightAndBias(name + ".conv2", {out, out, 3, 3});
  if (in != out) specs.WeightAndBias(name + ".nin_shortcut", {out, in, 1, 1});
}

void AddAttention(const std::string& name, int64_t width, Specs& specs) {
  specs.Norm(name + ".norm", width);
  for (const char* part : {"q", "k", "v", "proj_out"}) {
    specs.WeightAndBias(name + "." + part, {width, width, 1, 1});
  }
}

void AddMiddle(const std::string& name, int64_t width, Specs& specs) {
  AddResBlock(name + ".block_1", width, width, specs);
  AddAttention(name + ".attn_1", width, specs);
  AddResBlock(name + ".block_2", width, width, specs);
}

}  // namespace

std::vector<TensorSpec> VqvaeTensors(const VqvaeConfig& config) {
  std::vector<TensorSpec> list;
  Specs specs(list);
  const int64_t volume = config.class_width * config.depth;
  const int64_t widths[3] = {config.channels, 2 * config.channels, 4 * config.channels};
  specs.Add("class_embeds.weight", {config.classes, config.class_width});

  specs.WeightAndBias("encoder.conv_in", {widths[0], volume, 3, 3});
  for (int level = 0; level < 3; ++level) {
    const std::string down = "encoder.down." + std::to_string(level);
    const int64_t in = widths[level == 0 ? 0 : level - 1], out = widths[level];
    for (int block = 0; block < 2; ++block) {
      AddResBlock(down + ".block." + std::to_string(block), block == 0 ? in : out, out, specs);
      if (level == 2) AddAttention(down + ".attn." + std::to_string(block), out, specs);
    }
    if (level != 2) specs.WeightAndBias(down + ".downsample.conv", {out, out, 3, 3});
  }
  AddMiddle("encoder.mid", widths[2], specs);
  specs.Norm("encoder.norm_out", widths[2]);
  specs.WeightAndBias("encoder.conv_out", {config.latent, widths[2], 3, 3});

  specs.WeightAndBias("decoder.conv_in", {widths[2], config.latent, 3, 3});
  AddMiddle("decoder.mid", widths[2], specs);
  for (int level = 2; level >= 0; --level) {
    const std::string up = "decoder.up." + std::to_string(level);
    const int64_t in = widths[level == 2 ? 2 : level + 1], out = widths[level];
    for (int block = 0; block < 2; ++block) {
      AddResBlock(up + ".block." + std::to_string(block), block == 0 ? in : out, out, specs);
      if (level == 2) AddAttention(up + ".attn." + std::to_string(block), out, specs);
    }
    if (level != 0) specs.WeightAndBias(up + ".upsample.conv", {out, out, 3, 3});
  }
  specs.Norm("decoder.norm_out", widths[0]);
  specs.WeightAndBias("decoder.conv_out", {volume, widths[0], 3, 3});

  specs.Add("vqvae.embedding.weight", {config.codebook, config.latent});
  specs.WeightAndBias("vqvae.quant_conv", {config.latent, config.latent, 1, 1});
  specs.WeightAndBias("vqvae.post_quant_conv", {config.latent, config.latent, 1, 1});
  return list;
}

std::vector<TensorSpec> ExpectedTensors(const ModelConfig& config) {
  std::vector<TensorSpec> list;
  Specs specs(list);
  AddVision(config.vision, specs);
  specs.WeightAndBias("multi_modal_projector.linear", {config.text.hidden, config.vision.hidden});
  AddText(config.text, specs);
  if (config.camera_embedding) {
    specs.Add("camera_embedding.weight", {config.cameras, config.text.hidden});
  }
  if (config.camera_rays) {
    specs.WeightAndBias("camera_rays.0", {256, 6});
    specs.WeightAndBias("camera_rays.1", {config.text.hidden, 256});
  }
  AddAdapters(config, "adapters.", specs);
  if (config.has_occupancy) AddOccupancy(config, specs);
  if (config.has_planner) AddPlanner(config, specs);
  return list;
}

int64_t Elements(const TensorSpec& spec) {
  int64_t product = 1;
  for (int64_t size : spec.shape) product *= size;
  return product;
}

int64_t ParameterCount(const std::vector<TensorSpec>& specs) {
  int64_t sum = 0;
  for (const auto& spec : specs) sum += Elements(spec);
  return sum;
}

}  // namespace occvla::model
