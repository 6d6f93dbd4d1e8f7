#include "occvla/train/frame_losses.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/core/GradMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "occvla/base/test_folder.h"
#include "occvla/model/files/init.h"
#include "occvla/train/losses.h"
#include "occvla/train/parameters.h"
#include "occvla/train/step.h"

namespace occvla::train {
namespace {

using Gradients = std::vector<at::Tensor>;

// A tiny model whose every tensor may be trained, and one made-up frame with three dialogues.
class FrameLossesTest : public ::testing::Test {
 protected:
  struct Trained {
    model::Checkpoint checkpoint;
    Parameters parameters;
    model::OccVla model;
  };

  static std::unique_ptr<Trained> Make(const OptimizerConfig& optimizer, at::ScalarType type,
                                       model::MaskMode mask = model::MaskMode::kOccvla) {
    const TestFolder folder;
    auto config = model::Preset("tiny");
    config.mask = mask;
    config.occupancy.grid = 10;
    config.text.layers = 2;
    model::InitCheckpoint(config, 5, DType::kF32, folder / "tiny");
    auto checkpoint = model::Checkpoint::Open(folder / "tiny");
    Parameters parameters(model::WeightsOf(checkpoint),
                          PlanModules(StageOf(StageName::kJoint), optimizer), false, type,
                          at::kCPU);
    // What starts at zero would hide what flows through it.
    for (const auto& parameter : parameters.trained()) {
      const c10::NoGradGuard off;
      auto value = parameter.value;
      if (!parameter.name.starts_with("vqvae.") && value.abs().max().item<double>() == 0)
        value.normal_(0, 0.1, Generator());
    }
    model::OccVla made(config, parameters.weights(),
                       {.compute = type, .mask = {}, .final_softcap = {}});
    return std::unique_ptr<Trained>(
        new Trained{std::move(checkpoint), std::move(parameters), std::move(made)});
  }

  static at::Generator Generator() {
    auto generator = at::detail::createCPUGenerator(3);
    return generator;
  }

  static Example Frame() {
    Example example;
    example.token = "frame";
    example.size_px = 56;
    for (size_t i = 0; i < size_t{6} * 56 * 56 * 3; ++i)
      example.rgb.push_back(static_cast<uint8_t>((i * 2654435761u) >> 24));
    example.dialogues = {{{2, 40, 41, 42, 108}, {50, 51, 52, 1}, "a"},
                         {{2, 43, 108}, {60, 1}, "b"},
                         {{2, 44, 45, 46, 47, 48, 108}, {70, 71, 72, 73, 74, 1}, "c"}};
    return example;
  }

  static OptimizerConfig AllModules() {
    OptimizerConfig optimizer;
    optimizer.train = {"vision", "projector", "language", "adapters", "occupancy"};
    return optimizer;
  }

  static at::Tensor Total(const FrameLosses& losses) {
    at::Tensor total;
    for (const auto& part : losses.parts) total = total.defined() ? total + part.loss : part.loss;
    return total;
  }

  static Gradients GradientsOf(const Trained& trained, const at::Tensor& loss) {
    return torch::autograd::grad({loss}, trained.parameters.TrainedTensors(), {}, false, false,
                                 /*allow_unused=*/true);
  }

  static double LargestDifference(const Gradients& a, const Gradients& b) {
    double largest = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i].defined(), b[i].defined());
      if (a[i].defined()) largest = std::max(largest, (a[i] - b[i]).abs().max().item<double>());
    }
    return largest;
  }
};

TEST_F(FrameLossesTest, QuestionsThatShareAFrameGiveTheGradientsOfSeparateSequences) {
  const auto trained = Make(AllModules(), at::kDouble);
  const FrameObjective objective(StageOf(StageName::kPretrain), {}, trained->model, {}, 1);
  const auto frame = Frame();
  const auto together = Total(objective(frame, nullptr));
  at::Tensor separate;
  for (const auto& dialogue : frame.dialogues) {
    auto alone = frame;
    alone.dialogues = {dialogue};
    const auto loss = Total(objective(alone, nullptr)) / 3;
    separate = separate.defined() ? separate + loss : loss;
  }
  EXPECT_NEAR(together.item<double>(), separate.item<double>(), 1e-12);
  const auto gradients = GradientsOf(*trained, together);
  EXPECT_LT(LargestDifference(gradients, GradientsOf(*trained, separate)), 1e-11);
}

