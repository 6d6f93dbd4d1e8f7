#include "occvla/train/recipe/plan.h"

#include <algorithm>
#include <bit>

#include "occvla/base/error.h"
#include "occvla/train/recipe/stage.h"

namespace occvla::train {
namespace {

constexpr uint64_t kProgram = uint64_t{400} << 20;  // Code, torch, an opened data set.
constexpr double kFloat = 4;

struct Sizes {
  const TrainConfig& config;
  const model::ModelConfig& model;
  std::vector<ModulePlan> modules;
  double master = 4, compute = 4;  // Bytes of a number.

  bool Trains(Module module) const { return modules[static_cast<size_t>(module)].trained; }
  int64_t QuestionTokens() const { return config.data.questions_per_frame * kTokensOfAQuestion; }
  // The cells of the queries' grid that a frame's loss looks at.
  int64_t Queries() const {
    const auto& o = model.occupancy;
    if (config.loss.crop == 0) return o.grid * o.grid;
    const int64_t side =
        std::max<int64_t>(1, config.loss.crop / std::max<int64_t>(1, model.vqvae.height / o.grid));
    return side * side;
  }
  double Voxels() const {
    const auto& v = model.vqvae;
    const double plane = config.loss.crop == 0
                             ? static_cast<double>(v.height * v.width)
                             : static_cast<double>(config.loss.crop * config.loss.crop);
    return plane * static_cast<double>(v.depth);
  }
};

// What one layer of the language model keeps a token, when its input wants a gradient.
double LayerBytes(const Sizes& sizes) {
  const auto& t = sizes.model.text;
  const auto C = static_cast<double>(t.hidden), F = static_cast<double>(t.intermediate);
  const auto heads = static_cast<double>(t.heads * t.head_size);
  const double c = sizes.compute;
  double bytes = 2 * kFloat * C;  // The residual before attention and before the MLP.
  bytes += c * 2 * heads + kFloat * static_cast<double>(t.heads);  // q, what it saw, log-sums.
  bytes += c * C + c * 2 * F + c * C;  // Out of attention; gate and up; out of the MLP.
  if (sizes.model.adapters.placement != "none") {
    const double places = sizes.model.adapters.placement == "houlsby" ? 2 : 1;
    bytes +=
        places * (c + kFloat) * C * (1 + 1.0 / static_cast<double>(sizes.model.adapters.reduction));
  }
  if (sizes.Trains(Module::kLanguage)) bytes += c * 2 * C + c * F;  // Inputs of the matrices.
  return bytes;
}

// A pass of T tokens; `kept` of them leave keys and values, joined with `before` others.
double LanguageBytes(const Sizes& sizes, double T, double kept, double before) {
  const auto& t = sizes.model.text;
  const auto L = static_cast<double>(t.layers);
  const double keys = kept == 0 ? 0
                                : 2 * static_cast<double>(t.key_heads * t.head_size) *
                                      (kept + before) * sizes.compute;
  const double layer = T * LayerBytes(sizes);
  if (!sizes.config.compute.recompute_layers) return L * (layer + keys);
  // Each layer's input; one layer runs again, and its gradients come to as much again.
  return L * (T * kFloat * static_cast<double>(t.hidden) + keys) + 2 * layer;
}

double VisionBytes(const Sizes& sizes) {
  const auto& v = sizes.model.vision;
  const auto T = static_cast<double>(sizes.model.image_tokens());
  const auto C = static_cast<double>(v.hidden), F = static_cast<double>(v.intermediate);
  const double c = sizes.compute;
  const double layer = T * (2 * kFloat * C + c * (2 * C + 4 * C + 2 * F));
  if (sizes.Trains(Module::kVision)) return static_cast<double>(v.layers) * layer;
  return layer;  // Nothing is kept: one layer at a time.
}

// The decoder (or both halves) of the scene VQ-VAE over one frame: convolutions keep their inputs,
// norms and activations too.
double VqvaeBytes(const Sizes& sizes, bool encoder) {
  const auto& v = sizes.model.vqvae;
  const double plane = sizes.Voxels() / static_cast<double>(v.depth);
  const auto width = static_cast<double>(v.channels);
  const auto block = [&](double in, double out, double cells) {
    return kFloat * cells * (2 * in + 4 * out);
  };
  const double coarse = plane / 16, wide = 4 * width;
  double half =
      2 * block(wide, wide, coarse) + 3 * 9 * kFloat * wide * coarse;  // Middle, attention.
  for (int level = 0; level < 3; ++level) {
    const double cells = plane / static_cast<double>(1 << (2 * level));
    const double out = width * (1 << level);
    const double in = encoder ? (level == 0 ? out : out / 2) : (level == 2 ? out : out * 2);
    half += block(in, out, cells) + block(out, out, cells) + kFloat * cells * (in + 2 * out);
  }
  const auto voxels = static_cast<double>(v.depth * v.class_width) * plane;
  return half + 2 * kFloat * voxels;
}

double OccupancyLossBytes(const Sizes& sizes) {
  const double logits = kFloat * sizes.Voxels() * static_cast<double>(sizes.model.vqvae.classes);
  const double lovasz = sizes.config.loss.lovasz > 0 ? 1 : 0;
  // Logits, their gradient and what goes on to the decoder; probabilities by class.
  return logits * (3 + lovasz) + sizes.Voxels() * (1 + 8 * lovasz);
}

uint64_t Rounded(double bytes) { return static_cast<uint64_t>(bytes); }

std::vector<MemoryPlan::Row> ActivationRows(const Sizes& sizes, const Stage& stage, double frames) {
  std::vector<MemoryPlan::Row> rows;
  const auto add = [&](const char* detail, double bytes) {
    rows.push_back({"activations", detail, Rounded(bytes * frames)});
  };
  const auto images = static_cast<double>(sizes.model.image_tokens());
  const auto text = static_cast<double>(sizes.QuestionTokens());
  if (stage.text || stage.occupancy) {
    add("vision tower", VisionBytes(sizes));
    add("images in the language model", LanguageBytes(sizes, images, images, 0));
  }
  if (stage.text) add("questions", LanguageBytes(sizes, text, text, images));
  if (stage.occupancy) {
    add("occupancy queries", LanguageBytes(sizes, static_cast<double>(sizes.Queries()), 0, images));
    add("VQ decoder", VqvaeBytes(sizes, /*encoder=*/false));
    add("voxels' loss", OccupancyLossBytes(sizes));
  }
  if (stage.reconstruction) {
    add("VQ encoder and decoder", VqvaeBytes(sizes, true) + VqvaeBytes(sizes, false));
    add("voxels' loss", OccupancyLossBytes(sizes));
  }
  return rows;
}

}  // namespace

uint64_t MemoryPlan::total() const {
  uint64_t sum = 0;
  for (const auto& row : rows) sum += row.bytes;
  return sum;
}

MemoryPlan PlanMemory(const TrainConfig& config, const model::ModelConfig& model,
                      const std::map<std::string, uint64_t>& stored, int ranks, int cores) {
  const auto& stage = StageOf(config.run.stage);
  Sizes sizes{config, model, PlanModules(stage, config.optimizer)};
  sizes.master = config.compute.precision == Precision::kFloat64 ? 8 : 4;
  sizes.compute = config.compute.precision == Precision::kBFloat16 ? 2 : sizes.master;
  if (config.optimizer.batch % ranks != 0)
    throw ConfigError("train: optimizer.batch = " + std::to_string(config.optimizer.batch) +
                      " does not divide among " + std::to_string(ranks) + " ranks.");
  const int64_t share = config.optimizer.batch / ranks;
  const int64_t threads = config.compute.threads > 0 ? config.compute.threads : cores;
  const int64_t workers = config.compute.workers > 0 ? config.compute.workers : threads;
  const int64_t groups = (share + config.compute.together - 1) / config.compute.together;

  double mapped = 0, copies = 0, trained = 0;
  for (const auto& spec : model::ExpectedTensors(model)) {
    const auto elements = static_cast<double>(model::Elements(spec));
    const auto found = stored.find(spec.name);
    const double in_file =
        found == stored.end() ? kFloat * elements : static_cast<double>(found->second);
    mapped += in_file;
    if (sizes.Trains(ModuleOf(spec.name))) {
      trained += elements;
      continue;
    }
    // Matrices are used as they are stored where they are of the compute type, or of half of it;
    // vectors and the VQ-VAE are used in float32.
    const bool small = spec.shape.size() < 2 || spec.name.starts_with("vqvae.");
    const double used = elements * (small ? sizes.master : sizes.compute);
    const bool serves = in_file == used || (!small && in_file == 2 * elements);
    if (!serves) copies += used;
  }
  const bool gpu = config.compute.device != "cpu";
  MemoryPlan plan;
  plan.ranks = ranks;
  plan.frames_at_once =
      std::min<int64_t>(share, std::min(workers, groups) * config.compute.together);
  plan.rows.push_back(
      {"weights", gpu ? "of the checkpoint" : "of the checkpoint, mapped", Rounded(mapped)});
  plan.rows.push_back({"weights", "frozen, converted", Rounded(copies)});
  plan.rows.push_back({"weights", "trained, masters", Rounded(trained * sizes.master)});
  const double sums = std::min(workers, groups) + std::bit_width(static_cast<uint64_t>(groups));
  plan.rows.push_back(
      {"gradients", "of frames at work and their sums", Rounded(trained * sizes.master * sums)});
  plan.rows.push_back({"optimiser", "two moments",
                       Rounded(2 * trained * sizes.master / (config.optimizer.shard ? ranks : 1))});
  auto activations = ActivationRows(sizes, stage, static_cast<double>(plan.frames_at_once));
  plan.rows.insert(plan.rows.end(), activations.begin(), activations.end());
  const auto side = static_cast<double>(model.vision.image_size);
  const double example = (stage.images ? 6 * 3 * side * side : 0) +
                         (stage.occupancy || stage.reconstruction ? 3 * 640000.0 : 0);
  plan.rows.push_back({"data", "examples ahead",
                       Rounded(example * static_cast<double>(config.data.ahead + share))});
  plan.rows.push_back({"program", "code, torch, tables", kProgram});
  return plan;
}

}  // namespace occvla::train
