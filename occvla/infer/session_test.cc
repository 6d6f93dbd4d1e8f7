#include "occvla/infer/session.h"

#include <cmath>
#include <fstream>
#include <limits>

#include "occvla/base/files.h"
#include "occvla/infer/test_checkpoints.h"
#include "occvla/model/test_model.h"

// What is kept between requests, what skipping occupancy may change (nothing), and what a session
// refuses to open.
namespace occvla::infer {
namespace {

using ::testing::HasSubstr;

struct Precision {
  std::string preset;
  DType stored;
  ComputeType compute;
};
class Skipping : public ::testing::TestWithParam<Precision> {};

// Text and trajectory are the same bits with occupancy on, off, and absent from the checkpoint.
TEST_P(Skipping, OccupancyChangesNoBitOfTheAnswer) {
  const auto [preset, stored, compute] = GetParam();
  auto config = model::Preset(preset);
  const auto name = preset + std::string(SafetensorsName(stored));
  const auto& whole = CheckpointFolder(name, config, stored);
  config.has_occupancy = false;
  const auto& bare = CheckpointFolder(name + "-bare", config, stored);

  Engine engine(whole, {.dtype = compute, .mask = {}}),
      without(bare, {.dtype = compute, .mask = {}});
  auto request = Question("Where to?");
  request.occupancy = true;
  const auto on = Ask(engine, request);
  request.occupancy = false;
  const auto off = Ask(engine, request), absent = Ask(without, request);
  ExpectSameAnswer(on, off);
  ExpectSameAnswer(on, absent);
  ASSERT_TRUE(on.occupancy);
  EXPECT_EQ(on.occupancy->labels.size(), 200u * 200 * 16);
  EXPECT_THAT(on.occupancy->labels, ::testing::Each(::testing::Lt(18)));
  EXPECT_FALSE(off.occupancy);
  EXPECT_EQ(off.timings.occupancy_ms, 0);
}

INSTANTIATE_TEST_SUITE_P(Presets, Skipping,
                         ::testing::Values(Precision{"tiny", DType::kF32, ComputeType::kFloat32},
                                           Precision{"tiny", DType::kBF16, ComputeType::kBFloat16},
                                           Precision{"nano", DType::kF32, ComputeType::kFloat32},
                                           Precision{"nano", DType::kBF16,
                                                     ComputeType::kBFloat16}));

TEST(SessionTest, SecondQuestionOnAFrameStartsAtTheText) {
  Engine engine(TinyFolder()), fresh(TinyFolder());
  const auto first = Ask(engine, Question("Where to?"));
  EXPECT_FALSE(first.timings.frame_cached);
  EXPECT_GT(first.timings.vision_ms, 0);
  EXPECT_GT(first.timings.prefill_ms, 0);
  auto frame = NoiseFrame();
  frame.token = "the same images under another name";
  const auto second = Ask(engine, Question("Why?", frame));
  EXPECT_TRUE(second.timings.frame_cached);
  EXPECT_EQ(second.timings.image_ms, 0);
  EXPECT_EQ(second.timings.vision_ms, 0);
  EXPECT_EQ(second.timings.prefill_ms, 0);
  EXPECT_EQ(second.token, frame.token);
  ExpectSameAnswer(second, Ask(fresh, Question("Why?")));
}

TEST(SessionTest, AnotherFrameInBetweenIsSeen) {
  Engine engine(TinyFolder());
  const auto first = Ask(engine, Question("Where to?", NoiseFrame(1)));
  const auto other = Ask(engine, Question("Where to?", NoiseFrame(2)));
  EXPECT_FALSE(other.timings.frame_cached);
  EXPECT_NE(other.trajectory_E, first.trajectory_E);
  const auto again = Ask(engine, Question("Where to?", NoiseFrame(1)));
  EXPECT_FALSE(again.timings.frame_cached);
  ExpectSameAnswer(first, again);
}

TEST(SessionTest, OneChangedImageIsAnotherFrame) {
  Engine engine(TinyFolder());
  Ask(engine, Question("Where to?"));
  auto frame = NoiseFrame();
  frame.images[5] = NoiseFrame(2).images[5];
  EXPECT_FALSE(Ask(engine, Question("Where to?", frame)).timings.frame_cached);
  std::swap(frame.images[0], frame.images[1]);
  EXPECT_FALSE(Ask(engine, Question("Where to?", frame)).timings.frame_cached);
}

TEST(SessionTest, KeyOfTheCallerStandsForTheImages) {
  Engine engine(TinyFolder());
  auto request = Question("Where to?", NoiseFrame(1));
  request.frame_key = "7";
  const auto first = Ask(engine, request);
  request.frame = NoiseFrame(2);
  const auto trusted = Ask(engine, request);
  EXPECT_TRUE(trusted.timings.frame_cached);
  ExpectSameAnswer(first, trusted);
  request.frame_key = "8";
  EXPECT_FALSE(Ask(engine, request).timings.frame_cached);
}

TEST(SessionTest, FileAndItsBytesAreOneFrame) {
  const TestFolder folder;
  auto frame = NoiseFrame();
  for (size_t camera = 0; camera < 6; ++camera) {
    auto& image = frame.images[camera];
    image.path = folder / (std::to_string(camera) + ".png");
    WriteFileAtomically(image.path, std::exchange(image.bytes, {}));
  }
  Engine engine(TinyFolder());
  const auto first = Ask(engine, Question("Where to?", frame));
  const auto second = Ask(engine, Question("Where to?", NoiseFrame()));
  EXPECT_TRUE(second.timings.frame_cached);
  ExpectSameAnswer(first, second);
  WriteFileAtomically(frame.images[0].path, NoiseFrame(2).images[0].bytes);
  EXPECT_FALSE(Ask(engine, Question("Where to?", frame)).timings.frame_cached);
}

// Where images see the question, vision alone can be kept.
TEST(SessionTest, UnderPaligemmaASecondQuestionKeepsVisionAlone) {
  const EngineOptions options{.mask = model::MaskMode::kPaligemma};
  Engine engine(TinyFolder(), options), fresh(TinyFolder(), options);
  const auto first = Ask(engine, Question("Where to?"));
  const auto second = Ask(engine, Question("Why?"));
  EXPECT_TRUE(second.timings.frame_cached);
  EXPECT_EQ(second.timings.vision_ms, 0);
  ExpectSameAnswer(second, Ask(fresh, Question("Why?")));
  EXPECT_NE(second.trajectory_E, first.trajectory_E);  // The images' hidden states changed.
  Engine apart(TinyFolder());
  EXPECT_NE(Ask(apart, Question("Why?")).trajectory_E, second.trajectory_E);
}

// Settings that leave occupancy's keys in the cache for a while.
class Ablations : public ::testing::TestWithParam<bool> {};
TEST_P(Ablations, QuestionAfterOccupancyIsAsOnAFreshEngine) {
  auto config = model::Preset("tiny");
  config.occupancy.text_sees = GetParam();
  config.occupancy.self_attention = !GetParam();
  const auto& folder = CheckpointFolder(GetParam() ? "text-sees" : "self-attention", config);
  Engine engine(folder, {.max_text_tokens = 40, .mask = {}}), fresh(folder);
  auto request = Question("Where to?");
  request.occupancy = true;
  const auto first = Ask(engine, request);
  ExpectSameAnswer(Ask(engine, Question("Why?")), Ask(fresh, Question("Why?")));
  const auto again = Ask(engine, request);
  ExpectSameAnswer(first, again);
  EXPECT_EQ(first.occupancy->labels, again.occupancy->labels);
  // Occupancy's rows are no room for text.
  request.max_new_tokens = 40;
  EXPECT_THAT(MessageOf<ConfigError>([&] { Ask(engine, request); }),
              HasSubstr("but the cache has room for 40."));
}
INSTANTIATE_TEST_SUITE_P(Settings, Ablations, ::testing::Bool());

TEST(SessionTest, CalibrationCountsWhereRaysAreRead) {
  auto config = TinyWithoutOccupancy();
  config.camera_rays = true;
  Engine engine(CheckpointFolder("rays", config));
  EXPECT_THAT(MessageOf<DataError>([&] { Ask(engine, Question("Where to?")); }),
              HasSubstr("CAM_FRONT has no calibration"));
  auto frame = NoiseFrame();
  for (auto& image : frame.images) {
    image.camera.emplace();
    image.camera->K << 50, 0, 3, 0, 50, 2, 0, 0, 1;
    image.camera->width_px = 6;
    image.camera->height_px = 4;
  }
  EXPECT_FALSE(Ask(engine, Question("Where to?", frame)).timings.frame_cached);
  EXPECT_TRUE(Ask(engine, Question("Where to?", frame)).timings.frame_cached);
  frame.images[4].camera->X_EC.translation().x() = 1;
  EXPECT_FALSE(Ask(engine, Question("Where to?", frame)).timings.frame_cached);
}

// A copy of a small checkpoint that a test may spoil.
class SpoiltCheckpoint : public ::testing::Test {
 protected:
  SpoiltCheckpoint() {
    std::filesystem::copy(CheckpointFolder("bare", TinyWithoutOccupancy()), folder_ / "model");
  }
  std::filesystem::path path() const { return folder_ / "model"; }
  std::string Refusal() const {
    return MessageOf<CheckpointError>([&] { Engine engine(path()); });
  }

