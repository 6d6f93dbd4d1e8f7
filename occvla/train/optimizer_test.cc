#include "occvla/train/optimizer.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <mutex>

#include "occvla/train/frame_threads.h"

namespace occvla::train {
namespace {

std::vector<Parameter> TwoParameters(double rate) {
  const auto options = at::TensorOptions().dtype(at::kDouble);
  return {{"a", at::arange(1, 5, options).view({2, 2}), 1, true},
          {"b", at::arange(1, 4, options), rate, false}};
}

std::vector<at::Tensor> GradientsAt(int step, const std::vector<Parameter>& parameters) {
  std::vector<at::Tensor> gradients;
  for (const auto& parameter : parameters)
    gradients.push_back(at::sin(parameter.value * (step + 1)));
  return gradients;
}

TEST(AdamWTest, MovesAsItsFormulaSays) {
  OptimizerConfig config;
  config.weight_decay = 0.1;
  config.clip = 0;
  const auto parameters = TwoParameters(0.5);
  AdamW optimizer(parameters, config);
  std::vector<std::vector<double>> value(2), first(2), second(2);
  for (int p = 0; p < 2; ++p) {
    const auto flat = parameters[p].value.flatten();
    for (int64_t i = 0; i < flat.numel(); ++i) value[p].push_back(flat[i].item<double>());
    first[p].resize(value[p].size());
    second[p].resize(value[p].size());
  }
  for (int step = 0; step < 5; ++step) {
    const double rate = 0.01 * (step + 1);
    optimizer.Step(GradientsAt(step, parameters), rate);
    for (int p = 0; p < 2; ++p) {
      const double own = rate * parameters[p].rate, decay = parameters[p].decays ? 0.1 : 0;
      for (size_t i = 0; i < value[p].size(); ++i) {
        const double g = std::sin(value[p][i] * (step + 1));
        value[p][i] *= 1 - own * decay;
        first[p][i] = config.beta1 * first[p][i] + (1 - config.beta1) * g;
        second[p][i] = config.beta2 * second[p][i] + (1 - config.beta2) * g * g;
        const double m = first[p][i] / (1 - std::pow(config.beta1, step + 1));
        const double v = second[p][i] / (1 - std::pow(config.beta2, step + 1));
        value[p][i] -= own * m / (std::sqrt(v) + config.epsilon);
        EXPECT_NEAR(parameters[p].value.flatten()[static_cast<int64_t>(i)].item<double>(),
                    value[p][i], 1e-12);
      }
    }
  }
}

TEST(AdamWTest, ClipsByTheCommonNormInWhichRateZeroCounts) {
  OptimizerConfig config;
  config.clip = 1;
  config.weight_decay = 0.1;
  const auto parameters = TwoParameters(0);
  const auto before = parameters[1].value.clone();
  AdamW optimizer(parameters, config);
  const auto options = at::TensorOptions().dtype(at::kDouble);
  const auto norm = optimizer.Step(
      {at::full({2, 2}, 1.5, options), at::full({3}, 4.0 / std::sqrt(3), options)}, 0.1);
  EXPECT_NEAR(norm.item<double>(), 5, 1e-12);
  EXPECT_TRUE(at::equal(parameters[1].value, before));
  EXPECT_NEAR(optimizer.moments()[0].first[0][0].item<double>(), (1 - config.beta1) * 0.3, 1e-6);
}

TEST(AdamWTest, ABrokenGradientMovesNothing) {
  const auto parameters = TwoParameters(1);
  const auto before = parameters[0].value.clone();
  AdamW optimizer(parameters, {});
  auto gradients = GradientsAt(0, parameters);
  gradients[1][0] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(std::isfinite(optimizer.Step(gradients, 0.1).item<double>()));
  EXPECT_TRUE(at::equal(parameters[0].value, before));
  EXPECT_EQ(optimizer.moments()[0].first.abs().max().item<double>(), 0);
}

TEST(AdamWTest, ForgottenRowsBeginAnewAndTheOthersGoOn) {
  const auto parameters = TwoParameters(1);
  AdamW optimizer(parameters, {});
  optimizer.Step(GradientsAt(0, parameters), 0.1);
  const auto kept = optimizer.moments()[0].second[0].clone();
  ASSERT_GT(optimizer.moments()[0].first[1].abs().max().item<double>(), 0);
  optimizer.ForgetRows(0, {1});
  EXPECT_EQ(optimizer.moments()[0].first[1].abs().max().item<double>(), 0);
  EXPECT_EQ(optimizer.moments()[0].second[1].abs().max().item<double>(), 0);
  EXPECT_TRUE(at::equal(optimizer.moments()[0].second[0], kept));
}

TEST(FrameThreadsTest, TakesInOrderWhoeverIsFaster) {
  FrameThreads threads(3, 3);
  std::vector<size_t> taken;
  std::mutex mutex;
  threads.Run(
      40,
      [](size_t i) {
        if (i % 3 == 0) std::this_thread::yield();
      },
      [&](size_t i) {
        const std::lock_guard lock(mutex);
        taken.push_back(i);
      });
  ASSERT_EQ(taken.size(), 40u);
  for (size_t i = 0; i < taken.size(); ++i) EXPECT_EQ(taken[i], i);
}

TEST(FrameThreadsTest, AnErrorReachesTheCallerAndTheNextRunIsWhole) {
  FrameThreads threads(2, 2);
  EXPECT_THROW(threads.Run(
                   10,
                   [](size_t i) {
                     if (i == 4) throw std::runtime_error("four");
                   },
                   [](size_t) {}),
               std::runtime_error);
  size_t done = 0;
  threads.Run(
      5, [](size_t) {}, [&](size_t) { ++done; });
  EXPECT_EQ(done, 5u);
}

}  // namespace
}  // namespace occvla::train
