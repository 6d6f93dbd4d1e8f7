#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "occvla/train/feed/example.h"
#include "occvla/train/recipe/config.h"

namespace occvla::train {

/// Parts of a model as configs name them.
enum class Module {
  kVision,     ///< SigLIP.
  kProjector,  ///< Projector, camera embedding, camera rays.
  kLanguage,   ///< Gemma 2, its embedding too.
  kAdapters,   ///< Those that all tokens share.
  kOccupancy,  ///< Queries, projector, adapters and head of the occupancy branch.
  kVqEncoder,  ///< VQ-VAE: encoder, quant_conv, codebook.
  kVqDecoder,  ///< VQ-VAE: post_quant_conv, decoder, class embeddings.
  kPlanner,
};

}  // namespace occvla::train

template <>
struct occvla::EnumNames<occvla::train::Module> {
  static constexpr std::pair<std::string_view, train::Module> kNames[] = {
      {"vision", train::Module::kVision},        {"projector", train::Module::kProjector},
      {"language", train::Module::kLanguage},    {"adapters", train::Module::kAdapters},
      {"occupancy", train::Module::kOccupancy},  {"vq-encoder", train::Module::kVqEncoder},
      {"vq-decoder", train::Module::kVqDecoder}, {"planner", train::Module::kPlanner}};
};

namespace occvla::train {

/// The module of a tensor by its canonical name (model::ExpectedTensors).
Module ModuleOf(std::string_view tensor);

/// A row of the table of stages (paper 3.4; facts C.2).
struct Stage {
  StageName name;
  std::vector<Module> train, zero_rate;  ///< Unless the config says otherwise.
  bool images = false;                   ///< Reads camera images.
  bool text = false;                     ///< L_text over the frames' dialogues.
  bool occupancy = false;                ///< L_occ through the VQ decoder.
  bool reconstruction = false;           ///< The VQ-VAE's own losses.
  bool trajectory = false;               ///< The planning head's error.
};
const Stage& StageOf(StageName name);
/// What its steps read of a frame.
Wish WishOf(const Stage& stage);

/// What happens to a module in a run.
struct ModulePlan {
  bool trained = false;  ///< Gradients are made.
  double rate = 1;       ///< Factor on the learning rate; 0 where in zero_rate.
};
/// By module. Throws ConfigError for an unknown module, one named twice, a factor that is none.
std::vector<ModulePlan> PlanModules(const Stage& stage, const OptimizerConfig& optimizer);

/// Learning rate of step 0, 1, ...: linear warm-up to the highest, then a cosine down to
/// final_rate of it at the last step.
double LearningRate(const OptimizerConfig& optimizer, int64_t step);

}  // namespace occvla::train
