#include "occvla/infer/dump.h"

#include <ATen/Functions.h>
#include <c10/core/InferenceMode.h>

#include <map>

#include "occvla/base/error.h"
#include "occvla/infer/sampling.h"
#include "occvla/infer/session.h"
#include "occvla/model/device.h"
#include "occvla/model/tensors.h"

namespace occvla::infer {

namespace {

constexpr int64_t kGenerated = 16;

// A tensor of the input file, its type and shape checked; sizes of -1 are free.
at::Tensor Input(const SafetensorsFile& file, const std::string& name, DType dtype,
                 const std::vector<int64_t>& sizes) {
  if (!file.Contains(name)) {
    throw DataError(file.path().string() + ": " + name +
                    " is missing; pixel_values and prefix_ids " + "are needed");
  }
  const auto& view = file.At(name);
  bool fits = view.dtype == dtype && view.shape.size() == sizes.size();
  for (size_t i = 0; fits && i < sizes.size(); ++i) {
    fits = sizes[i] < 0 ? view.shape[i] > 0 : view.shape[i] == sizes[i];
  }
  if (!fits) {
    const auto text = [](const std::vector<int64_t>& shape) {
      std::string out = "[";
      for (const int64_t size : shape) {
        out +=
            (out.size() > 1 ? ", " : "") + (size < 0 ? std::string("any") : std::to_string(size));
      }
      return out + "]";
    };
    throw DataError(file.path().string() + ": " + name + " must be " +
                    std::string(SafetensorsName(dtype)) + " " + text(sizes) + ", but is " +
                    std::string(SafetensorsName(view.dtype)) + " " + text(view.shape));
  }
  return model::TensorFromView(view, name);
}

std::vector<int64_t> Ids(const SafetensorsFile& file, const std::string& name, int64_t vocabulary) {
  const auto tensor = Input(file, name, DType::kI64, {-1});
  const auto* first = tensor.const_data_ptr<int64_t>();
  std::vector<int64_t> ids(first, first + tensor.numel());
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= vocabulary) {
      throw DataError(file.path().string() + ": " + name + "[" + std::to_string(i) + "] is " +
                      std::to_string(ids[i]) + ", but the vocabulary has " +
                      std::to_string(vocabulary) + " ids");
    }
  }
  return ids;
}

at::Tensor GreedyIds(const model::OccVla& model, const at::Tensor& prefix_hidden,
                     model::KvCache& cache) {
  std::vector<int64_t> ids;
  auto hidden = prefix_hidden.narrow(0, prefix_hidden.size(0) - 1, 1);
  while (true) {
    const auto logits = model.language().Logits(hidden).cpu().contiguous();
    ids.push_back(Greedy({logits.const_data_ptr<float>(), static_cast<size_t>(logits.numel())}));
    if (static_cast<int64_t>(ids.size()) == kGenerated) break;
    hidden = model.Continue({ids.back()}, cache);
  }
  return at::tensor(ids, at::TensorOptions().dtype(at::kLong));
}

void Write(const std::filesystem::path& path, std::map<std::string, at::Tensor> tensors) {
  std::map<std::string, TensorView, std::less<>> views;
  for (auto& [name, tensor] : tensors) {
    const auto type = tensor.is_floating_point() ? at::kFloat : tensor.scalar_type();
    tensor = tensor.cpu().to(type).contiguous();
    views[name] = model::ViewOfTensor(tensor);
  }
  WriteSafetensors(path, views);
}

}  // namespace

void DumpModel(const DumpOptions& options) {
  const c10::InferenceMode no_gradients;
  auto checkpoint = model::Checkpoint::Open(options.checkpoint);
  const auto device = model::OpenDevice(options.device);
  const auto compute = ChooseComputeType(options.dtype, checkpoint, device);
  const model::OccVla model(std::move(checkpoint), {.compute = compute,
                                                    .device = device,
                                                    .mask = options.mask,
                                                    .final_softcap = options.final_softcap});
  const auto& config = model.config();
  const SafetensorsFile file(options.input);
  const int64_t S = config.vision.image_size;
  if (config.camera_rays) {
    throw ConfigError(options.checkpoint.string() +
                      ": the model reads each camera's rays, which this input cannot hold");
  }
  const int64_t cameras = config.camera_embedding ? config.cameras : -1;
  const auto pixels = Input(file, "pixel_values", DType::kF32, {cameras, 3, S, S}).to(device);
  const auto prefix = Ids(file, "prefix_ids", config.text.vocabulary);
  const auto suffix = file.Contains("suffix_ids") ? Ids(file, "suffix_ids", config.text.vocabulary)
                                                  : std::vector<int64_t>();
  std::optional<at::Tensor> queries;
  const int64_t cells = config.occupancy.grid * config.occupancy.grid;
  if (file.Contains("occ_queries")) {
    const int64_t rows = model.has_occupancy() ? cells : -1;
    queries = Input(file, "occ_queries", DType::kF32, {rows, config.text.hidden}).to(device);
  }
  const int64_t images = pixels.size(0) * config.vision.tokens();
  const int64_t extra = queries ? queries->size(0) : cells;
  auto cache = model.MakeCache(images + static_cast<int64_t>(prefix.size() + suffix.size()) +
                               kGenerated + extra);

  std::map<std::string, at::Tensor> out;
  const auto features = model.ImageFeatures(pixels);
  out["vision"] = features.vision;
  out["image_features"] = features.image;
  const auto embedded = model.EmbedImages(features.image);

  const bool together = config.mask == model::MaskMode::kPaligemma;
  const bool occupancy = queries.has_value() || model.has_occupancy();
  at::Tensor image_hidden, prefix_hidden;
  const auto run_occupancy = [&] {
    out["occupancy_hidden"] = model.OccupancyHidden(cache, images, queries);
    if (model.has_occupancy()) {
      out["occupancy_logits"] = model.OccupancyLogits(out["occupancy_hidden"]);
    }
  };
  if (together) {
    const auto both = model.PrefillTogether(embedded, prefix, cache);
    image_hidden = both.images;
    prefix_hidden = both.prefix;
  } else {
    image_hidden = model.PrefillImages(embedded, cache);
    if (occupancy && config.occupancy.text_sees) run_occupancy();
    prefix_hidden = model.PrefillPrefix(prefix, cache);
  }
  const int64_t after_prefix = cache.length();
  std::vector<at::Tensor> hidden{image_hidden, prefix_hidden};
  if (!suffix.empty()) hidden.push_back(model.Continue(suffix, cache));
  cache.Truncate(after_prefix);
  out["generated"] = GreedyIds(model, prefix_hidden, cache);
  if (occupancy && !config.occupancy.text_sees) {
    if (config.occupancy.self_attention) cache.Truncate(images);
    run_occupancy();
  }
  out["hidden"] = at::cat(hidden);
  out["logits"] =
      model.language().Logits(out["hidden"].narrow(0, images, out["hidden"].size(0) - images));
  Write(options.output, std::move(out));
}

}  // namespace occvla::infer
