#include <cstddef>
#include <cstdint>
#include <string>

#include "occvla/base/error.h"
#include "occvla/serve/chat_request.h"
#include "occvla/serve/predict_request.h"
#include "occvla/serve/refusal.h"

// Any body: requests within the limits, or a refusal that is the client's (4xx).
namespace {

using namespace occvla;

model::ModelConfig SmallModel() {
  model::ModelConfig model;
  model.vision.image_size = 8;
  model.vision.patch_size = 4;
  return model;
}

std::optional<data::Frame> OneFrame(const std::string& token) {
  if (token != "f1") return std::nullopt;
  data::Frame frame;
  frame.token = token;
  return frame;
}

void Check(const infer::Request& request, const serve::AskLimits& limits) {
  const bool bounded = request.max_new_tokens >= 1 &&
                       request.max_new_tokens <= limits.max_new_tokens &&
                       request.stop.size() <= limits.max_stops && request.sampling.top_p > 0 &&
                       request.sampling.top_p <= 1 && !request.frame_key.empty();
  if (!bounded || request.prompt.ends_with('\n')) __builtin_trap();
}

template <typename Read>
void Try(Read&& read) {
  try {
    read();
  } catch (const std::exception&) {
    const auto refusal = serve::RefusalOf(std::current_exception()).refusal;
    if (refusal.status() < 400 || refusal.status() > 499) __builtin_trap();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static serve::FrameInput frames(SmallModel(), OneFrame, /*max_pixels=*/1 << 16);
  static const model::ModelConfig model = SmallModel();
  static const serve::AskLimits limits;
  const std::string body(reinterpret_cast<const char*>(data), size);
  Try([&] {
    const auto json = serve::ParseBody(body, limits);
    Check(serve::ReadChatRequest(json, "nano", limits, frames).request, limits);
  });
  Try([&] {
    const auto json = serve::ParseBody(body, limits);
    const auto predict = serve::ReadPredictRequest(json, model, limits, frames);
    if (predict.requests.empty() || predict.questions.size() > limits.max_questions)
      __builtin_trap();
    for (const auto& request : predict.requests) Check(request, limits);
  });
  return 0;
}