 private:
  const TestFolder folder_;
};

TEST_F(SpoiltCheckpoint, WithoutATokenizerIsRefused) {
  std::filesystem::remove(path() / "tokenizer.json");
  EXPECT_EQ(Refusal(), path().string() +
                           ": holds neither tokenizer.json nor tokenizer.model. Copy the file "
                           "that belongs to these weights there.");
}

TEST_F(SpoiltCheckpoint, WithALargerTokenizerIsRefused) {
  WriteFileAtomically(path() / "tokenizer.json", data::SmallTokenizerJson(600));
  EXPECT_EQ(Refusal(), path().string() +
                           ": the tokenizer has 600 ids, the model only 512. Take the tokenizer "
                           "that belongs to these weights.");
}

TEST_F(SpoiltCheckpoint, WithWeightsThatAreNotNumbersFailsTheRequest) {
  model::SetTensor(path(), "language_model.model.norm.weight",
                   [](size_t) { return std::numeric_limits<float>::quiet_NaN(); });
  Engine engine(path());
  EXPECT_THAT(MessageOf<CheckpointError>([&] { Ask(engine, Question("Where to?")); }),
              HasSubstr("the model's logits are infinite or not numbers"));
}

TEST(SessionTest, RefusesMoreCamerasThanAFrameHas) {
  auto config = TinyWithoutOccupancy();
  config.cameras = 7;
  const auto& folder = CheckpointFolder("seven", config);
  EXPECT_EQ(MessageOf<CheckpointError>([&] { Engine engine(folder); }),
            folder.string() + ": the model sees 7 cameras, but a frame has 6");
}

TEST(SessionTest, FewerCamerasSeeTheFirstImages) {
  auto config = TinyWithoutOccupancy();
  config.cameras = 1;
  Engine engine(CheckpointFolder("one", config));
  const auto first = Ask(engine, Question("Where to?"));
  auto frame = NoiseFrame();
  frame.images[1] = NoiseFrame(2).images[1];
  ExpectSameAnswer(first, Ask(engine, Question("Where to?", frame)));
  frame.images[0] = NoiseFrame(2).images[0];
  EXPECT_NE(first.trajectory_E, Ask(engine, Question("Where to?", frame)).trajectory_E);
}

TEST(SessionTest, RefusesOccupancyOfAnotherScene) {
  const auto& folder = CheckpointFolder("small-scene", model::SmallScene());
  Engine engine(folder);
  auto request = Question("Where to?");
  request.occupancy = true;
  EXPECT_EQ(MessageOf<ConfigError>([&] { Ask(engine, request); }),
            "occupancy is asked for, but " + folder.string() +
                " knows scenes of 16 x 16 x 4 voxels and 18 classes, and a prediction holds 200 x "
                "200 x 16 of 18");
}

TEST(SessionTest, TextThatSeesOccupancyNeedsTheMaskOccvla) {
  auto config = model::Preset("tiny");
  config.occupancy.text_sees = true;
  const auto& folder = CheckpointFolder("text-sees", config);
  EXPECT_EQ(
      MessageOf<ConfigError>([&] { Engine engine(folder, {.mask = model::MaskMode::kPaligemma}); }),
      folder.string() +
          ": occupancy.text_sees needs mask occvla. Under mask paligemma images and prompt "
          "are one block, with no place for occupancy between them.");
}

TEST(ComputeTypeTest, FollowsTheOptionThenTheWeightsAndTheCpu) {
  const auto full = model::Checkpoint::Open(CheckpointFolder("bare", TinyWithoutOccupancy()));
  const auto half =
      model::Checkpoint::Open(CheckpointFolder("bare-half", TinyWithoutOccupancy(), DType::kBF16));
  EXPECT_EQ(ChooseComputeType(ComputeType::kFloat32, half, at::kCPU), at::kFloat);
  EXPECT_EQ(ChooseComputeType(ComputeType::kBFloat16, full, at::kCPU), at::kBFloat16);
  EXPECT_EQ(ChooseComputeType(ComputeType::kAuto, full, at::kCPU), at::kFloat);
  const bool native = kernels::BestIsa() == kernels::Isa::kAvx512Bf16;
  EXPECT_EQ(ChooseComputeType(ComputeType::kAuto, half, at::kCPU),
            native ? at::kBFloat16 : at::kFloat);
}

}  // namespace
}  // namespace occvla::infer
