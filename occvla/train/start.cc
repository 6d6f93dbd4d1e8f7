#include "occvla/train/start.h"

#include <ATen/Functions.h>

#include <algorithm>

#include "occvla/base/error.h"
#include "occvla/base/text.h"
#include "occvla/model/files/init.h"
#include "occvla/model/files/random_init.h"
#include "occvla/model/files/vqvae_file.h"
#include "occvla/model/tensors.h"

namespace occvla::train {
namespace {

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

}  // namespace occvla::train