// In float64 the attention over all frames at once, in float32 the CPU's kernels frame by frame.
TEST_F(FrameLossesTest, FramesInOnePassGiveTheSumsOfFramesAlone) {
  for (const auto type : {at::kDouble, at::kFloat}) {
    const auto trained = Make(AllModules(), type);
    std::vector<Example> frames{Frame(), Frame(), Frame()};
    for (auto& byte : frames[1].rgb) byte = static_cast<uint8_t>(byte * 7 + 3);
    frames[1].dialogues = {{{2, 81, 82, 108}, {83, 84, 85, 86, 87, 88, 89, 1}, "d"}};
    frames[2].dialogues.resize(2);
    for (size_t i = 0; i < frames.size(); ++i) {
      auto& labels = frames[i].labels.emplace();
      for (size_t v = 0; v < size_t{200} * 200 * 16; ++v)
        labels.semantics.push_back(static_cast<uint8_t>((v / 97 + i) * 2654435761u % 18));
      frames[i].position = i;
    }
    const LossConfig config{.voxels = VoxelMask::kNone, .lovasz = 1, .crop = 20};
    const FrameObjective objective(StageOf(StageName::kJoint), config, trained->model, {}, 1);
    const auto together = objective(frames);
    at::Tensor separate;
    double text = 0;
    for (const auto& frame : frames) {
      const auto alone = objective(frame, nullptr);
      separate = separate.defined() ? separate + Total(alone) : Total(alone);
      text += alone.values.at("text_loss").item<double>() / 3;
    }
    const double close = type == at::kDouble ? 1e-11 : 2e-3;
    EXPECT_NEAR(Total(together).item<double>(), separate.item<double>(), close);
    EXPECT_NEAR(together.values.at("text_loss").item<double>(), text, close);
    EXPECT_LT(
        LargestDifference(GradientsOf(*trained, Total(together)), GradientsOf(*trained, separate)),
        close);
  }
}

TEST_F(FrameLossesTest, AFrameWithoutQuestionsAddsNothingToAStep) {
  const auto trained = Make(AllModules(), at::kDouble);
  const FrameObjective objective(StageOf(StageName::kPretrain), {}, trained->model, {}, 1);
  auto silent = Frame();
  silent.dialogues.clear();
  FrameThreads threads(1, 1);
  StepRunner runner(objective, trained->parameters, threads, nullptr);
  const auto alone = runner.Run({silent}, /*by_loss=*/false, {});
  EXPECT_EQ(alone.frames, 1);
  EXPECT_EQ(alone.values.at("loss").first, 0);
  for (const auto& gradient : alone.gradients) EXPECT_EQ(gradient.abs().max().item<double>(), 0);
  const auto both = runner.Run({Frame(), silent}, /*by_loss=*/false, {});
  const auto one = runner.Run({Frame()}, /*by_loss=*/false, {});
  EXPECT_EQ(LargestDifference(both.gradients, one.gradients), 0);
}

TEST_F(FrameLossesTest, LayersThatRunAgainGiveTheSameGradients) {
  const auto trained = Make(AllModules(), at::kFloat);
  const FrameObjective objective(StageOf(StageName::kPretrain), {}, trained->model, {}, 1);
  const auto frame = Frame();
  const auto kept = Total(objective(frame, nullptr));
  trained->model.set_recompute_layers(true);
  const auto again = Total(objective(frame, nullptr));
  EXPECT_EQ(kept.item<double>(), again.item<double>());
  EXPECT_EQ(LargestDifference(GradientsOf(*trained, kept), GradientsOf(*trained, again)), 0);
}

class LeakTest : public FrameLossesTest, public ::testing::WithParamInterface<model::MaskMode> {};

