#include "occvla/label/cot_endpoint_question.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <span>

#include "occvla/base/files.h"
#include "occvla/base/text.h"
#include "occvla/data/image/image.h"

namespace occvla::label {
namespace {

constexpr std::array<const char*, 6> kViews = {"Front", "Front right", "Front left",
                                               "Back",  "Back left",   "Back right"};

std::string ListOf(std::span<const std::string_view> names) {
  std::vector<std::string> words;
  for (const std::string_view name : names) words.push_back("\"" + std::string(name) + "\"");
  return Join(words, ", ");
}

std::string SystemText() {
  return "You write training texts for a driving model. You see what the six cameras of a car saw "
         "at one moment, and are told what the car did just before. Answer with exactly these "
         "three lines and nothing else:\n"
         "Scene: what matters in the images, on one line of at most three sentences: the road, "
         "weather and light, traffic lights and signs, and the road users near the car's path with "
         "where they are.\n"
         "Intent: what the car is going to do and why, on one line of at most two sentences, from "
         "its past meta actions and the scene.\n"
         "Meta action: <velocity>, <direction>\n"
         "<velocity> is one of " +
         ListOf(data::kVelocityNames) + "; <direction> is one of " + ListOf(data::kDirectionNames) +
         ". Name only what can be seen. No markup.";
}

std::string AskedAgain(CotVerdict before) {
  switch (before) {
    case CotVerdict::kContradicts:
      return "Your last answer ended in another meta action. ";
    case CotVerdict::kTooLong:
      return "Your last answer was too long. ";
    case CotVerdict::kUnparsed:
      return "Your last answer did not have the three lines. ";
    case CotVerdict::kGood:
      break;
  }
  return "";
}

std::string HashOf(const std::string& text) { return Sha256(std::as_bytes(std::span(text))); }

}  // namespace

ChatQuestion CotQuestion(const data::Frame& frame, const CotEndpointConfig& config,
                         const CotAsk& ask) {
  ChatQuestion question;
  question.system = SystemText();
  // Where the label is not told, a hint that the last answer was wrong would tell half of it.
  const bool hint = config.reveal_label || ask.before != CotVerdict::kContradicts;
  if (hint) question.user = AskedAgain(ask.before);
  question.user += data::ChainOfThoughtPrompt(frame.ego.past_meta_actions);
  if (config.reveal_label) {
    question.user += " In the three seconds after these images the car did this: " +
                     data::ToString(*frame.meta_action) +
                     ". Write the intent so that it leads there, end with exactly this meta "
                     "action, and do not mention that it was told.";
  }
  return question;
}

void AddImages(const data::Frame& frame, const CotEndpointConfig& config, ChatQuestion& question) {
  for (size_t i = 0; i < frame.images.size(); ++i) {
    data::Image image = data::DecodeCamera(frame.images[i],
                                           frame.token + ", " + std::string(data::kCameraNames[i]));
    const int width = static_cast<int>(config.image_width_px);
    if (image.width_px > width) {
      const double scale = static_cast<double>(width) / image.width_px;
      image = data::Resize(image, width,
                           std::max(1, static_cast<int>(std::lround(image.height_px * scale))));
    }
    question.images.push_back(
        {kViews[i], data::EncodeJpeg(image, static_cast<int>(config.jpeg_quality))});
  }
}

std::string HashOfImages(const data::Frame& frame) {
  std::string hashes;
  for (const data::CameraImage& image : frame.images) {
    hashes += image.bytes.empty() ? Sha256OfFile(image.path) : HashOf(image.bytes);
    hashes += '\n';
  }
  return hashes;
}

std::string HashOfQuestion(const ChatQuestion& question, const std::string& images,
                           const CotEndpointConfig& config, const CotAsk& ask) {
  const nlohmann::json everything = {{"form", 1},
                                     {"model", config.chat.model},
                                     {"max_answer_tokens", config.chat.max_answer_tokens},
                                     {"temperature", config.chat.temperature},
                                     {"system", question.system},
                                     {"user", question.user},
                                     {"images", images},
                                     {"image_width_px", config.image_width_px},
                                     {"jpeg_quality", config.jpeg_quality},
                                     {"ask", ask.number}};
  return HashOf(everything.dump());
}

}  // namespace occvla::label
