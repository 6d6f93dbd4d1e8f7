#pragma once
#include <string>

#include "occvla/base/json.h"
#include "occvla/serve/frame_input.h"
#include "occvla/serve/generation.h"

namespace occvla::serve {

/// A POST /v1/chat/completions, checked: OpenAI's fields as far as the model has them, and ours
/// below "occvla". docs/API.md lists them.
struct ChatRequest {
  infer::Request request;  ///< With its frame and frame_key.
  std::vector<std::string> flags;
  bool stream = false;
  bool include_usage = false;  ///< stream_options.include_usage
  double deadline_s = 0;
};

/// `model_name` is the one that requests must name. Throws ConfigError or Refusal naming the field.
ChatRequest ReadChatRequest(const nlohmann::json& body, const std::string& model_name,
                            const AskLimits& limits, FrameInput& frames);

}  // namespace occvla::serve
