#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "occvla/base/json.h"
#include "occvla/infer/engine.h"

namespace occvla::serve {

/// Bounds on what a request may ask of the model.
struct AskLimits {
  int64_t max_new_tokens = 512;       ///< Of one answer.
  size_t max_text_characters = 4096;  ///< Of one question: Unicode's, as OpenAPI counts.
  size_t max_questions = 16;          ///< Of one /v1/predict.
  size_t max_stops = 4;
  size_t max_stop_characters = 64;
  double max_deadline_s = 300, deadline_s = 120;  ///< The most, and where a request says nothing.
  int64_t max_pixels = 16'000'000;                ///< Of one image.
  size_t json_depth = 16;
};

/// temperature, top_p, seed, stop and the token limit under any of `token_names`, into a request
/// that holds the defaults. Throws ConfigError naming the field.
void ReadGeneration(const JsonNode& body, const AskLimits& limits,
                    std::initializer_list<std::string_view> token_names, infer::Request& request);

/// `deadline_s` of the body, in seconds.
double ReadDeadline(const JsonNode& body, const AskLimits& limits);

/// A question: at most so many bytes, without the line breaks at its end, which the prompt's format
/// does not allow.
std::string ReadQuestion(const JsonNode& node, const AskLimits& limits);

/// The JSON of a request's body; throws Refusal.
nlohmann::json ParseBody(const std::string& body, const AskLimits& limits);

}  // namespace occvla::serve
