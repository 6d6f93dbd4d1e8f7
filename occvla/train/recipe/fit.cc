#include "occvla/train/recipe/fit.h"

#include <vector>

#include "occvla/base/error.h"
#include "occvla/base/text.h"
#include "occvla/train/recipe/stage.h"

namespace occvla::train {

void RequireFit(const TrainConfig& config, const model::ModelConfig& model,
                const std::string& checkpoint, int ranks) {
  const auto& stage = StageOf(config.run.stage);
  std::vector<std::string> problems;
  const auto require = [&](bool holds, const std::string& problem) {
    if (!holds) problems.push_back("train: " + problem);
  };
  require(config.keep.validate_every == 0 || !stage.reconstruction,
          "keep.validate_every is set, but a VQ-VAE alone gives the engine nothing to say; set it "
          "to 0. Its metrics are in metrics.jsonl.");
  require(config.optimizer.batch % ranks == 0,
          "optimizer.batch = " + std::to_string(config.optimizer.batch) +
              " does not divide among " + std::to_string(ranks) + " ranks.");
  require(!stage.occupancy || model.mask == model::MaskMode::kOccvla,
          "stage joint needs mask occvla. Under mask paligemma the images' keys depend on the "
          "prompt, and the occupancy branch would see it.");
  require(!(stage.occupancy || stage.reconstruction) || model.has_occupancy,
          checkpoint + " has no occupancy branch; add one with `occvla convert`.");
  require(!stage.occupancy || config.compute.together <= 1 ||
              !(model.occupancy.self_attention || model.occupancy.text_sees),
          "compute.together > 1 needs occupancy queries that leave no keys behind "
          "(occupancy.self_attention and text_sees false); set it to 1.");
  require(!stage.trajectory || model.has_planner,
          checkpoint + " has no planning head; add one with `occvla convert`.");
  if (!problems.empty()) throw ConfigError(Join(problems, "\n"));
}

}  // namespace occvla::train
