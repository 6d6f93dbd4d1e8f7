#include "occvla/infer/dump_vqvae.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include "occvla/base/error.h"
#include "occvla/base/progress.h"
#include "occvla/model/files/vqvae_file.h"
#include "occvla/model/tensors.h"
#include "occvla/model/vqvae.h"

namespace occvla::infer {
namespace {

at::Tensor ReadOccupancy(const SafetensorsFile& file, const model::VqvaeConfig& config) {
  const auto& view = file.At("occupancy");
  const std::vector<int64_t> grid{config.height, config.width, config.depth};
  if (view.dtype != DType::kU8 || view.shape.size() != 4 ||
      !std::equal(grid.begin(), grid.end(), view.shape.begin() + 1)) {
    throw DataError(file.path().string() + ": \"occupancy\" must be U8 [F, " +
                    std::to_string(grid[0]) + ", " + std::to_string(grid[1]) + ", " +
                    std::to_string(grid[2]) + "] for this checkpoint.");
  }
  return model::TensorFromView(view, file.path().string() + ": occupancy");
}

}  // namespace

void DumpVqvae(const std::filesystem::path& checkpoint, const std::filesystem::path& input_path,
               const std::filesystem::path& output, const std::function<void()>& each_pass) {
  const at::NoGradGuard no_grad;
  const auto source = model::OpenVqvae(checkpoint);
  std::map<std::string, at::Tensor> weights;
  for (const auto& [name, view] : source.tensors) weights[name] = model::TensorFromView(view, name);
  const model::Vqvae vqvae(source.config, std::move(weights));
  const SafetensorsFile input(input_path);
  const auto occupancy = ReadOccupancy(input, vqvae.config());
  const int64_t frames = occupancy.size(0);
  const auto& c = vqvae.config();
  const int64_t h = (c.height + 3) / 4, w = (c.width + 3) / 4;

  Progress progress("dump vqvae", static_cast<uint64_t>(3 * frames), "passes");
  std::map<std::string, at::Tensor> small;
  small["latent"] = at::empty({frames, c.latent, h, w}, at::kFloat);
  small["indices"] = at::empty({frames, h, w}, at::kLong);
  auto snapped = at::empty({frames, c.latent, h, w}, at::kFloat);
  for (int64_t f = 0; f < frames; ++f) {
    each_pass();
    const auto z = vqvae.Encode(occupancy.narrow(0, f, 1));
    const auto quantised = vqvae.Quantise(z);
    small["latent"][f].copy_(z[0]);
    small["indices"][f].copy_(quantised.indices[0]);
    snapped[f].copy_(quantised.z[0]);
    progress.Add();
  }

  const std::vector<int64_t> logits_shape{frames, c.height, c.width, c.depth, c.classes};
  SafetensorsWriter writer(output, {{"latent", DType::kF32, small["latent"].sizes().vec()},
                                    {"indices", DType::kI64, small["indices"].sizes().vec()},
                                    {"logits", DType::kF32, logits_shape},
                                    {"logits_continuous", DType::kF32, logits_shape}});
  for (const auto& declared : writer.order()) {
    if (const auto found = small.find(declared.name); found != small.end()) {
      writer.Write(model::ViewOfTensor(found->second).bytes);
      continue;
    }
    const auto& z = declared.name == "logits" ? snapped : small["latent"];
    for (int64_t f = 0; f < frames; ++f) {
      each_pass();
      const auto logits = vqvae.Decode(z.narrow(0, f, 1)).contiguous();
      writer.Write(model::ViewOfTensor(logits).bytes);
      progress.Add();
    }
  }
  writer.Commit();
}

}  // namespace occvla::infer
