#pragma once
#include <optional>
#include <string>
#include <vector>

#include "occvla/serve/frame_input.h"
#include "occvla/serve/generation.h"
#include "occvla/serve/reply_json.h"

namespace occvla::serve {

/// A POST /v1/predict, checked. docs/API.md lists the fields.
struct PredictRequest {
  /// Of one frame. The first one drives (text, meta action, trajectory, occupancy) where `drives`;
  /// the others answer `questions`.
  std::vector<infer::Request> requests;
  std::vector<std::string> questions;
  std::string frame;  ///< Token; empty for images.
  std::vector<std::string> flags;
  bool drives = true;
  std::optional<OccupancyEncoding> occupancy;
  bool stream = false;
  double deadline_s = 0;
};

/// Throws ConfigError or Refusal naming the field.
PredictRequest ReadPredictRequest(const nlohmann::json& body, const model::ModelConfig& model,
                                  const AskLimits& limits, FrameInput& frames);

}  // namespace occvla::serve
