#include "occvla/train/recipe/plan.h"

#include <gtest/gtest.h>

#include "occvla/base/error.h"
#include "occvla/train/recipe/stage.h"

namespace occvla::train {
namespace {

TrainConfig Joint() {
  TrainConfig config;
  config.run.stage = StageName::kJoint;
  config.optimizer.batch = 8;
  config.compute.workers = 1;
  return config;
}

uint64_t Bytes(const MemoryPlan& plan, const std::string& kind) {
  uint64_t sum = 0;
  for (const auto& row : plan.rows)
    if (row.kind == kind) sum += row.bytes;
  return sum;
}

MemoryPlan Plan(const TrainConfig& config, int ranks = 1) {
  return PlanMemory(config, model::Preset("nano"), {}, ranks, 4);
}

TEST(PlanTest, MomentsAreTwoNumbersForEachTrainedWeightDividedAmongShardingRanks) {
  auto config = Joint();
  int64_t trained = 0;
  const auto modules = PlanModules(StageOf(config.run.stage), config.optimizer);
  for (const auto& spec : model::ExpectedTensors(model::Preset("nano")))
    if (modules[static_cast<size_t>(ModuleOf(spec.name))].trained) trained += Elements(spec);
  EXPECT_EQ(Bytes(Plan(config), "optimiser"), static_cast<uint64_t>(trained) * 8);
  EXPECT_EQ(Bytes(Plan(config, 4), "optimiser"), static_cast<uint64_t>(trained) * 8);
  config.optimizer.shard = true;
  EXPECT_EQ(Bytes(Plan(config, 4), "optimiser"), static_cast<uint64_t>(trained) * 2);
}

TEST(PlanTest, ActivationsGrowWithFramesAtOnceAndShrinkWhereLayersRunAgain) {
  auto config = Joint();
  const auto one = Bytes(Plan(config), "activations");
  config.compute.together = 4;
  EXPECT_EQ(Plan(config).frames_at_once, 4);
  EXPECT_NEAR(static_cast<double>(Bytes(Plan(config), "activations")), 4.0 * one, 64);
  config.compute.workers = 2;
  EXPECT_EQ(Plan(config).frames_at_once, 8);
  EXPECT_EQ(Plan(config, 4).frames_at_once, 2);  // A rank has no more.
  config = Joint();
  config.compute.recompute_layers = true;
  EXPECT_LT(Bytes(Plan(config), "activations"), one);
}

TEST(PlanTest, FrozenWeightsOfHalfSizeAreUsedAsTheyLieInTheFile) {
  std::map<std::string, uint64_t> stored;
  const auto preset = model::Preset("nano");
  uint64_t all = 0;
  for (const auto& spec : model::ExpectedTensors(preset)) {
    stored[spec.name] = static_cast<uint64_t>(2 * model::Elements(spec));
    all += stored[spec.name];
  }
  const auto plan = PlanMemory(Joint(), preset, stored, 1, 4);
  EXPECT_EQ(plan.rows[0].bytes, all);
  // Only vectors and the VQ-VAE are laid out anew.
  EXPECT_LT(
      plan.rows[1].bytes,
      2 * static_cast<uint64_t>(ParameterCount(VqvaeTensors(preset.vqvae))) + (uint64_t{8} << 20));
}

TEST(PlanTest, ABatchThatDoesNotDivideAmongTheRanksIsRefused) {
  try {
    Plan(Joint(), 3);
    FAIL() << "eight frames were divided among three ranks";
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(), "train: optimizer.batch = 8 does not divide among 3 ranks.");
  }
}

}  // namespace
}  // namespace occvla::train
