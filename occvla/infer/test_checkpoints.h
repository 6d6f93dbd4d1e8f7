#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>

#include "occvla/base/error.h"
#include "occvla/base/rng.h"
#include "occvla/base/test_folder.h"
#include "occvla/data/image/image.h"
#include "occvla/infer/engine.h"
#include "occvla/model/files/init.h"

/// For tests: small checkpoints and frames.
namespace occvla::infer {

/// A folder with random weights of `config`, made once per program; its name tells it from others.
inline const std::filesystem::path& CheckpointFolder(const std::string& name,
                                                     const model::ModelConfig& config,
                                                     DType dtype = DType::kF32) {
  static const TestFolder root;
  static std::map<std::string, std::filesystem::path> made;
  auto& folder = made[name];
  if (folder.empty()) {
    folder = root / name;
    model::InitCheckpoint(config, /*seed=*/1, dtype, folder);
  }
  return folder;
}

inline const std::filesystem::path& TinyFolder() {
  return CheckpointFolder("tiny", model::Preset("tiny"));
}

inline model::ModelConfig TinyWithoutOccupancy() {
  auto config = model::Preset("tiny");
  config.has_occupancy = false;
  return config;
}

/// Six images of noise as PNG bytes; another seed gives other images.
inline data::Frame NoiseFrame(uint64_t seed = 1) {
  data::Frame frame;
  frame.token = "noise" + std::to_string(seed);
  for (size_t camera = 0; camera < frame.images.size(); ++camera) {
    Rng rng(seed, "test frame", 0, camera);
    data::Image image{.width_px = 6, .height_px = 4, .rgb = std::vector<uint8_t>(6 * 4 * 3)};
    for (auto& value : image.rgb) value = static_cast<uint8_t>(rng.Below(256));
    frame.images[camera].bytes = data::EncodePng(image);
  }
  return frame;
}

/// A question about a frame, answered with a few tokens. Random weights repeat themselves when
/// they are greedy: sampled when hot, the ids depend on every logit.
inline Request Question(const std::string& prompt, data::Frame frame = NoiseFrame()) {
  Request request;
  request.frame = std::move(frame);
  request.prompt = prompt;
  request.max_new_tokens = 6;
  request.sampling = {.temperature = 4, .top_p = 1, .seed = 1};
  return request;
}

inline data::Prediction Ask(Engine& engine, Request request) {
  return engine.Submit(std::move(request)).get();
}

/// The message of the E that `f` throws.
template <typename E, typename F>
std::string MessageOf(F f) {
  try {
    f();
  } catch (const E& error) {
    return error.what();
  }
  return "nothing was thrown";
}

/// Bit for bit: what was said and where the car goes.
inline void ExpectSameAnswer(const data::Prediction& a, const data::Prediction& b) {
  EXPECT_EQ(a.text, b.text);
  EXPECT_EQ(a.token_ids, b.token_ids);
  EXPECT_EQ(a.trajectory_E, b.trajectory_E);
  EXPECT_EQ(a.meta_action, b.meta_action);
}

}  // namespace occvla::infer
