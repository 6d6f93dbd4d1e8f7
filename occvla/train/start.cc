#include "occvla/train/start.h"

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>

#include <algorithm>

#include "occvla/base/error.h"
#include "occvla/base/text.h"
#include "occvla/model/files/init.h"
#include "occvla/model/files/origin.h"
#include "occvla/model/files/random_init.h"
#include "occvla/model/files/vqvae_file.h"
#include "occvla/model/tensors.h"
#include "occvla/train/losses.h"
#include "occvla/train/vqvae_loss.h"

namespace occvla::train {
namespace {

constexpr size_t kFramesForClassWeights = 64, kFramesForLatents = 16;

// As FolderWriter makes it.
at::Tensor NewTensor(const model::TensorSpec& spec, const std::vector<model::TensorSpec>& all,
                     uint64_t seed) {
  const auto out = at::empty(spec.shape, at::TensorOptions().dtype(at::kFloat));
  int64_t fan_in = model::FanIn(spec);
  if (spec.name.ends_with(".bias")) {
    const auto weight = spec.name.substr(0, spec.name.size() - 5) + ".weight";
    for (const auto& other : all)
      if (other.name == weight) fan_in = model::FanIn(other);
  }
  const auto rule = model::RuleFor(spec, fan_in);
  const auto bytes = std::span(static_cast<std::byte*>(out.mutable_data_ptr()), out.nbytes());
  constexpr size_t kBlockBytes = model::kInitBlock * sizeof(float);
  for (size_t begin = 0; begin < bytes.size(); begin += kBlockBytes) {
    model::FillBlock(rule, spec, seed, static_cast<int64_t>(begin / kBlockBytes), DType::kF32,
                     bytes.subspan(begin, std::min(kBlockBytes, bytes.size() - begin)));
  }
  return out;
}

model::Checkpoint OpenOrMake(const RunConfig& run, const std::filesystem::path& folder) {
  if (!run.checkpoint.empty()) return model::Checkpoint::Open(run.checkpoint);
  if (!std::filesystem::exists(folder / "config.json")) {
    auto config = model::Preset(run.preset);
    LoadConfig(config, {}, run.model);
    std::optional<std::filesystem::path> tokenizer;
    if (!run.tokenizer.empty()) tokenizer = run.tokenizer;
    model::InitCheckpoint(config, run.seed, DType::kF32, folder, tokenizer);
  }
  return model::Checkpoint::Open(folder);
}

}  // namespace

StartModel OpenStart(const RunConfig& run, const std::filesystem::path& folder) {
  StartModel start{.checkpoint = OpenOrMake(run, folder),
                   .config = {},
                   .weights = {},
                   .replaced = {},
                   .vqvae = nullptr};
  start.config = start.checkpoint.config();
  LoadConfig(start.config, {}, run.model);
  auto given = model::WeightsOf(start.checkpoint);
  if (!run.vqvae.empty()) {
    auto file = model::OpenVqvae(run.vqvae);
    start.config.vqvae = file.config;
    start.config.has_occupancy = true;
    for (const auto& [name, view] : file.tensors) {
      given["vqvae." + name] = model::TensorFromView(view, name);
      start.replaced.insert("vqvae." + name);
    }
    start.vqvae = file.owner;
  }
  start.config.Validate();
  const auto specs = model::ExpectedTensors(start.config);
  for (const auto& spec : specs) {
    const auto found = given.find(spec.name);
    if (found != given.end() && found->second.sizes() == at::IntArrayRef(spec.shape)) {
      start.weights[spec.name] = found->second;
    } else {
      start.weights[spec.name] = NewTensor(spec, specs, run.seed);
      start.replaced.insert(spec.name);
    }
  }
  return start;
}

bool SavesOverlay(SaveAs save, const StartModel& start, const Parameters& parameters) {
  if (save == SaveAs::kWhole) return false;
  std::set<std::string> trained;
  for (const auto& parameter : parameters.trained()) trained.insert(parameter.name);
  for (const auto& name : start.replaced)
    if (!trained.count(name)) return false;  // The base does not have it as it is now.
  if (save == SaveAs::kOverlay) return true;
  int64_t all = 0;
  for (const auto& [name, tensor] : start.weights) all += tensor.numel();
  return 2 * parameters.trained_elements() < all;
}

at::Tensor CountedClassWeights(const Feed& feed) {
  std::vector<int64_t> counts(18, 0);
  for (const size_t frame : EvenlySpread(feed.frames(), kFramesForClassWeights)) {
    const auto example = feed.Make(frame, 0);
    const auto of_frame = data::occ3d::CountLabels(*example.labels).classes;
    for (size_t i = 0; i < counts.size(); ++i) counts[i] += of_frame[i];
  }
  return ClassWeights(counts);
}

void StartOccupancyProjector(const StartModel& start, const model::OccVla& model,
                             const Parameters& parameters, const Feed& feed, uint64_t seed) {
  const auto origin = model::ReadOrigin(start.checkpoint.folder());
  if (origin && (origin->stage == NameOfEnum(StageName::kJoint) ||
                 origin->stage == NameOfEnum(StageName::kPlanner)))  // Which comes after it.
    return;
  const c10::AutoGradMode off(false);
  LatentStatistics statistics;
  const auto& vqvae = *model.vqvae();
  const auto& size = vqvae.config();
  for (const size_t frame : EvenlySpread(feed.frames(), kFramesForLatents)) {
    const auto example = feed.Make(frame, 0);
    statistics.Add(vqvae, at::tensor(at::ArrayRef<uint8_t>(example.labels->semantics),
                                     at::TensorOptions().dtype(at::kByte))
                              .view({1, size.height, size.width, size.depth})
                              .to(model.language().embedding.device()));
  }
  at::Tensor weight, bias;
  for (const auto& parameter : parameters.trained()) {
    if (parameter.name == "occupancy.projector.weight") weight = parameter.value;
    if (parameter.name == "occupancy.projector.bias") bias = parameter.value;
  }
  if (weight.defined() && bias.defined()) InitialiseProjector(weight, bias, statistics, seed);
}

RunFacts FactsOf(const TrainConfig& config, const StartModel& start, const Feed& feed, int ranks,
                 const Parameters& parameters) {
  return {.name = config.run.name,
          .stage = std::string(NameOfEnum(config.run.stage)),
          .preset = start.config.preset,
          .steps = config.optimizer.steps,
          .config = ToToml(config),
          .data_fingerprint = feed.fingerprint(),
          .parent = config.run.checkpoint.string(),
          .more = {{"device", config.compute.device},
                   {"ranks", std::to_string(ranks)},
                   {"frames", std::to_string(feed.frames())},
                   {"trained parameters", std::to_string(parameters.trained_elements())}},
          .may_change = {"run.out", "run.name", "keep", "compute.device", "compute.threads",
                         "compute.workers", "data.threads", "data.ahead", "optimizer.shard"}};
}

}  // namespace occvla::train
