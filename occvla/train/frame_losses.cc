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

at::Tensor Bytes(const std::vector<uint8_t>& bytes, at::IntArrayRef shape, at::Device device) {
  return at::tensor(at::ArrayRef<uint8_t>(bytes), at::TensorOptions().dtype(at::kByte))
      .view(shape)
      .to(device);
}

at::Tensor Grid(const std::vector<uint8_t>& bytes, const model::VqvaeConfig& config,
                at::Device device) {
  return Bytes(bytes, {config.height, config.width, config.depth}, device);
}

at::Device DeviceOf(const model::OccVla& model) { return model.language().embedding.device(); }

// PatchRays reads a frame; an example knows the calibration alone.
at::Tensor RaysOf(const model::OccVla& model, const Example& example) {
  if (!model.config().camera_rays) return {};
  data::Frame frame;
  frame.token = example.token;
  for (size_t i = 0; i < frame.images.size(); ++i)
    if (example.cameras) frame.images[i].camera = (*example.cameras)[i];
  return model::PatchRays(frame, model.config().vision).to(DeviceOf(model));
}

}  // namespace

at::Tensor PixelsOf(const Example& example, at::Device device) {
  const auto pixels = data::NormalisePixels(example.rgb, example.size_px);
  return at::tensor(at::ArrayRef<float>(pixels))
      .view({6, 3, example.size_px, example.size_px})
      .to(device);
}

at::Tensor ImageHidden(const model::OccVla& model, const Example& example) {
  const c10::AutoGradMode off(false);
  const auto features = model.ImageFeatures(PixelsOf(example, DeviceOf(model)));
  auto cache = model.MakeCache(0);
  return model.PrefillImages(model.EmbedImages(features.image, RaysOf(model, example)), cache);
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
  FrameLosses losses;
  if (stage_.reconstruction) AddReconstruction(example, losses);
  if (stage_.trajectory) AddTrajectory(example, *planner, losses);
  if (!stage_.text && !stage_.occupancy) return losses;

  const auto features = model_.ImageFeatures(PixelsOf(example, DeviceOf(model_)));
  const auto embedded = model_.EmbedImages(features.image, RaysOf(model_, example));  // [N * P, C]
  if (model_.config().mask == model::MaskMode::kPaligemma) {
    if (stage_.occupancy) {
      throw ConfigError(
          "train: stage joint needs mask occvla. Under mask paligemma the images' keys depend on "
          "the prompt, and the occupancy branch would see it.");
    }
    AddText(example, embedded, nullptr, losses);
    return losses;
  }
  auto cache = model_.MakeCache(0);
  model_.PrefillImages(embedded, cache);
  losses.tokens += embedded.size(0);
  // Occupancy first: where text sees it, its keys follow the images'.
  if (stage_.occupancy && config_.lambda > 0) AddOccupancy(example, cache, losses);
  if (stage_.text) AddText(example, embedded, &cache, losses);
  return losses;
}

void FrameObjective::AddText(const Example& example, const at::Tensor& embedded,
                             const model::KvCache* cache, FrameLosses& losses) const {
  if (example.dialogues.empty()) return;
  std::vector<model::OccVla::Dialogue> dialogues;
  TextTargets targets;
  const auto count = static_cast<double>(example.dialogues.size());
  for (const auto& dialogue : example.dialogues) {
    dialogues.push_back({dialogue.prefix, dialogue.suffix});
    targets.ids.insert(targets.ids.end(), dialogue.suffix.begin(), dialogue.suffix.end());
    const auto size = static_cast<double>(dialogue.suffix.size());
    targets.weights.insert(targets.weights.end(), dialogue.suffix.size(), 1 / (size * count));
    losses.tokens += static_cast<int64_t>(dialogue.prefix.size() + dialogue.suffix.size()) - 1;
  }
  at::Tensor hidden;  // [sum of suffix sizes, C]
  if (cache != nullptr) {
    hidden = model_.DialogueHidden(dialogues, *cache);
  } else {
    std::vector<at::Tensor> rows;
    for (const auto& dialogue : dialogues) {
      rows.push_back(model_.DialogueHiddenTogether(dialogue, embedded));
      losses.tokens += embedded.size(0);
    }
    hidden = at::cat(rows);
  }
  const auto& language = model_.language();
  const auto result =
      TextLoss(hidden, language.embedding, targets,
               {.final_softcap = language.config.final_softcap, .compute = language.compute});
  losses.parts.push_back({"text", result.loss});
  losses.values["text_loss"] = result.loss.detach();
  losses.values["token_accuracy"] =
      result.correct.to(at::kDouble) / static_cast<double>(targets.ids.size());
}

void FrameObjective::AddOccupancy(const Example& example, model::KvCache& cache,
                                  FrameLosses& losses) const {
  const auto& config = model_.config();
  const int64_t grid = config.occupancy.grid, voxels = config.vqvae.height / grid;
  const auto crop = CropAt(config_, seed_, example.position, grid, voxels);
  std::optional<at::Tensor> queries;
  if (crop.size < grid) {
    const auto table = model_.occupancy_queries().view({grid, grid, -1});
    queries = table.narrow(0, crop.x, crop.size)
                  .narrow(1, crop.y, crop.size)
                  .reshape({crop.size * crop.size, table.size(2)});
  }
  const auto hidden = model_.OccupancyHidden(cache, config.image_tokens(), queries);
  losses.tokens += hidden.size(0);
  const auto logits = model_.OccupancyLogits(hidden, crop.size, crop.size);  // [X, Y, Z, classes]
  const auto part = [&](const std::vector<uint8_t>& bytes) {
    return Grid(bytes, config.vqvae, logits.device())
        .narrow(0, crop.x * voxels, logits.size(0))
        .narrow(1, crop.y * voxels, logits.size(1))
        .contiguous();
  };
  OccupancyLossOptions options{.mask = {},
                               .class_weights = class_weights_,
                               .cross_entropy = config_.cross_entropy,
                               .lovasz = config_.lovasz};
  if (config_.voxels == VoxelMask::kCamera)
    options.mask = part(example.labels->mask_camera).to(at::kBool);
  if (config_.voxels == VoxelMask::kLidar)
    options.mask = part(example.labels->mask_lidar).to(at::kBool);
  const auto result = OccupancyLoss(logits, part(example.labels->semantics), options);
  losses.parts.push_back({"occupancy", result.loss * config_.lambda});
  losses.values["occupancy_cross_entropy"] = result.cross_entropy;
  if (config_.lovasz > 0) losses.values["occupancy_lovasz"] = result.lovasz;
  losses.confusion = result.confusion;
}

void FrameObjective::AddReconstruction(const Example& example, FrameLosses& losses) const {
  const auto& config = model_.vqvae()->config();
  const auto crop =
      CropAt(config_, seed_, example.position, std::min(config.height, config.width), 1);
  const bool whole = config_.crop == 0;
  const auto vqvae = whole ? *model_.vqvae() : model_.vqvae()->Resized(crop.size, crop.size);
  auto grid = Grid(example.labels->semantics, config, DeviceOf(model_)).unsqueeze(0);
  if (!whole) grid = grid.narrow(1, crop.x, crop.size).narrow(2, crop.y, crop.size).contiguous();
  const auto result = VqvaeLoss(vqvae, grid,
                                {.cross_entropy = config_.cross_entropy,
                                 .lovasz = config_.lovasz,
                                 .embedding = config_.embedding,
                                 .class_weights = class_weights_});
  losses.parts.push_back({"reconstruction", result.loss});
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
