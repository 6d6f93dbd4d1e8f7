#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "occvla/base/error.h"
#include "occvla/base/safetensors.h"
#include "occvla/cli/verbs.h"
#include "occvla/data/image/image.h"
#include "occvla/model/files/checkpoint.h"
#include "occvla/train/feed/feed.h"
#include "occvla/train/recipe/config.h"
#include "occvla/train/recipe/crop.h"
#include "occvla/train/recipe/stage.h"

namespace occvla::cli {
namespace {

struct Flags {
  std::filesystem::path config;
  std::vector<std::string> sets;
  std::string output;
  uint64_t first = 0;
  uint64_t count = 1;
};

/// Named tensors that own their bytes.
class Tensors {
 public:
  template <typename T>
  void Add(const std::string& name, DType dtype, std::vector<int64_t> shape,
           const std::vector<T>& values) {
    const auto bytes = std::as_bytes(std::span(values));
    const auto& kept = kept_.emplace_back(bytes.begin(), bytes.end());
    views_[name] = {dtype, std::move(shape), kept};
  }
  const std::map<std::string, TensorView, std::less<>>& views() const { return views_; }

 private:
  std::deque<std::vector<std::byte>> kept_;
  std::map<std::string, TensorView, std::less<>> views_;
};

// The square that the step's occupancy loss looks at: x, y, side in voxels.
std::vector<int64_t> CropOf(const train::TrainConfig& config, const model::ModelConfig& model,
                            uint64_t position) {
  const auto& grid = model.vqvae;
  const bool queries = train::StageOf(config.run.stage).occupancy;
  const int64_t cells = queries ? model.occupancy.grid : std::min(grid.height, grid.width);
  const int64_t voxels = queries ? grid.height / model.occupancy.grid : 1;
  const auto crop = train::CropAt(config.loss, config.run.seed, position, cells, voxels);
  return {crop.x * voxels, crop.y * voxels, crop.size * voxels};
}

void AddExample(const train::Example& example, const std::string& at, Tensors& out) {
  if (!example.rgb.empty()) {
    const int64_t size = example.size_px;
    out.Add(at + "pixel_values", DType::kF32, {6, 3, size, size},
            data::NormalisePixels(example.rgb, example.size_px));
  }
  if (example.labels) {
    out.Add(at + "occupancy", DType::kU8, {200, 200, 16}, example.labels->semantics);
    out.Add(at + "mask_camera", DType::kU8, {200, 200, 16}, example.labels->mask_camera);
    out.Add(at + "mask_lidar", DType::kU8, {200, 200, 16}, example.labels->mask_lidar);
  }
  for (size_t i = 0; i < example.dialogues.size(); ++i) {
    const auto& dialogue = example.dialogues[i];
    const auto question = at + std::to_string(i) + ".";
    out.Add(question + "prefix_ids", DType::kI64, {static_cast<int64_t>(dialogue.prefix.size())},
            dialogue.prefix);
    out.Add(question + "suffix_ids", DType::kI64, {static_cast<int64_t>(dialogue.suffix.size())},
            dialogue.suffix);
  }
}

void Dump(const Flags& flags, const Context& context) {
  train::TrainConfig config;
  LoadConfig(config, flags.config, flags.sets);
  const auto& stage = train::StageOf(config.run.stage);
  if (stage.trajectory)
    throw ConfigError("dump examples: stage planner reads no images and no text; use another.");
  if (config.run.checkpoint.empty())
    throw ConfigError(
        "dump examples: run.checkpoint must be set: its model has the size of the images and the "
        "tokenizer.");
  const auto checkpoint = model::Checkpoint::Open(config.run.checkpoint);
  auto model = checkpoint.config();
  LoadConfig(model, {}, config.run.model);
  std::optional<data::Tokenizer> tokenizer;
  if (stage.text && checkpoint.tokenizer_folder())
    tokenizer = data::Tokenizer::Load(*checkpoint.tokenizer_folder());
  const auto feed =
      train::Feed::Open(config.data, {.wish = train::WishOf(stage),
                                      .size_px = static_cast<int>(model.vision.image_size),
                                      .tokenizer = tokenizer ? &*tokenizer : nullptr,
                                      .seed = config.run.seed});
  Tensors out;
  for (uint64_t i = 0; i < flags.count; ++i) {
    context.CheckInterrupt();
    const uint64_t position = flags.first + i;
    const auto at = std::to_string(i) + ".";
    AddExample(feed.Make(feed.FrameAt(position), position), at, out);
    if (stage.occupancy || stage.reconstruction)
      out.Add(at + "crop", DType::kI64, {3}, CropOf(config, model, position));
  }
  WriteSafetensors(flags.output, out.views());
}

}  // namespace

void AddDumpExamples(CLI::App& dump, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& verb = *dump.add_subcommand("examples", "What steps of a training run read");
  verb.add_option("--config", flags->config, "As of `train`")->type_name("FILE");
  verb.add_option("--set", flags->sets, "Changes a field of the config; repeatable")
      ->type_name("FIELD=VALUE");
  verb.add_option("--first", flags->first,
                  "Position of the first frame: step S begins at S * batch")
      ->capture_default_str();
  verb.add_option("--count", flags->count, "Frames from there on")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  verb.add_option("--output", flags->output,
                  "safetensors; of frame I: I.pixel_values f32 [6, 3, S, S], I.occupancy, "
                  "I.mask_camera, I.mask_lidar u8 [200, 200, 16], I.crop i64 [3] (x, y, side in "
                  "voxels), I.Q.prefix_ids and I.Q.suffix_ids i64 of question Q")
      ->required()
      ->type_name("FILE");
  verb.footer(
      "Example:\n  occvla dump examples --config configs/nano/joint.toml --first 400 --count 4 "
      "--output step-100.safetensors");
  verb.callback([flags, &context] { Dump(*flags, context); });
}

}  // namespace occvla::cli
