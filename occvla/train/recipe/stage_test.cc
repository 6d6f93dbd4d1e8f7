#include "occvla/train/recipe/stage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "occvla/base/error.h"
#include "occvla/model/files/config.h"

namespace occvla::train {
namespace {

using ::testing::HasSubstr;

std::string WhyNot(const OptimizerConfig& optimizer) {
  try {
    PlanModules(StageOf(StageName::kJoint), optimizer);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(ModuleTest, EveryTensorOfAModelBelongsToOne) {
  auto config = model::Preset("tiny");
  config.camera_rays = true;
  config.occupancy.own_adapters = config.occupancy.new_head = true;
  for (const auto& spec : model::ExpectedTensors(config))
    EXPECT_NO_THROW(ModuleOf(spec.name)) << spec.name;
  EXPECT_EQ(ModuleOf("vqvae.vqvae.post_quant_conv.weight"), Module::kVqDecoder);
  EXPECT_EQ(ModuleOf("vqvae.class_embeds.weight"), Module::kVqDecoder);
  EXPECT_EQ(ModuleOf("vqvae.vqvae.embedding.weight"), Module::kVqEncoder);
  EXPECT_EQ(ModuleOf("occupancy.adapters.0.ffn.up.bias"), Module::kOccupancy);
}

TEST(ModuleTest, TheStageDecidesUnlessTheConfigDoes) {
  const auto of = [](const std::vector<ModulePlan>& plans, Module module) {
    return plans[static_cast<size_t>(module)];
  };
  const auto usual = PlanModules(StageOf(StageName::kJoint), {});
  EXPECT_TRUE(of(usual, Module::kAdapters).trained);
  EXPECT_FALSE(of(usual, Module::kLanguage).trained);
  OptimizerConfig own;
  own.train = {"language", "occupancy"};
  own.zero_rate = {"vq-decoder"};
  own.rates = {"language 0.1"};
  const auto plans = PlanModules(StageOf(StageName::kJoint), own);
  EXPECT_FALSE(of(plans, Module::kAdapters).trained);
  EXPECT_DOUBLE_EQ(of(plans, Module::kLanguage).rate, 0.1);
  EXPECT_TRUE(of(plans, Module::kVqDecoder).trained);
  EXPECT_EQ(of(plans, Module::kVqDecoder).rate, 0);
}

TEST(ModuleTest, WhatCannotBeReadIsNamed) {
  OptimizerConfig unknown, twice, factor, idle;
  unknown.train = {"visoin"};
  EXPECT_THAT(WhyNot(unknown), HasSubstr("\"visoin\" is no module of a model"));
  twice.train = twice.zero_rate = {"vision"};
  EXPECT_THAT(WhyNot(twice), HasSubstr("module vision is both in train and in zero_rate"));
  factor.rates = {"adapters fast"};
  EXPECT_THAT(WhyNot(factor), HasSubstr("is not a module and a factor above 0"));
  idle.rates = {"language 0.1"};
  EXPECT_THAT(WhyNot(idle), HasSubstr("names a module that is not trained"));
}

TEST(LearningRateTest, WarmsUpAndFallsByACosine) {
  OptimizerConfig optimizer;
  optimizer.steps = 101;
  optimizer.warmup = 10;
  optimizer.learning_rate = 2;
  optimizer.final_rate = 0.25;
  EXPECT_DOUBLE_EQ(LearningRate(optimizer, 0), 0.2);
  EXPECT_DOUBLE_EQ(LearningRate(optimizer, 9), 2);
  EXPECT_DOUBLE_EQ(LearningRate(optimizer, 10), 2);
  EXPECT_NEAR(LearningRate(optimizer, 55), 1.25, 1e-12);
  EXPECT_NEAR(LearningRate(optimizer, 100), 0.5, 1e-12);
}

TEST(TrainConfigTest, AllBrokenRulesComeTogether) {
  TrainConfig config;
  config.optimizer.batch = 0;
  config.loss.crop = 12;
  config.keep.best = "l2";
  try {
    config.Validate();
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("run.out is not set"));
    EXPECT_THAT(error.what(), HasSubstr("optimizer.batch must be from 1 to 65536"));
    EXPECT_THAT(error.what(), HasSubstr("loss.crop must be a multiple of 8 voxels"));
    EXPECT_THAT(error.what(), HasSubstr("keep.best needs validations"));
  }
}

}  // namespace
}  // namespace occvla::train
