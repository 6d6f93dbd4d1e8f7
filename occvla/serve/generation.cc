#include "occvla/serve/generation.h"

#include <fmt/format.h>

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

std::vector<std::string> ReadStops(const JsonNode& node, const AskLimits& limits) {
  const auto stops = node.is_string() ? std::vector<std::string>{node.String()} : node.Strings();
  if (stops.size() > limits.max_stops) {
    node.Fail(fmt::format("may hold {} texts, but holds {}", limits.max_stops, stops.size()));
  }
  for (const auto& stop : stops) {
    if (stop.empty() || stop.size() > limits.max_stop_bytes) {
      node.Fail(fmt::format("must hold texts of 1 to {} bytes", limits.max_stop_bytes));
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
  if (text.size() > limits.max_text_bytes) {
    node.Fail(fmt::format("may have {} bytes, but has {}", limits.max_text_bytes, text.size()));
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
