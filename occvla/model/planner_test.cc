#include "occvla/model/planner.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace occvla::model {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Twelve inputs, one layer that hands them on: what comes out is what went in, in order.
// Velocity and direction embeddings are one wide, tokens two wide and summed to the visual input.
Planner Transparent(const std::string& pool = "mean") {
  Planner planner;
  planner.config = {.velocity_width = 1,
                    .direction_width = 1,
                    .visual_width = 1,
                    .hidden = 12,
                    .history = 3,
                    .velocity = true,
                    .pool = pool};
  planner.velocity_embedding = at::tensor({100.f, 101.f, 102.f}).view({3, 1});
  planner.direction_embedding = at::tensor({200.f, 201.f, 202.f, 203.f, 204.f, 205.f}).view({6, 1});
  planner.visual = {at::ones({1, 2}), at::zeros({1})};
  planner.query = at::tensor({10.f, 0.f}).view({1, 2});
  auto weight = at::zeros({12, 11});  // Row 11 stays zero.
  for (int64_t i = 0; i < 11; ++i) weight[i][i] = 1;
  planner.mlp = {{weight, at::zeros({12})}};
  return planner;
}

std::vector<float> Values(const at::Tensor& plan) {
  const auto flat = plan.flatten().contiguous();
  return {flat.const_data_ptr<float>(), flat.const_data_ptr<float>() + flat.numel()};
}

const data::MetaAction kAction{data::Velocity::kDecelerate, data::Direction::kChangeLaneRight};

data::EgoState KnownState() {
  data::EgoState ego;
  ego.velocity_E = {1.5, -0.5};
  ego.past_positions_E = {{-1, 0.125}, {-2, 0.25}, {-3, 0.5}, {-4, 1}};
  return ego;
}

TEST(PlannerTest, InputsStandInTheOrderOfTheFacts) {
  const auto hidden = at::tensor({1.f, 2.f, 5.f, 4.f}).view({2, 2});  // mean [3, 3]
  const auto plan = Transparent()(hidden, kAction, KnownState());
  EXPECT_EQ(plan.sizes(), at::IntArrayRef({6, 2}));
  EXPECT_THAT(Values(plan),
              ElementsAre(102, 204, 1.5f, -0.5f, 6, -1, 0.125f, -2, 0.25f, -3, 0.5f, 0));
}

TEST(PlannerTest, UnknownInputsCountAsZeroAndAreNamed) {
  auto ego = KnownState();
  ego.velocity_E.reset();
  ego.past_positions_E.resize(2);
  const auto planner = Transparent();
  const auto plan = planner(at::zeros({2, 2}), kAction, ego);
  EXPECT_THAT(Values(plan), ElementsAre(102, 204, 0, 0, 0, -1, 0.125f, -2, 0.25f, 0, 0, 0));
  EXPECT_THAT(planner.MissingInputs(ego), ElementsAre("velocity", "past_positions"));
  EXPECT_THAT(planner.MissingInputs(KnownState()), IsEmpty());
}

TEST(PlannerTest, InputsThatTheConfigLeavesOutAreNeitherReadNorMissed) {
  auto planner = Transparent();
  planner.config.velocity = false;
  planner.config.history = 0;
  planner.mlp = {{at::eye(12, 3), at::zeros({12})}};
  const auto plan = planner(at::full({2, 2}, 0.25f), kAction, KnownState());
  EXPECT_THAT(Values(plan), ElementsAre(102, 204, 0.5f, 0, 0, 0, 0, 0, 0, 0, 0, 0));
  EXPECT_THAT(planner.MissingInputs({}), IsEmpty());
}

// Scores 10 x / sqrt(2): the softmax weights of tokens [1, 0] and [0, 3].
TEST(PlannerTest, LearnedQueryWeighsTheTokens) {
  const auto hidden = at::tensor({1.f, 0.f, 0.f, 3.f}).view({2, 2});
  const double first = 1 / (1 + std::exp(-10 / std::sqrt(2.0)));
  const auto plan = Transparent("query")(hidden, kAction, KnownState());
  EXPECT_NEAR(Values(plan)[4], first + 3 * (1 - first), 1e-6);
}

TEST(PlannerTest, ReluStandsBetweenLayersButNotAfterTheLast) {
  auto planner = Transparent();
  planner.mlp = {{at::eye(11), at::zeros({11})}, {-at::eye(12, 11), at::zeros({12})}};
  const auto plan = planner(at::zeros({2, 2}), kAction, KnownState());
  // Negative inputs are cut; positive ones come out negative.
  EXPECT_THAT(Values(plan),
              ElementsAre(-102, -204, -1.5f, 0, 0, 0, -0.125f, 0, -0.25f, 0, -0.5f, 0));
}

}  // namespace
}  // namespace occvla::model