TEST_P(LeakTest, NoTokenTakesPartInItsOwnPrediction) {
  const auto trained = Make(AllModules(), at::kDouble, GetParam());
  const auto& model = trained->model;
  const auto frame = Frame();
  const auto pixels = PixelsOf(std::span(&frame, 1), at::kCPU);
  const auto embedded = model.EmbedImages(model.ImageFeatures(pixels).image).detach();
  auto cache = model.MakeCache(0);
  const bool shares = GetParam() == model::MaskMode::kOccvla;
  if (shares) model.PrefillImages(embedded, cache);
  const auto hidden = [&](const std::vector<int64_t>& suffix) {
    const model::OccVla::Dialogue dialogue{{2, 40, 41, 108}, suffix};
    return shares ? model.DialogueHidden({dialogue}, cache)
                  : model.DialogueHiddenTogether(dialogue, embedded);
  };
  const std::vector<int64_t> suffix{50, 51, 52, 53, 54, 1};
  const auto rows = hidden(suffix);  // Row t predicts token t.
  for (const size_t swapped : {size_t{0}, size_t{3}}) {
    auto other = suffix;
    other[swapped] = 99;
    const auto changed = (hidden(other) - rows).abs().amax(1);
    for (size_t t = 0; t < suffix.size(); ++t) {
      const double by = changed[static_cast<int64_t>(t)].item<double>();
      if (t <= swapped) {
        EXPECT_EQ(by, 0) << "token " << swapped << " shows in the prediction of token " << t;
      } else {
        EXPECT_GT(by, 0) << "token " << swapped << " is not seen by token " << t;
      }
    }
  }
  // By gradient: of token 2's prediction to the embeddings of the answer's tokens.
  at::Tensor table;
  for (const auto& parameter : trained->parameters.trained())
    if (parameter.name.ends_with("embed_tokens.weight")) table = parameter.value;
  const auto gradient = torch::autograd::grad({rows[2].sum()}, {table})[0].abs().amax(1);
  EXPECT_GT(gradient[50].item<double>(), 0);
  EXPECT_GT(gradient[51].item<double>(), 0);
  for (const int64_t later : {52, 53, 54, 1}) EXPECT_EQ(gradient[later].item<double>(), 0);
}

INSTANTIATE_TEST_SUITE_P(Masks, LeakTest,
                         ::testing::Values(model::MaskMode::kOccvla, model::MaskMode::kPaligemma));

TEST_F(FrameLossesTest, AModuleOfRateZeroHasGradientsAndPassesTheSameOnesOn) {
  auto frame = Frame();
  data::occ3d::Labels labels;
  for (size_t i = 0; i < size_t{200} * 200 * 16; ++i)
    labels.semantics.push_back(static_cast<uint8_t>(i % 18));
  labels.mask_camera = labels.mask_lidar = std::vector<uint8_t>(labels.semantics.size(), 1);
  frame.labels = labels;
  frame.dialogues.clear();
  LossConfig loss;
  loss.crop = 40;
  OptimizerConfig frozen, zero;
  frozen.train = zero.train = {"occupancy"};
  zero.zero_rate = {"vq-decoder"};
  std::vector<at::Tensor> of_queries;
  for (const auto& optimizer : {frozen, zero}) {
    const auto trained = Make(optimizer, at::kFloat);
    const FrameObjective objective(StageOf(StageName::kJoint), loss, trained->model, {}, 1);
    const auto gradients = GradientsOf(*trained, Total(objective(frame, nullptr)));
    for (size_t i = 0; i < gradients.size(); ++i) {
      const auto& parameter = trained->parameters.trained()[i];
      if (parameter.name == "occupancy.queries.weight") of_queries.push_back(gradients[i]);
      if (!parameter.name.starts_with("vqvae.")) continue;
      EXPECT_EQ(parameter.rate, 0);
      EXPECT_GT(gradients[i].abs().max().item<double>(), 0) << parameter.name;
    }
  }
  ASSERT_EQ(of_queries.size(), 2u);
  EXPECT_GT(of_queries[0].abs().max().item<double>(), 0);
  EXPECT_LT((of_queries[0] - of_queries[1]).abs().max().item<double>(), 1e-6);
}

}  // namespace
}  // namespace occvla::train
