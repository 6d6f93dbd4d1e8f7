#include "occvla/infer/session.h"

#include <ATen/Parallel.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <fstream>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/data/image/image.h"
#include "occvla/data/text/prompt.h"
#include "occvla/infer/answer.h"
#include "occvla/model/device.h"

namespace occvla::infer {

namespace {

class Stopwatch {
 public:
  /// Milliseconds since construction or the last call.
  double Lap() {
    const auto now = std::chrono::steady_clock::now();
    const double ms = std::chrono::duration<double, std::milli>(now - last_).count();
    last_ = now;
    return ms;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

// The same images under other names are the same frame; nothing else of the frame matters here,
// since the camera embedding depends on the order alone. Calibration counts where rays are read.
std::string ContentKey(const data::Frame& frame, bool with_rays) {
  std::string all;
  for (const auto& image : frame.images) {
    const auto bytes = image.bytes.empty() ? ReadFile(image.path, data::ImageLimits{}.max_bytes)
                                           : std::vector<std::byte>();
    all += image.bytes.empty() ? Sha256(bytes) : Sha256(std::as_bytes(std::span(image.bytes)));
    if (with_rays && image.camera) {
      const auto append = [&](const auto& matrix) {
        all.append(reinterpret_cast<const char*>(matrix.data()), sizeof(double) * matrix.size());
      };
      append(image.camera->K);
      append(image.camera->X_EC.matrix());
    }
  }
  return all;
}

data::Tokenizer LoadTokenizer(const model::Checkpoint& checkpoint) {
  if (!checkpoint.tokenizer_folder()) {
    throw CheckpointError(checkpoint.folder().string() +
                          ": holds neither tokenizer.json nor tokenizer.model. Copy the file that "
                          "belongs to these weights there.");
  }
  return data::Tokenizer::Load(*checkpoint.tokenizer_folder());
}

model::OccVla LoadModel(const std::filesystem::path& folder, const EngineOptions& options) {
  if (options.threads > 0) at::set_num_threads(options.threads);
  auto checkpoint = model::Checkpoint::Open(folder);
  const auto device = model::OpenDevice(options.device);
  const auto compute = ChooseComputeType(options.dtype, checkpoint, device);
  return {std::move(checkpoint),
          {.compute = compute,
           .device = device,
           .mask = options.mask,
           .final_softcap = {},
           .max_score_bytes = options.attention_bytes}};
}

// Cache rows that never hold text.
int64_t RowsBesideText(const model::ModelConfig& config) {
  const auto& occupancy = config.occupancy;
  const bool keeps = config.has_occupancy && (occupancy.self_attention || occupancy.text_sees);
  return config.image_tokens() + (keeps ? occupancy.grid * occupancy.grid : 0);
}

void CheckSampling(const Sampling& sampling) {
  if (!(sampling.temperature >= 0) || std::isinf(sampling.temperature)) {
    throw ConfigError("temperature must be 0 or above, is " + std::to_string(sampling.temperature));
  }
  if (!(sampling.top_p > 0 && sampling.top_p <= 1)) {
    throw ConfigError("top_p must be above 0 and at most 1, is " + std::to_string(sampling.top_p));
  }
}

// A frame has six images.
void CheckCameras(const model::OccVla& model) {
  const int64_t cameras = model.config().cameras, images = data::kCameraNames.size();
  if (cameras <= images) return;
  throw CheckpointError(model.checkpoint().folder().string() + ": the model sees " +
                        std::to_string(cameras) + " cameras, but a frame has " +
                        std::to_string(images));
}

// A prediction holds the grid of Occ3D, which every reader of it relies on.
void CheckOccupancy(const model::OccVla& model) {
  const auto folder = model.checkpoint().folder().string();
  if (!model.has_occupancy()) {
    throw ConfigError("occupancy is asked for, but " + folder +
                      " has no occupancy branch. Take an OccVLA checkpoint, or make one with "
                      "occvla convert hf.");
  }
  const auto& v = model.config().vqvae;
  using Grid = data::OccupancyGrid;
  if (v.height == Grid::kX && v.width == Grid::kY && v.depth == Grid::kZ &&
      v.classes == static_cast<int64_t>(data::kOccupancyClasses.size())) {
    return;
  }
  throw ConfigError("occupancy is asked for, but " + folder + " knows scenes of " +
                    std::to_string(v.height) + " x " + std::to_string(v.width) + " x " +
                    std::to_string(v.depth) + " voxels and " + std::to_string(v.classes) +
                    " classes, and a prediction holds 200 x 200 x 16 of 18");
}

}  // namespace

at::ScalarType ChooseComputeType(ComputeType wanted, const model::Checkpoint& checkpoint,
                                 at::Device device) {
  if (wanted == ComputeType::kFloat32) return at::kFloat;
  if (wanted == ComputeType::kBFloat16) return at::kBFloat16;
  const auto& stored = checkpoint.tensors().find("language_model.model.embed_tokens.weight");
  const bool small = stored != checkpoint.tensors().end() && SizeOf(stored->second.dtype) == 2;
  const bool native = !device.is_cpu() || kernels::BestIsa() == kernels::Isa::kAvx512Bf16;
  return small && native ? at::kBFloat16 : at::kFloat;
}

uint64_t PeakMemoryBytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmHWM:", 0) == 0) return std::stoull(line.substr(6)) * 1024;
  }
  return 0;
}

Session::Session(const std::filesystem::path& checkpoint, const EngineOptions& options)
    : model_(LoadModel(checkpoint, options)),
      tokenizer_(LoadTokenizer(model_.checkpoint())),
      cache_(model_.MakeCache(RowsBesideText(model_.config()) + options.max_text_tokens)) {
  CheckCameras(model_);
  model_.MapPages();
  if (tokenizer_.vocabulary_size() > model_.config().text.vocabulary) {
    throw CheckpointError(checkpoint.string() + ": the tokenizer has " +
                          std::to_string(tokenizer_.vocabulary_size()) + " ids, the model only " +
                          std::to_string(model_.config().text.vocabulary) +
                          ". Take the tokenizer that belongs to these weights.");
  }
}

model::LayerObserver Session::Watch(const Request& request, const char* phase,
                                    int64_t layers) const {
  return [&request, phase, layers, done = int64_t{0}]() mutable {
    if (request.on_progress) request.on_progress(phase, ++done, layers);
    if (request.cancelled && request.cancelled->load()) {
      throw BusyError(std::string("the request was cancelled during ") + phase);
    }
  };
}

void Session::SeeFrame(const Request& request, data::Prediction& prediction) {
  const auto& config = model_.config();
  auto& timings = prediction.timings;
  const auto key =
      request.frame_key.empty() ? ContentKey(request.frame, config.camera_rays) : request.frame_key;
  if (!key.empty() && key == frame_.key) {
    timings.frame_cached = true;
    return;
  }
  frame_ = {};
  cache_.Truncate(0);
  Stopwatch watch;
  const auto filter = config.vision.resize == "bilinear" ? data::ResizeFilter::kBilinear
                                                         : data::ResizeFilter::kBicubic;
  const int64_t S = config.vision.image_size, N = config.cameras;
  auto values = data::LoadPixels(request.frame, static_cast<int>(S), filter);
  const auto pixels = at::from_blob(values.data(), {N, 3, S, S}).to(cache_.Keys(0).device());
  const auto rays =
      config.camera_rays ? model::PatchRays(request.frame, config.vision) : at::Tensor();
  timings.image_ms = watch.Lap();
  frame_.embedded = model_.EmbedImages(
      model_.ImageFeatures(pixels, Watch(request, "vision", config.vision.layers)).image, rays);
  timings.vision_ms = watch.Lap();
  if (config.mask == model::MaskMode::kOccvla) {
    frame_.hidden = model_.PrefillImages(frame_.embedded.clone(), cache_,
                                         Watch(request, "prefill", config.text.layers));
    timings.prefill_ms = watch.Lap();
  }
  frame_.key = key;
}

void Session::CheckLengths(const Request& request, const std::vector<int64_t>& prefix) const {
  const int64_t needed = static_cast<int64_t>(prefix.size()) + request.max_new_tokens;
  const int64_t room = cache_.capacity() - RowsBesideText(model_.config());
  if (request.max_new_tokens < 1) {
    throw ConfigError("max_new_tokens must be at least 1, is " +
                      std::to_string(request.max_new_tokens));
  }
  if (needed > room) {
    throw ConfigError("the prompt has " + std::to_string(prefix.size()) + " tokens and " +
                      std::to_string(request.max_new_tokens) +
                      " more are asked for, but the cache has room for " + std::to_string(room) +
                      ". Shorten the prompt, ask for fewer tokens, or raise max_text_tokens.");
  }
}

void Session::Answer(const Request& request, const at::Tensor& prefix_hidden,
                     data::Prediction& prediction) {
  Stopwatch watch;
  AnswerWriter writer(tokenizer_, request);
  auto hidden = prefix_hidden.narrow(0, prefix_hidden.size(0) - 1, 1);  // [1, C]
  const auto advance = [&] {
    const auto logits = model_.language().Logits(hidden).cpu().contiguous();  // [1, V]
    return writer.Advance({logits.const_data_ptr<float>(), static_cast<size_t>(logits.size(1))});
  };
  while (advance()) {
    if (request.cancelled && request.cancelled->load()) {
      throw BusyError("the request was cancelled after " + std::to_string(writer.ids().size()) +
                      " tokens");
    }
    if (request.on_progress) {
      request.on_progress("answer", static_cast<int64_t>(writer.ids().size()),
                          request.max_new_tokens);
    }
    hidden = model_.Continue({writer.last_id()}, cache_);
  }
  const auto flag = writer.Finish();
  if (!flag.empty()) prediction.flags.push_back(flag);
  prediction.text = writer.text();
  prediction.token_ids = writer.ids();
  prediction.timings.new_tokens = static_cast<int64_t>(writer.ids().size());
  prediction.timings.decode_ms = watch.Lap();
}

// A question of one's own need not be about the meta action: then the answer names one or none
// does. Where one is needed, the fallback is taken and told.
void Session::DecideMetaAction(const Request& request, bool plans,
                               data::Prediction& prediction) const {
  const auto& past = request.frame.ego.past_meta_actions;
  const auto parsed = data::ParseChainOfThought(prediction.text, past);
  const bool named = parsed.source == data::MetaActionSource::kAnswer;
  if (!named && !plans && !request.prompt.empty()) return;
  prediction.meta_action = parsed.meta_action;
  if (parsed.source == data::MetaActionSource::kMostRecentPast) {
    prediction.flags.push_back("meta_action_fallback_past");
  } else if (parsed.source == data::MetaActionSource::kDefault) {
    prediction.flags.push_back("meta_action_fallback_default");
  }
}

void Session::PredictOccupancy(const Request& request, data::Prediction& prediction) {
  Stopwatch watch;
  const auto hidden =
      model_.OccupancyHidden(cache_, model_.config().image_tokens(), {},
                             Watch(request, "occupancy", model_.config().text.layers));
  const auto labels =
      model_.OccupancyLogits(hidden).argmax(-1).to(at::kByte).cpu().contiguous();  // [X, Y, Z]
  auto& grid = prediction.occupancy.emplace();
  const auto* first = labels.const_data_ptr<uint8_t>();
  grid.labels.assign(first, first + labels.numel());
  prediction.timings.occupancy_ms = watch.Lap();
}

void Session::Plan(const Request& request, data::Prediction& prediction) const {
  Stopwatch watch;
  const auto& planner = *model_.planner();
  const auto& ego = request.frame.ego;
  for (const auto& name : planner.MissingInputs(ego)) {
    prediction.flags.push_back("planner_without_" + name);
  }
  const auto plan = planner(frame_.hidden, *prediction.meta_action, ego).cpu().to(at::kDouble);
  auto& trajectory_E = prediction.trajectory_E.emplace();
  std::memcpy(trajectory_E.data(), plan.contiguous().const_data_ptr<double>(),
              sizeof(trajectory_E));
  prediction.timings.planner_ms = watch.Lap();
}

data::Prediction Session::Run(const Request& request) {
  const c10::InferenceMode no_gradients;
  const auto& config = model_.config();
  if (request.occupancy) CheckOccupancy(model_);
  data::Prediction prediction;
  prediction.token = request.frame.token;
  const bool together = config.mask == model::MaskMode::kPaligemma;
  const bool plans = request.trajectory && model_.planner().has_value();
  const auto prompt = request.prompt.empty()
                          ? data::ChainOfThoughtPrompt(request.frame.ego.past_meta_actions)
                          : request.prompt;
  const auto prefix = data::PrefixIds(tokenizer_, prompt);
  CheckLengths(request, prefix);
  CheckSampling(request.sampling);

  Stopwatch total;
  SeeFrame(request, prediction);
  // Everything of an earlier request goes; the images stay where they do not depend on the prompt.
  cache_.Truncate(together ? 0 : config.image_tokens());
  if (request.occupancy && config.occupancy.text_sees) PredictOccupancy(request, prediction);

  at::Tensor prefix_hidden;  // [P, C]
  Stopwatch watch;
  if (together) {
    const auto both = model_.PrefillTogether(frame_.embedded, prefix, cache_,
                                             Watch(request, "prefill", config.text.layers));
    frame_.hidden = both.images;
    prefix_hidden = both.prefix;
  } else if (request.text) {
    prefix_hidden = model_.PrefillPrefix(prefix, cache_);
  }
  prediction.timings.prompt_ms = watch.Lap();
  prediction.timings.prompt_tokens = static_cast<int64_t>(prefix.size());
  if (request.text) Answer(request, prefix_hidden, prediction);
  if (request.occupancy && !config.occupancy.text_sees) {
    if (config.occupancy.self_attention) cache_.Truncate(config.image_tokens());
    PredictOccupancy(request, prediction);
  }
  if (request.text || plans) DecideMetaAction(request, plans, prediction);
  if (plans) Plan(request, prediction);
  prediction.timings.total_ms = total.Lap();
  prediction.timings.peak_memory_bytes = PeakMemoryBytes();
  return prediction;
}

}  // namespace occvla::infer
