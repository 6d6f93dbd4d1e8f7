#include "occvla/serve/chat_request.h"

#include <fmt/format.h>

#include <algorithm>

#include "occvla/base/text.h"
#include "occvla/data/frame_json.h"
#include "occvla/serve/refusal.h"

namespace occvla::serve {
namespace {

constexpr size_t kMaxMessages = 64, kMaxParts = 64, kMaxUser = 512;

/// What the messages hold, in their order.
struct Conversation {
  std::vector<std::string> texts;
  std::vector<GivenImage> images;
};

// "CAM_FRONT" or "CAM_FRONT:" names the camera of the image that follows; nothing for other text.
std::string CameraName(std::string_view text) {
  if (text.ends_with(':')) text.remove_suffix(1);
  const auto& names = data::kCameraNames;
  return std::find(names.begin(), names.end(), text) == names.end() ? "" : std::string(text);
}

void ReadImagePart(const JsonNode& part, std::string camera, Conversation& conversation) {
  part.RefuseOthers({"type", "image_url", "camera"});
  if (const auto node = part.Find("camera")) camera = node->String();
  const auto image = part.At("image_url");
  image.RefuseOthers({"url", "detail"});
  if (const auto detail = image.Find("detail"))
    (void)detail->String();  // Every image is seen whole.
  const auto url = image.At("url");
  conversation.images.push_back({camera, ImageBytes(url, Bare::kRefused), url.path()});
}

void ReadParts(const JsonNode& parts, const AskLimits& limits, bool images_allowed,
               Conversation& conversation) {
  if (parts.size() > kMaxParts) parts.Fail(fmt::format("may have {} parts", kMaxParts));
  std::string camera;  // Named by the text before the image.
  for (size_t i = 0; i < parts.size(); ++i) {
    const auto part = parts.At(i);
    const auto& type = part.At("type").String();
    if (type == "text") {
      part.RefuseOthers({"type", "text"});
      const auto text = ReadQuestion(part.At("text"), limits);
      camera = CameraName(text);
      if (camera.empty()) conversation.texts.push_back(text);
    } else if (type == "image_url" && images_allowed) {
      ReadImagePart(part, camera, conversation);
      camera.clear();
    } else {
      part.At("type").Fail(images_allowed ? "must be \"text\" or \"image_url\""
                                          : "must be \"text\"; images belong to the user");
    }
  }
}

Conversation ReadMessages(const JsonNode& messages, const AskLimits& limits) {
  if (!messages.is_array() || messages.size() == 0 || messages.size() > kMaxMessages) {
    messages.Fail(fmt::format("must be an array of 1 to {} messages", kMaxMessages));
  }
  Conversation conversation;
  for (size_t i = 0; i < messages.size(); ++i) {
    const auto message = messages.At(i);
    message.RefuseOthers({"role", "content", "name", "refusal"});
    if (const auto name = message.Find("name")) (void)name->String();
    const auto& role = message.At("role").String();
    if (role != "user" && role != "system" && role != "developer" && role != "assistant") {
      message.At("role").Fail("must be \"system\", \"developer\", \"user\" or \"assistant\"");
    }
    const auto content = message.At("content");
    if (content.is_string()) {
      conversation.texts.push_back(ReadQuestion(content, limits));
    } else if (content.is_array()) {
      ReadParts(content, limits, role == "user", conversation);
    } else {
      content.Fail("must be a string or an array of parts");
    }
    if (i + 1 == messages.size() && role != "user") {
      message.At("role").Fail("must be \"user\" in the last message");
    }
  }
  return conversation;
}

// Fields of OpenAI's that the model has no counterpart of: fine as long as they ask for nothing.
void RequireNeutral(const JsonNode& body) {
  if (const auto n = body.Find("n")) (void)n->Int(1, 1);
  for (const auto* name : {"frequency_penalty", "presence_penalty"}) {
    const auto penalty = body.Find(name);
    if (penalty && penalty->Number() != 0) penalty->Fail("must be 0: there are no penalties here");
  }
  if (const auto node = body.Find("logprobs"); node && node->Bool()) {
    node->Fail("must be false: probabilities are not given");
  }
  if (const auto node = body.Find("response_format")) {
    node->RefuseOthers({"type"});
    if (node->At("type").String() != "text") node->At("type").Fail("must be \"text\"");
  }
  if (const auto user = body.Find("user"); user && user->String().size() > kMaxUser) {
    user->Fail(fmt::format("may have {} bytes", kMaxUser));
  }
}

// OpenAI gives this case a status and a code of its own.
void CheckModel(const JsonNode& node, const std::string& model_name) {
  if (node.String() == model_name) return;
  throw Refusal(
      404, "there is no model " + Quoted(node.String(), 60) + " here, but " + Quoted(model_name),
      "not_found_error", "model");
}

/// Ours, below "occvla".
struct Extension {
  std::optional<JsonNode> frame;
  std::optional<data::Calibration> calibration;
  std::optional<data::EgoState> ego;
};

Extension ReadExtension(const JsonNode& node, const AskLimits& limits, ChatRequest& chat) {
  node.RefuseOthers(
      {"frame", "ego", "calibration", "trajectory", "legal_meta_action", "deadline_s"});
  Extension extension{node.Find("frame"), {}, {}};
  if (const auto ego = node.Find("ego")) extension.ego = data::EgoStateFromJson(*ego);
  if (const auto cameras = node.Find("calibration")) {
    extension.calibration = data::CalibrationFromJson(*cameras);
    if (extension.frame) cameras->Fail("belongs to images; the frame has its own");
  }
  if (const auto flag = node.Find("trajectory")) chat.request.trajectory = flag->Bool();
  if (const auto flag = node.Find("legal_meta_action")) {
    chat.request.constrain_meta_action = flag->Bool();
  }
  chat.deadline_s = ReadDeadline(node, limits);
  return extension;
}

void GiveFrame(const JsonNode& body, const Conversation& conversation, const Extension& extension,
               FrameInput& frames, ChatRequest& chat) {
  const auto& images = conversation.images;
  if (images.empty() == !extension.frame) {
    body.At("messages")
        .Fail(images.empty() ? "must hold one image or six, or occvla.frame must name a frame"
                             : "must hold no images where occvla.frame names a frame");
  }
  auto given = extension.frame ? frames.FromToken(*extension.frame)
                               : frames.FromImages(images, extension.calibration);
  if (extension.ego) given.frame.ego = *extension.ego;
  chat.request.frame = std::move(given.frame);
  chat.request.frame_key = std::move(given.key);
  chat.flags = std::move(given.flags);
}

}  // namespace

ChatRequest ReadChatRequest(const nlohmann::json& body, const std::string& model_name,
                            const AskLimits& limits, FrameInput& frames) {
  const JsonNode root(body, kRequest, ErrorKind::kConfig);
  root.RefuseOthers({"model", "messages", "stream", "stream_options", "max_tokens",
                     "max_completion_tokens", "temperature", "top_p", "seed", "stop", "n", "user",
                     "frequency_penalty", "presence_penalty", "logprobs", "response_format",
                     "occvla"});
  CheckModel(root.At("model"), model_name);
  RequireNeutral(root);
  ChatRequest chat;
  chat.deadline_s = limits.deadline_s;
  chat.request.max_new_tokens = std::min<int64_t>(256, limits.max_new_tokens);
  ReadGeneration(root, limits, {"max_tokens", "max_completion_tokens"}, chat.request);
  if (const auto node = root.Find("stream")) chat.stream = node->Bool();
  if (const auto node = root.Find("stream_options")) {
    node->RefuseOthers({"include_usage"});
    if (const auto usage = node->Find("include_usage")) chat.include_usage = usage->Bool();
    if (!chat.stream) node->Fail("belongs to \"stream\": true");
  }
  const auto conversation = ReadMessages(root.At("messages"), limits);
  std::string prompt;
  for (const auto& text : conversation.texts) {
    if (!text.empty()) prompt += (prompt.empty() ? "" : "\n") + text;
  }
  chat.request.prompt = prompt;
  chat.request.trajectory = prompt.empty();
  Extension extension;
  if (const auto node = root.Find("occvla")) extension = ReadExtension(*node, limits, chat);
  GiveFrame(root, conversation, extension, frames, chat);
  return chat;
}

}  // namespace occvla::serve
