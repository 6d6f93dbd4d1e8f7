#pragma once
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "occvla/data/frame.h"
#include "occvla/data/prediction.h"
#include "occvla/model/files/config.h"

namespace occvla::infer {

/// What the weights are computed with. kAuto: bfloat16 for weights stored in 16 bits where the
/// device multiplies bfloat16 natively, else float32 (docs/decisions/0005-compute-type.md).
enum class ComputeType { kAuto, kFloat32, kBFloat16 };

struct EngineOptions {
  ComputeType dtype = ComputeType::kAuto;
  std::string device = "cpu";      ///< cpu | cuda | cuda:N
  int threads = 0;                 ///< 0 = all cores.
  int64_t max_text_tokens = 1024;  ///< Prompt and new tokens; sizes the KV cache.
  int64_t attention_bytes = int64_t{256}
                            << 20;      ///< Bound on score memory where no fused kernel runs.
  std::optional<model::MaskMode> mask;  ///< Overrides the checkpoint's.
  size_t queue = 64;
};

struct Sampling {
  double temperature = 0;  ///< 0 = greedy.
  double top_p = 1;
  uint64_t seed = 0;  ///< Keyed: the same request and seed give the same text.
};

struct Request {
  data::Frame frame;
  /// Requests with the same non-empty key use the same images: vision and image prefill run once.
  /// Empty: the key is made from the image bytes.
  std::string frame_key;
  /// Empty: the chain-of-thought question from the frame's past meta actions.
  std::string prompt;
  bool text = true;        ///< Generate an answer.
  bool trajectory = true;  ///< Run the planner, where the checkpoint has one.
  bool occupancy = false;  ///< Run the occupancy branch.
  int64_t max_new_tokens = 128;
  std::vector<std::string> stop;  ///< Text that ends the answer (left out of it).
  Sampling sampling;
  /// The answer is one of the eighteen "<velocity>, <direction>" labels after "Meta action: ".
  bool constrain_meta_action = false;
  /// Runs on the engine's thread with each piece of new text: keep it short.
  std::function<void(std::string_view)> on_text;
  /// Runs on the engine's thread as the work goes on: the phase ("vision", "prefill", "prompt",
  /// "answer", "occupancy"), how much of it is done and of how much (layers, or tokens).
  std::function<void(std::string_view, int64_t, int64_t)> on_progress;
  /// Set to stop the request at the next token or layer; the future then throws BusyError.
  std::shared_ptr<std::atomic<bool>> cancelled;
};

/// Runs one model. `Submit` may be called from any thread and returns at once; one thread inside
/// owns the model, the KV cache and the random state, so replies come in submit order.
class Engine {
 public:
  /// Opens the checkpoint; throws CheckpointError, ConfigError or DeviceError.
  explicit Engine(const std::filesystem::path& checkpoint, const EngineOptions& options = {});
  ~Engine();  ///< Finishes the running request and fails the queued ones with BusyError.
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// The future yields a Prediction or rethrows what went wrong for this request alone. Throws
  /// BusyError when the queue is full.
  std::future<data::Prediction> Submit(Request request);
  const model::ModelConfig& config() const;

 private:
  class Impl;  // Keeps torch out of everyone who includes this.
  std::unique_ptr<Impl> impl_;
};

}  // namespace occvla::infer
