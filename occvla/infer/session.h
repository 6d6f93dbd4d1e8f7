#pragma once
#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "occvla/data/text/tokenizer.h"
#include "occvla/infer/engine.h"
#include "occvla/model/model.h"

namespace occvla::infer {

/// One model with one KV cache: runs requests one after the other and keeps the last frame's
/// images, keys and values, so that the next question on it starts at the text. One thread at a
/// time.
class Session {
 public:
  /// Throws CheckpointError when the folder has no tokenizer.
  Session(const std::filesystem::path& checkpoint, const EngineOptions& options);

  data::Prediction Run(const Request& request);
  const model::OccVla& model() const { return model_; }

 private:
  /// What is kept of the frame whose images the cache holds.
  struct CachedFrame {
    std::string key;
    at::Tensor embedded;  ///< [N * P, C], as they enter the language model.
    at::Tensor hidden;    ///< [N * P, C] after the final norm.
  };

  /// Tells the request of each layer of a phase, and stops it where it was cancelled.
  model::LayerObserver Watch(const Request& request, const char* phase, int64_t layers) const;
  void SeeFrame(const Request& request, data::Prediction& prediction);
  void CheckLengths(const Request& request, const std::vector<int64_t>& prefix) const;
  void Answer(const Request& request, const at::Tensor& prefix_hidden,
              data::Prediction& prediction);
  void DecideMetaAction(const Request& request, bool plans, data::Prediction& prediction) const;
  void PredictOccupancy(const Request& request, data::Prediction& prediction);
  void Plan(const Request& request, data::Prediction& prediction) const;

  model::OccVla model_;
  data::Tokenizer tokenizer_;
  model::KvCache cache_;
  CachedFrame frame_;
};

/// bfloat16 or float32 by the options, the checkpoint and the CPU.
at::ScalarType ChooseComputeType(ComputeType wanted, const model::Checkpoint& checkpoint,
                                 at::Device device);

/// Peak resident memory of this process, bytes.
uint64_t PeakMemoryBytes();

}  // namespace occvla::infer
