#include "occvla/serve/generation.h"

#include <fmt/format.h>

#include <algorithm>

#include "occvla/serve/refusal.h"

namespace occvla::serve {
namespace {

double Between(const JsonNode& node, double low, double high) {
  const double value = node.Number();
  if (!(value >= low && value <= high)) {
    node.Fail(
        fmt::format("must be a number from {} to {}, but is {}", low, high, node.json().dump()));
  }
  return value;
}

// Bytes that begin a character of UTF-8.
size_t CharactersOf(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
  }));
}

std::vector<std::string> ReadStops(const JsonNode& node, const AskLimits& limits) {
  const auto stops = node.is_string() ? std::vector<std::string>{node.String()} : node.Strings();
  if (stops.size() > limits.max_stops) {
    node.Fail(fmt::format("may hold {} texts, but holds {}", limits.max_stops, stops.size()));
  }
  for (const auto& stop : stops) {
    if (stop.empty() || CharactersOf(stop) > limits.max_stop_characters) {
      node.Fail(fmt::format("must hold texts of 1 to {} characters", limits.max_stop_characters));
    }
  }
  return stops;
}

}  // namespace

void ReadGeneration(const JsonNode& body, const AskLimits& limits,
                    std::initializer_list<std::string_view> token_names, infer::Request& request) {
  for (const auto& name : token_names) {
    if (const auto node = body.Find(name)) {
      request.max_new_tokens = node->Int(1, limits.max_new_tokens);
    }
  }
  if (const auto node = body.Find("temperature")) {
    request.sampling.temperature = Between(*node, 0, 2);
  }
  if (const auto node = body.Find("top_p")) {
    const double top_p = Between(*node, 0, 1);
    if (top_p == 0) node->Fail("must be above 0, but is 0");
    request.sampling.top_p = top_p;
  }
  if (const auto node = body.Find("seed")) {
    request.sampling.seed = static_cast<uint64_t>(node->Int());
  }
  if (const auto node = body.Find("stop")) request.stop = ReadStops(*node, limits);
}

double ReadDeadline(const JsonNode& body, const AskLimits& limits) {
  const auto node = body.Find("deadline_s");
  return node ? Between(*node, 0.001, limits.max_deadline_s) : limits.deadline_s;
}

std::string ReadQuestion(const JsonNode& node, const AskLimits& limits) {
  std::string text = node.String();
  if (const size_t size = CharactersOf(text); size > limits.max_text_characters) {
    node.Fail(fmt::format("may have {} characters, but has {}", limits.max_text_characters, size));
  }
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

nlohmann::json ParseBody(const std::string& body, const AskLimits& limits) {
  auto document = ParseJson(
      body, kRequest,
      {.max_bytes = body.size(), .max_depth = limits.json_depth, .kind = ErrorKind::kConfig});
  if (!document.is_object()) {
    throw Refusal(400, "the body must be a JSON object");
  }
  return document;
}

}  // namespace occvla::serve
