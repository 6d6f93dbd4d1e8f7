#include "occvla/train/frame_losses.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <optional>

#include "occvla/base/error.h"
#include "occvla/data/image/image.h"
#include "occvla/train/losses.h"
#include "occvla/train/recipe/crop.h"
#include "occvla/train/vqvae_loss.h"

namespace occvla::train {
namespace {

at::Tensor Grid(const std::vector<uint8_t>& bytes, const model::VqvaeConfig& config) {
  return at::tensor(at::ArrayRef<uint8_t>(bytes), at::TensorOptions().dtype(at::kByte))
      .view({config.height, config.width, config.depth});
}

at::Device DeviceOf(const model::OccVla& model) { return model.language().embedding.device(); }

// PatchRays reads a frame; an example knows the calibration alone.
at::Tensor RaysOf(const model::OccVla& model, std::span<const Example> frames) {
  if (!model.config().camera_rays) return {};
  std::vector<at::Tensor> rays;
  for (const auto& example : frames) {
    data::Frame frame;
    frame.token = example.token;
    for (size_t i = 0; i < frame.images.size(); ++i)
      if (example.cameras) frame.images[i].camera = (*example.cameras)[i];
    rays.push_back(model::PatchRays(frame, model.config().vision));
  }
  return at::cat(rays).to(DeviceOf(model));
}

at::Tensor Joined(const std::vector<at::Tensor>& tensors) {
  return tensors.size() == 1 ? tensors[0] : at::cat(tensors);
}

}  // namespace

at::Tensor PixelsOf(std::span<const Example> frames, at::Device device) {
  std::vector<at::Tensor> pixels;
  for (const auto& example : frames) {
    const auto of_frame = data::NormalisePixels(example.rgb, example.size_px);
    pixels.push_back(
        at::tensor(at::ArrayRef<float>(of_frame)).view({6, 3, example.size_px, example.size_px}));
  }
  return Joined(pixels).to(device);
}

at::Tensor ImageHidden(const model::OccVla& model, const Example& example) {
  const c10::AutoGradMode off(false);
  const std::span frame(&example, 1);
  const auto features = model.ImageFeatures(PixelsOf(frame, DeviceOf(model)));
  auto cache = model.MakeCache(0);
  return model.PrefillImages(model.EmbedImages(features.image, RaysOf(model, frame)), cache);
}

FrameObjective::FrameObjective(const Stage& stage, const LossConfig& config,
                               const model::OccVla& model, at::Tensor class_weights, uint64_t seed)
    : stage_(stage),
      config_(config),
      model_(model),
      class_weights_(std::move(class_weights)),
      seed_(seed) {
  if (config.crop == 0 || !model.has_occupancy()) return;
  const auto& vqvae = model.config().vqvae;
  const auto& occupancy = model.config().occupancy;
  if (config.crop > std::min(vqvae.height, vqvae.width)) {
    throw ConfigError("train: loss.crop = " + std::to_string(config.crop) +
                      " is larger than the grid; set it to 0.");
  }
  if (stage.occupancy && (occupancy.self_attention || occupancy.text_sees ||
                          occupancy.position != "shared" || vqvae.height != vqvae.width)) {
    throw ConfigError(
        "train: loss.crop needs occupancy queries that do not see each other, share one position "
        "and are not seen by text; set it to 0.");
  }
}

FrameLosses FrameObjective::operator()(const Example& example, const PlannerInput* planner) const {
  if (!stage_.trajectory) return (*this)(std::span(&example, 1));
  FrameLosses losses;
  AddTrajectory(example, *planner, losses);
  return losses;
}

FrameLosses FrameObjective::operator()(std::span<const Example> frames) const {
  FrameLosses losses;
  if (stage_.reconstruction) AddReconstruction(frames, losses);
  if (!stage_.text && !stage_.occupancy) return losses;

  const auto features = model_.ImageFeatures(PixelsOf(frames, DeviceOf(model_)));
  const auto embedded =
      model_.EmbedImages(features.image, RaysOf(model_, frames));  // [F * N * P, C]
  if (model_.config().mask == model::MaskMode::kPaligemma) {
    if (stage_.occupancy) {
      throw ConfigError(
          "train: stage joint needs mask occvla. Under mask paligemma the images' keys depend on "
          "the prompt, and the occupancy branch would see it.");
    }
    AddText(frames, embedded, nullptr, losses);
    return losses;
  }
  auto cache = model_.MakeCache(0, static_cast<int64_t>(frames.size()));
  model_.PrefillImages(embedded, cache);
  losses.tokens += embedded.size(0);
  // Occupancy first: where text sees it, its keys follow the images'.
  if (stage_.occupancy && config_.lambda > 0) AddOccupancy(frames, cache, losses);
  if (stage_.text) AddText(frames, embedded, &cache, losses);
  return losses;
}

void FrameObjective::AddText(std::span<const Example> frames, const at::Tensor& embedded,
                             const model::KvCache* cache, FrameLosses& losses) const {
  std::vector<std::vector<model::OccVla::Dialogue>> dialogues;
  TextTargets targets;
  for (const auto& frame : frames) {
    auto& of_frame = dialogues.emplace_back();
    const auto count = static_cast<double>(frame.dialogues.size());
    for (const auto& dialogue : frame.dialogues) {
      of_frame.push_back({dialogue.prefix, dialogue.suffix});
      targets.ids.insert(targets.ids.end(), dialogue.suffix.begin(), dialogue.suffix.end());
      const auto size = static_cast<double>(dialogue.suffix.size());
      targets.weights.insert(targets.weights.end(), dialogue.suffix.size(), 1 / (size * count));
      losses.tokens += static_cast<int64_t>(dialogue.prefix.size() + dialogue.suffix.size()) - 1;
    }
  }
  if (targets.ids.empty()) return;
  at::Tensor hidden;  // [sum of suffix sizes, C]
  if (cache != nullptr) {
    hidden = model_.DialogueHidden(dialogues, *cache);
  } else {
    std::vector<at::Tensor> rows;
    const auto of_frame = embedded.chunk(static_cast<int64_t>(frames.size()));  // [N * P, C] each
    for (size_t frame = 0; frame < frames.size(); ++frame) {
      for (const auto& dialogue : dialogues[frame]) {
        rows.push_back(model_.DialogueHiddenTogether(dialogue, of_frame[frame]));
        losses.tokens += of_frame[frame].size(0);
      }
    }
    hidden = at::cat(rows);
  }
  const auto& language = model_.language();
  const auto result =
      TextLoss(hidden, language.embedding, targets,
               {.final_softcap = language.config.final_softcap, .compute = language.compute});
  losses.parts.push_back({"text", result.loss});
  losses.values["text_loss"] = result.loss.detach() / static_cast<double>(frames.size());
  losses.values["token_accuracy"] =
      result.correct.to(at::kDouble) / static_cast<double>(targets.ids.size());
}

void FrameObjective::AddOccupancy(std::span<const Example> frames, model::KvCache& cache,
                                  FrameLosses& losses) const {
  const auto& config = model_.config();
  const int64_t grid = config.occupancy.grid, voxels = config.vqvae.height / grid;
  std::vector<Crop> crops;
  for (const auto& frame : frames)
    crops.push_back(CropAt(config_, seed_, frame.position, grid, voxels));
  const int64_t size = crops[0].size;
  std::optional<at::Tensor> queries;
  if (size < grid) {
    const auto table = model_.occupancy_queries().view({grid, grid, -1});
    std::vector<at::Tensor> parts;
    for (const auto& crop : crops)
      parts.push_back(table.narrow(0, crop.x, size)
                          .narrow(1, crop.y, size)
                          .reshape({size * size, table.size(2)}));
    queries = Joined(parts);
  }
  const auto hidden = model_.OccupancyHidden(cache, config.image_tokens(), queries);
  losses.tokens += hidden.size(0);
  const auto logits = model_.OccupancyLogits(hidden, size, size);  // [F, X, Y, Z, classes]
  at::Tensor loss, cross_entropy, lovasz;
  for (size_t i = 0; i < frames.size(); ++i) {
    const auto part = [&](const std::vector<uint8_t>& bytes) {
      return Grid(bytes, config.vqvae)
          .narrow(0, crops[i].x * voxels, logits.size(1))
          .narrow(1, crops[i].y * voxels, logits.size(2))
          .contiguous()
          .to(logits.device());
    };
    const auto& labels = *frames[i].labels;
    OccupancyLossOptions options{.mask = {},
                                 .class_weights = class_weights_,
                                 .cross_entropy = config_.cross_entropy,
                                 .lovasz = config_.lovasz};
    if (config_.voxels == VoxelMask::kCamera) options.mask = part(labels.mask_camera).to(at::kBool);
    if (config_.voxels == VoxelMask::kLidar) options.mask = part(labels.mask_lidar).to(at::kBool);
    const auto of_frame =
        OccupancyLoss(logits[static_cast<int64_t>(i)], part(labels.semantics), options);
    const auto add = [](at::Tensor& sum, const at::Tensor& more) {
      sum = sum.defined() ? sum + more : more;
    };
    add(loss, of_frame.loss);
    add(cross_entropy, of_frame.cross_entropy);
    add(lovasz, of_frame.lovasz);
    add(losses.confusion, of_frame.confusion);
  }
  const auto count = static_cast<double>(frames.size());
  losses.parts.push_back({"occupancy", loss * config_.lambda});
  losses.values["occupancy_cross_entropy"] = cross_entropy / count;
  if (config_.lovasz > 0) losses.values["occupancy_lovasz"] = lovasz / count;
}

void FrameObjective::AddReconstruction(std::span<const Example> frames, FrameLosses& losses) const {
  const auto& config = model_.vqvae()->config();
  std::vector<at::Tensor> grids;  // [1, H, W, D] each
  int64_t size = 0;
  for (const auto& frame : frames) {
    auto grid = Grid(frame.labels->semantics, config).unsqueeze(0);
    if (config_.crop > 0) {
      const auto crop =
          CropAt(config_, seed_, frame.position, std::min(config.height, config.width), 1);
      grid = grid.narrow(1, crop.x, crop.size).narrow(2, crop.y, crop.size).contiguous();
      size = crop.size;
    }
    grids.push_back(grid);
  }
  const auto vqvae = size == 0 ? *model_.vqvae() : model_.vqvae()->Resized(size, size);
  const auto result = VqvaeLoss(vqvae, Joined(grids).to(DeviceOf(model_)),
                                {.cross_entropy = config_.cross_entropy,
                                 .lovasz = config_.lovasz,
                                 .embedding = config_.embedding,
                                 .class_weights = class_weights_});
  losses.parts.push_back({"reconstruction", result.loss * static_cast<double>(frames.size())});
  losses.values["cross_entropy"] = result.cross_entropy;
  if (config_.lovasz > 0) losses.values["lovasz"] = result.lovasz;
  losses.values["embedding_loss"] = result.embedding;
  losses.confusion = result.confusion;
  losses.used_codes = result.used;
  losses.latents = result.latents;
}

void FrameObjective::AddTrajectory(const Example& example, const PlannerInput& planner,
                                   FrameLosses& losses) const {
  const auto& head = *model_.planner();
  const auto prediction = head(planner.hidden, planner.action, example.ego);  // [6, 2]
  std::vector<double> steps;
  std::vector<uint8_t> known;
  for (size_t i = 0; i < example.valid.size(); ++i) {
    steps.insert(steps.end(), example.trajectory_E[i].begin(), example.trajectory_E[i].end());
    known.push_back(example.valid[i]);
  }
  const auto target = at::tensor(steps, at::TensorOptions().dtype(at::kDouble))
                          .view({6, 2})
                          .to(prediction.options());
  const auto valid =
      at::tensor(known, at::TensorOptions().dtype(at::kByte)).to(at::kBool).to(prediction.device());
  const auto loss = TrajectoryLoss(prediction, target, valid);
  losses.parts.push_back({"trajectory", loss});
  losses.values["squared_error"] = loss.detach();
  const auto distance = (prediction.detach() - target).square().sum(1).sqrt();  // [6]
  const auto weight = valid.to(distance.scalar_type());
  losses.values["l2"] = (distance * weight).sum() / weight.sum().clamp_min(1);
}

}  // namespace occvla::train
