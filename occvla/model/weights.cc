#include "occvla/model/weights.h"

#include <string>

#include "occvla/base/error.h"
#include "occvla/model/tensors.h"

namespace occvla::model {

Weights WeightsOf(const Checkpoint& checkpoint) {
  Weights weights;
  for (const auto& [name, view] : checkpoint.tensors()) weights[name] = TensorFromView(view, name);
  return weights;
}

at::Tensor WeightReader::Stored(const std::string& name) const {
  const auto found = weights_.find(name);
  if (found == weights_.end()) {
    throw CheckpointError(where_ + " has no tensor \"" + name + "\"");
  }
  return found->second.to(device_);
}

at::Tensor WeightReader::Matrix(const std::string& name) const {
  auto x = Stored(name);
  if (x.dim() > 2) x = x.flatten(1);
  // float32 sums over bfloat16 weights are exact: such a matrix may stay as it is stored. A trained
  // one is converted where it is used, so that its gradient reaches it.
  const bool serves = x.requires_grad() || x.scalar_type() == compute_ ||
                      (x.scalar_type() == at::kBFloat16 && compute_ == at::kFloat);
  return serves ? x : x.to(compute_);
}

at::Tensor WeightReader::Vector(const std::string& name) const {
  return Stored(name).to(compute_ == at::kDouble ? at::kDouble : at::kFloat);
}

Linear WeightReader::Dense(const std::string& prefix, bool bias) const {
  return {.weight = Matrix(prefix + ".weight"),
          .bias = bias ? Vector(prefix + ".bias") : at::Tensor(),
          .compute = compute_};
}

Linear WeightReader::SmallDense(const std::string& prefix) const {
  const auto bias = Vector(prefix + ".bias");
  return {.weight = Stored(prefix + ".weight").to(bias.scalar_type()),
          .bias = bias,
          .compute = bias.scalar_type()};
}

bool WeightReader::Has(const std::string& name) const {
  return weights_.find(name) != weights_.end();
}

std::map<std::string, at::Tensor> WeightReader::All(const std::string& prefix) const {
  std::map<std::string, at::Tensor> found;
  for (auto it = weights_.lower_bound(prefix); it != weights_.end(); ++it) {
    if (it->first.compare(0, prefix.size(), prefix) != 0) break;
    found[it->first.substr(prefix.size())] = Vector(it->first);
  }
  return found;
}

LayerNormWeights WeightReader::Norm(const std::string& prefix) const {
  return {Vector(prefix + ".weight"), Vector(prefix + ".bias")};
}

VisionTower WeightReader::Vision(const VisionConfig& config) const {
  const std::string root = "vision_tower.vision_model.";
  VisionTower tower;
  tower.config = config;
  tower.compute = compute_;
  tower.patch = Dense(root + "embeddings.patch_embedding", /*bias=*/true);
  tower.position = Vector(root + "embeddings.position_embedding.weight");
  for (int64_t n = 0; n < config.layers; ++n) {
    const auto at = root + "encoder.layers." + std::to_string(n) + ".";
    tower.layers.push_back({.norm1 = Norm(at + "layer_norm1"),
                            .norm2 = Norm(at + "layer_norm2"),
                            .q = Dense(at + "self_attn.q_proj", true),
                            .k = Dense(at + "self_attn.k_proj", true),
                            .v = Dense(at + "self_attn.v_proj", true),
                            .out = Dense(at + "self_attn.out_proj", true),
                            .fc1 = Dense(at + "mlp.fc1", true),
                            .fc2 = Dense(at + "mlp.fc2", true)});
  }
  tower.post_norm = Norm(root + "post_layernorm");
  return tower;
}

AdapterSet WeightReader::Adapters(const ModelConfig& config, const std::string& prefix) const {
  AdapterSet set;
  const auto read = [&](int64_t layer, const char* place) {
    const auto at = prefix + std::to_string(layer) + "." + place;
    Adapter adapter;
    if (!Has(at + ".down.weight")) return adapter;
    adapter.down = Dense(at + ".down", true);
    adapter.up = Dense(at + ".up", true);
    adapter.scale = config.adapters.scale;
    adapter.relu = config.adapters.activation == "relu";
    return adapter;
  };
  for (int64_t layer = 0; layer < config.text.layers; ++layer) {
    set.attention.push_back(read(layer, "attn"));
    set.ffn.push_back(read(layer, "ffn"));
  }
  return set;
}

LanguageModel WeightReader::Language(const ModelConfig& config) const {
  const std::string root = "language_model.model.";
  LanguageModel model;
  model.config = config.text;
  model.compute = compute_;
  model.bf16_residual = config.bf16_residual;
  model.embedding = Matrix(root + "embed_tokens.weight");
  model.final_norm = Vector(root + "norm.weight");
  for (int64_t l = 0; l < config.text.layers; ++l) {
    const auto at = root + "layers." + std::to_string(l) + ".";
    model.layers.push_back({.input_norm = Vector(at + "input_layernorm.weight"),
                            .post_attention_norm = Vector(at + "post_attention_layernorm.weight"),
                            .pre_ffn_norm = Vector(at + "pre_feedforward_layernorm.weight"),
                            .post_ffn_norm = Vector(at + "post_feedforward_layernorm.weight"),
                            .q = Dense(at + "self_attn.q_proj", false),
                            .k = Dense(at + "self_attn.k_proj", false),
                            .v = Dense(at + "self_attn.v_proj", false),
                            .o = Dense(at + "self_attn.o_proj", false),
                            .gate = Dense(at + "mlp.gate_proj", false),
                            .up = Dense(at + "mlp.up_proj", false),
                            .down = Dense(at + "mlp.down_proj", false)});
  }
  model.adapter_config = config.adapters;
  model.adapters = Adapters(config, "adapters.");
  return model;
}

Planner WeightReader::PlanningHead(const PlannerConfig& config) const {
  Planner planner;
  planner.config = config;
  planner.velocity_embedding = Vector("planner.velocity_embedding.weight");
  planner.direction_embedding = Vector("planner.direction_embedding.weight");
  planner.visual = SmallDense("planner.visual");
  if (config.pool == "query") planner.query = Vector("planner.query.weight");
  for (const char* layer : {"planner.mlp.0", "planner.mlp.1", "planner.mlp.2"}) {
    planner.mlp.push_back(SmallDense(layer));
  }
  return planner;
}

}  // namespace occvla::model
