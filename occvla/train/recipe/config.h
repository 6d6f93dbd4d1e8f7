#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "occvla/base/config.h"
#include "occvla/train/feed/feed_config.h"

namespace occvla::train {

/// What is trained, in the order of the paper (3.4): the scene VQ-VAE, then stages 1 to 3.
enum class StageName { kVqvae, kPretrain, kJoint, kPlanner };

/// What products of matrices are computed in. Trained weights are kept in float32 (float64 for
/// kFloat64) whatever this is.
enum class Precision { kFloat32, kBFloat16, kFloat64 };

/// Which voxels the occupancy loss counts (facts C14).
enum class VoxelMask { kNone, kCamera, kLidar };

/// What a checkpoint folder of the run holds: every tensor, the trained ones over their base, or
/// whichever is smaller by half.
enum class SaveAs { kAuto, kWhole, kOverlay };

}  // namespace occvla::train

template <>
struct occvla::EnumNames<occvla::train::StageName> {
  static constexpr std::pair<std::string_view, train::StageName> kNames[] = {
      {"vqvae", train::StageName::kVqvae},
      {"pretrain", train::StageName::kPretrain},
      {"joint", train::StageName::kJoint},
      {"planner", train::StageName::kPlanner}};
};
template <>
struct occvla::EnumNames<occvla::train::Precision> {
  static constexpr std::pair<std::string_view, train::Precision> kNames[] = {
      {"f32", train::Precision::kFloat32},
      {"bf16", train::Precision::kBFloat16},
      {"f64", train::Precision::kFloat64}};
};
template <>
struct occvla::EnumNames<occvla::train::VoxelMask> {
  static constexpr std::pair<std::string_view, train::VoxelMask> kNames[] = {
      {"none", train::VoxelMask::kNone},
      {"camera", train::VoxelMask::kCamera},
      {"lidar", train::VoxelMask::kLidar}};
};
template <>
struct occvla::EnumNames<occvla::train::SaveAs> {
  static constexpr std::pair<std::string_view, train::SaveAs> kNames[] = {
      {"auto", train::SaveAs::kAuto},
      {"whole", train::SaveAs::kWhole},
      {"overlay", train::SaveAs::kOverlay}};
};

namespace occvla::train {

/// Where a run lives and what it starts from.
struct RunConfig {
  std::filesystem::path out;
  std::string name;
  StageName stage = StageName::kJoint;
  uint64_t seed = 0;
  std::filesystem::path checkpoint;
  std::string preset = "nano";
  std::filesystem::path tokenizer;
  std::filesystem::path vqvae;
  std::vector<std::string> model;

  template <typename Visitor>
  void VisitFields(Visitor&& v) {
    v("out", out, "folder of the run");
    v("name", name, "name in the registry; empty = the folder's");
    v("stage", stage, "vqvae | pretrain | joint | planner");
    v("seed", seed, "of order, draws and new weights");
    v("checkpoint", checkpoint, "checkpoint to start from; empty = new weights of `preset`");
    v("preset", preset, "sizes of a new model, where there is no checkpoint");
    v("tokenizer", tokenizer, "folder of a new model's tokenizer; empty = the small one");
    v("model", model,
      "changes of the model's fields: [\"planner.history=0\"]; tensors that the checkpoint lacks "
      "start anew");
    v("vqvae", vqvae, "OccWorld .pth or checkpoint whose VQ-VAE is taken; empty = the model's own");
  }
};

/// Weights of the losses (facts B.7, C14, C15).
struct LossConfig {
  double lambda = 1;
  VoxelMask voxels = VoxelMask::kCamera;
  bool class_weights = false;
  double cross_entropy = 1, lovasz = 0, embedding = 1;
  int64_t restart_unused = 0;
  int64_t crop = 0;

  template <typename Visitor>
  void VisitFields(Visitor&& v) {
    v("lambda", lambda, "eq. 3: L = L_text + lambda L_occ");
    v("voxels", voxels, "camera | lidar | none: the mask of voxels that count");
    v("class_weights", class_weights, "weigh classes by 1 / log(frequency), free clipped");
    v("cross_entropy", cross_entropy, "weight of the voxels' cross-entropy in L_occ");
    v("lovasz", lovasz, "weight of Lovasz-softmax in L_occ");
    v("embedding", embedding, "weight of the codebook's loss; stage vqvae alone");
    v("crop", crop,
      "side of the part of the grid that a frame's occupancy loss looks at, voxels; 0 = all of it");
    v("restart_unused", restart_unused,
      "steps after which an unused code moves onto a latent; 0 = never; stage vqvae alone");
  }
};

/// How weights move.
struct OptimizerConfig {
  int64_t steps = 1000, batch = 8;
  double learning_rate = 1e-4, final_rate = 0.1;
  int64_t warmup = 50;
  double beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8, weight_decay = 0.01;
  bool decay_vectors = false;
  double clip = 1;
  std::vector<std::string> train;
  std::vector<std::string> zero_rate;
  std::vector<std::string> rates;
  bool shard = false;

