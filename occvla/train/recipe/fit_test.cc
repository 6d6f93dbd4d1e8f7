#include "occvla/train/recipe/fit.h"

#include <gtest/gtest.h>

#include "occvla/base/error.h"

namespace occvla::train {
namespace {

std::string WhyNot(const TrainConfig& config, const model::ModelConfig& model, int ranks = 1) {
  try {
    RequireFit(config, model, "models/some", ranks);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(FitTest, AModelWithEverythingFitsEveryStage) {
  TrainConfig config;
  for (const auto& [name, stage] : EnumNames<StageName>::kNames) {
    config.run.stage = stage;
    EXPECT_EQ(WhyNot(config, model::Preset("tiny"), 4), "") << name;
  }
}

TEST(FitTest, EverythingThatDoesNotFitIsNamedAtOnce) {
  TrainConfig config;
  config.optimizer.batch = 6;
  auto model = model::Preset("tiny");
  model.mask = model::MaskMode::kPaligemma;
  model.has_occupancy = false;
  EXPECT_EQ(WhyNot(config, model, 4),
            "train: optimizer.batch = 6 does not divide among 4 ranks.\n"
            "train: stage joint needs mask occvla. Under mask paligemma the images' keys depend on "
            "the prompt, and the occupancy branch would see it.\n"
            "train: models/some has no occupancy branch; add one with `occvla convert`.");
}

TEST(FitTest, AVqvaeAloneIsNotValidated) {
  TrainConfig config;
  config.run.stage = StageName::kVqvae;
  config.keep.validate_every = 10;
  EXPECT_EQ(WhyNot(config, model::Preset("tiny")),
            "train: keep.validate_every is set, but a VQ-VAE alone gives the engine nothing to "
            "say; set it to 0. Its metrics are in metrics.jsonl.");
}

}  // namespace
}  // namespace occvla::train
