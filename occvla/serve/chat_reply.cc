#include "occvla/serve/chat_reply.h"

#include <nlohmann/json.hpp>

#include "occvla/serve/reply_json.h"

namespace occvla::serve {
namespace {

using Json = nlohmann::ordered_json;

Json Extension(const data::Prediction& prediction) {
  return {{"meta_action", MetaActionJson(prediction)},
          {"trajectory", TrajectoryJson(prediction)},
          {"flags", prediction.flags},
          {"timings", TimingsJson(prediction)}};
}

Json Opening(const ChatHead& head, const char* object) {
  return {{"id", head.id}, {"object", object}, {"created", head.created_s}, {"model", head.model}};
}

std::string Event(const Json& json) { return "data: " + Dump(json) + "\n\n"; }

std::string Chunk(const ChatHead& head, Json delta, const Json& finish_reason, bool with_usage,
                  const Json& extension = nullptr) {
  auto json = Opening(head, "chat.completion.chunk");
  json["choices"] = {{{"index", 0},
                      {"delta", std::move(delta)},
                      {"logprobs", nullptr},
                      {"finish_reason", finish_reason}}};
  if (with_usage) json["usage"] = nullptr;
  if (!extension.is_null()) json["occvla"] = extension;
  return Event(json);
}

}  // namespace

std::string ChatCompletion(const ChatHead& head, const data::Prediction& prediction,
                           int64_t image_tokens) {
  auto json = Opening(head, "chat.completion");
  const Json message{{"role", "assistant"}, {"content", prediction.text}, {"refusal", nullptr}};
  json["choices"] = {{{"index", 0},
                      {"message", message},
                      {"logprobs", nullptr},
                      {"finish_reason", FinishReason(prediction)}}};
  json["usage"] = UsageJson(prediction.timings, image_tokens);
  json["occvla"] = Extension(prediction);
  return Dump(json);
}

std::string ChatOpening(const ChatHead& head, bool with_usage) {
  return Chunk(head, {{"role", "assistant"}, {"content", ""}}, nullptr, with_usage);
}

std::string ChatPiece(const ChatHead& head, std::string_view text, bool with_usage) {
  return Chunk(head, {{"content", text}}, nullptr, with_usage);
}

std::string ChatEnding(const ChatHead& head, const data::Prediction& prediction,
                       int64_t image_tokens, bool with_usage) {
  auto text =
      Chunk(head, Json::object(), FinishReason(prediction), with_usage, Extension(prediction));
  if (with_usage) {
    auto json = Opening(head, "chat.completion.chunk");
    json["choices"] = Json::array();
    json["usage"] = UsageJson(prediction.timings, image_tokens);
    text += Event(json);
  }
  return text + "data: [DONE]\n\n";
}

}  // namespace occvla::serve