  template <typename Visitor>
  void VisitFields(Visitor&& v) {
    v("steps", steps, "optimiser steps of the run");
    v("batch", batch, "frames of a step, over all ranks");
    v("learning_rate", learning_rate, "highest rate");
    v("final_rate", final_rate, "rate at the end of the cosine, as a share of the highest");
    v("warmup", warmup, "steps of linear warm-up");
    v("beta1", beta1, "AdamW");
    v("beta2", beta2, "AdamW");
    v("epsilon", epsilon, "AdamW");
    v("weight_decay", weight_decay, "decoupled, on matrices");
    v("decay_vectors", decay_vectors, "on vectors too, as OccWorld has it");
    v("clip", clip, "bound on the gradient's norm; 0 = none");
    v("train", train,
      "modules that are trained; empty = as the stage has it (vision, projector, language, "
      "adapters, occupancy, vq-encoder, vq-decoder, planner)");
    v("zero_rate", zero_rate,
      "modules of rate 0 whose gradients are made and count for clipping (facts C.1)");
    v("rates", rates, "factors on the rate of modules: [\"language 0.1\"]");
    v("shard", shard, "ZeRO-1: each rank keeps the optimiser's state of a part of the weights");
  }
};

/// What it is computed with.
struct ComputeConfig {
  Precision precision = Precision::kFloat32;
  std::string device = "cpu";
  int threads = 0, workers = 0;
  int64_t together = 1;
  bool recompute_layers = false;

  template <typename Visitor>
  void VisitFields(Visitor&& v) {
    v("precision", precision, "f32 | bf16 (float32 masters) | f64");
    v("device", device, "cpu, cuda or cuda:N");
    v("threads", threads, "of this process; 0 = all cores");
    v("workers", workers, "frames at a time, which share the threads; 0 = as many as threads");
    v("together", together,
      "frames computed in one pass (in stage planner always one); a GPU wants 8 or more. With 1 "
      "the "
      "bits do not depend on how many ranks there are");
    v("recompute_layers", recompute_layers, "keep each layer's input alone, run it again backward");
  }
};

/// What is kept and said on the way.
struct KeepConfig {
  int64_t every = 200, last = 3;
  SaveAs save = SaveAs::kAuto;
  std::string dtype = "F32";
  std::string best;
  int64_t log_every = 10, gradient_norms_every = 0;
  int64_t validate_every = 0, validate_frames = 32, validate_questions = 4, validate_pictures = 2;
  std::string validate_split = "val";

  template <typename Visitor>
  void VisitFields(Visitor&& v) {
    v("every", every, "steps between checkpoints");
    v("last", last, "checkpoints kept beside the best one");
    v("save", save, "whole | overlay (trained tensors over their base) | auto");
    v("dtype", dtype, "F32 | BF16: weights in the checkpoints; the training state is float32");
    v("best", best,
      "metric of validations (meta_action_both, qa, occupancy_miou, ...) whose best checkpoint is "
      "kept; \"-l2\" = lowest; empty = none");
    v("log_every", log_every, "steps between two records of metrics.jsonl");
    v("gradient_norms_every", gradient_norms_every, "steps between gradient norms by loss; 0 = no");
    v("validate_every", validate_every, "steps between validations by the engine; 0 = none");
    v("validate_frames", validate_frames, "keyframes of a validation, spread over the split");
    v("validate_questions", validate_questions,
      "questions of NuScenes-QA asked about each of them; 0 = none");
    v("validate_pictures", validate_pictures,
      "how many of them are drawn beside the truth, into the run's samples/ and page");
    v("validate_split", validate_split, "split of the first data set to validate on");
  }
};

/// A training run as configs/*.toml writes it.
struct TrainConfig {
  RunConfig run;
  FeedConfig data;
  LossConfig loss;
  OptimizerConfig optimizer;
  ComputeConfig compute;
  KeepConfig keep;

  template <typename Visitor>
  void VisitFields(Visitor&& v) {
    v("run", run, "where the run lives and what it starts from");
    v("data", data, "what a step reads");
    v("loss", loss, "weights of the losses");
    v("optimizer", optimizer, "how weights move");
    v("compute", compute, "what it is computed with");
    v("keep", keep, "what is kept and said on the way");
  }

  /// Throws one ConfigError that names every broken rule.
  void Validate() const;
};

}  // namespace occvla::train
