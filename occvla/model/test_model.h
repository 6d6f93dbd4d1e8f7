#pragma once
#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <cstring>
#include <filesystem>
#include <functional>
#include <span>
#include <string>

#include "occvla/base/files.h"
#include "occvla/base/safetensors.h"
#include "occvla/base/test_folder.h"
#include "occvla/model/files/init.h"
#include "occvla/model/model.h"

/// For tests: small checkpoints of any config.
namespace occvla::model {

/// `tiny` with 16 occupancy queries and a scene of 16 x 16 x 4 voxels, so that the branch takes no
/// time.
inline ModelConfig SmallScene() {
  auto config = Preset("tiny");
  config.vqvae = {.class_width = 4,
                  .height = 16,
                  .width = 16,
                  .depth = 4,
                  .channels = 4,
                  .latent = 8,
                  .codebook = 16};
  config.occupancy.grid = 4;
  return config;
}

/// Overwrites a float32 tensor of a checkpoint folder of one file; `value` is given each element's
/// index.
inline void SetTensor(const std::filesystem::path& folder, const std::string& name,
                      const std::function<float(size_t)>& value) {
  auto bytes = ReadFile(folder / "model.safetensors", size_t{1} << 30);
  const auto contents = ParseSafetensors(bytes, name);
  const auto view = contents.tensors.at(name).bytes;
  for (size_t i = 0; i < view.size() / sizeof(float); ++i) {
    const float x = value(i);
    std::memcpy(bytes.data() + (view.data() - bytes.data()) + i * sizeof x, &x, sizeof x);
  }
  WriteFileAtomically(folder / "model.safetensors", bytes);
}

/// A model with random weights of `config`; `change` may edit the folder before it is opened. The
/// files stay mapped after the folder is gone.
inline OccVla RandomModel(const ModelConfig& config, const LoadOptions& options = {},
                          DType stored = DType::kF32,
                          const std::function<void(const std::filesystem::path&)>& change = {}) {
  const TestFolder folder;
  InitCheckpoint(config, /*seed=*/1, stored, folder / "model");
  if (change) change(folder / "model");
  return {Checkpoint::Open(folder / "model"), options};
}

inline at::Tensor Random(at::IntArrayRef sizes, uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  return at::randn(sizes, generator, at::TensorOptions().dtype(at::kFloat));
}

inline double LargestDifference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

inline LoadOptions ComputedIn(at::ScalarType type) {
  LoadOptions options;
  options.compute = type;
  return options;
}

inline at::Tensor RandomPixels(const OccVla& model) {
  const int64_t S = model.config().vision.image_size;
  return Random({model.config().cameras, 3, S, S}, /*seed=*/7).clamp(-1, 1);
}

/// An empty cache with room for everything that a test feeds.
inline KvCache EmptyCache(const OccVla& model) {
  return model.MakeCache(model.config().image_tokens() + 200);
}

/// A cache that holds the images' keys and values.
inline KvCache CacheWithImages(const OccVla& model) {
  auto cache = EmptyCache(model);
  model.PrefillImages(model.EmbedImages(model.ImageFeatures(RandomPixels(model)).image), cache);
  return cache;
}

}  // namespace occvla::model
