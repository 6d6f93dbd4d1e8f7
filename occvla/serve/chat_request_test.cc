#include "occvla/serve/chat_request.h"

#include <gmock/gmock.h>

#include "occvla/serve/refusal.h"
#include "occvla/serve/test_service.h"

namespace occvla::serve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;

class ChatRequestTest : public ::testing::Test {
 protected:
  ChatRequest Read(const Json& body) { return ReadChatRequest(body, "nano", limits_, frames_); }

  // "STATUS PARAM: MESSAGE" of what is refused.
  std::string Problem(const Json& body) {
    try {
      Read(body);
    } catch (...) {
      const auto refusal = RefusalOf(std::current_exception()).refusal;
      return std::to_string(refusal.status()) + " " + refusal.param() + ": " + refusal.what();
    }
    return "accepted";
  }

  static Json With(const Json& change) {
    auto body = ChatBody("Where to?");
    body.merge_patch(change);
    return body;
  }

  static Json ImagePart(int seed) {
    return {{"type", "image_url"}, {"image_url", {{"url", DataUrl(MadePng(seed))}}}};
  }
  static Json Text(const std::string& text) { return {{"type", "text"}, {"text", text}}; }
  static Json Parts(const Json& parts) {
    return {{"model", "nano"}, {"messages", {{{"role", "user"}, {"content", parts}}}}};
  }

  AskLimits limits_;
  FrameInput frames_{SmallModel(), TestService::Frames(), 1000};
};

TEST_F(ChatRequestTest, AQuestionAboutAFrameOfTheDataSet) {
  const auto chat = Read(With({{"temperature", 0.5},
                               {"top_p", 0.9},
                               {"seed", 7},
                               {"max_tokens", 12},
                               {"stop", "x"},
                               {"user", "me"}}));
  EXPECT_EQ(chat.request.frame_key, "frame:f1");
  EXPECT_EQ(chat.request.prompt, "Where to?");
  EXPECT_EQ(chat.request.max_new_tokens, 12);
  EXPECT_EQ(chat.request.sampling.temperature, 0.5);
  EXPECT_EQ(chat.request.sampling.top_p, 0.9);
  EXPECT_EQ(chat.request.sampling.seed, 7u);
  EXPECT_THAT(chat.request.stop, ElementsAre("x"));
  EXPECT_FALSE(chat.request.trajectory);
  EXPECT_FALSE(chat.stream);
  EXPECT_THAT(chat.flags, ElementsAre("calibration_missing"));
}

TEST_F(ChatRequestTest, WithoutTextItAsksWhereToDrive) {
  const auto chat = Read(Parts(Json::array({ImagePart(1)})));
  EXPECT_EQ(chat.request.prompt, "");
  EXPECT_TRUE(chat.request.trajectory);
  EXPECT_THAT(chat.flags, ::testing::Contains("camera_missing:CAM_BACK_RIGHT"));
}

TEST_F(ChatRequestTest, TextsOfAllMessagesAreOnePromptWithoutLineBreaksAtTheEnd) {
  auto body = ChatBody("Where to?\n");
  const Json system{{"role", "system"}, {"content", "Be brief.\r\n"}};
  body["messages"] = Json::array({system, body["messages"][0]});
  EXPECT_EQ(Read(body).request.prompt, "Be brief.\nWhere to?");
}

TEST_F(ChatRequestTest, CamerasAreNamedByTheTextBeforeOrByAField) {
  auto back = ImagePart(3);
  back["camera"] = "CAM_BACK";
  Json parts = Json::array({Text("What is ahead?"), Text("CAM_FRONT_LEFT:"), ImagePart(2), back});
  std::vector<std::string> names = {"CAM_FRONT", "CAM_FRONT_RIGHT", "CAM_BACK_LEFT",
                                    "CAM_BACK_RIGHT"};
  for (size_t i = 0; i < names.size(); ++i) {
    parts.push_back(Text(names[i]));
    parts.push_back(ImagePart(10 + static_cast<int>(i)));
  }
  const auto chat = Read(Parts(parts));
  EXPECT_EQ(chat.request.prompt, "What is ahead?");
  const auto pixels_of = [](int seed) {
    const auto png = MadePng(seed);
    return data::EncodePng(
        data::Resize(data::DecodeImage(std::as_bytes(std::span(png)), "test"), 8, 8));
  };
  EXPECT_EQ(chat.request.frame.images[2].bytes, pixels_of(2));
  EXPECT_EQ(chat.request.frame.images[3].bytes, pixels_of(3));
  EXPECT_EQ(chat.request.frame.images[5].bytes, pixels_of(13));
}

TEST_F(ChatRequestTest, TheSameImagesHaveTheSameKeyWhateverIsAsked) {
  const auto key = [&](const std::string& question, int seed) {
    return Read(Parts(Json::array({Text(question), ImagePart(seed)}))).request.frame_key;
  };
  EXPECT_EQ(key("a", 1), key("b", 1));
  EXPECT_NE(key("a", 1), key("a", 2));
}

// So many characters of two bytes each.
std::string Characters(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "\u00e4";
  return text;
}

TEST_F(ChatRequestTest, TextsAreMeasuredInCharacters) {
  EXPECT_THAT(Read(With({{"stop", Characters(64)}})).request.stop, ElementsAre(Characters(64)));
}

TEST_F(ChatRequestTest, WhatIsWrongIsToldWithItsField) {
  const std::pair<Json, std::string> cases[] = {
      {With({{"top_k", 3}}),
       "400 top_k: the document has the unknown field \"top_k\"; did you mean \"top_p\"?"},
      {With({{"temperature", 3}}),
       "400 temperature: temperature must be a number from 0 to 2, but is 3"},
      {With({{"temperature", "hot"}}),
       "400 temperature: temperature must be a number, but is \"hot\""},
      {With({{"top_p", 0}}), "400 top_p: top_p must be above 0, but is 0"},
      {With({{"max_tokens", 0}}),
       "400 max_tokens: max_tokens must be an integer from 1 to 512, but is 0"},
      {With({{"n", 2}}), "400 n: n must be an integer from 1 to 1, but is 2"},
      {With({{"logprobs", true}}),
       "400 logprobs: logprobs must be false: probabilities are not given"},
      {With({{"presence_penalty", 1}}),
       "400 presence_penalty: presence_penalty must be 0: there are no penalties here"},
      {With({{"stream_options", {{"include_usage", true}}}}),
       "400 stream_options: stream_options belongs to \"stream\": true"},
      {With({{"stop", {"a", "b", "c", "d", "e"}}}), "400 stop: stop may hold 4 texts, but holds 5"},
      {With({{"stop", Characters(65)}}), "400 stop: stop must hold texts of 1 to 64 characters"},
      {With({{"model", "gpt"}}), "404 model: there is no model \"gpt\" here, but \"nano\""},
      {With({{"messages", Json::array()}}),
       "400 messages: messages must be an array of 1 to 64 messages"},
      {With({{"messages", {{{"role", "user"}}}}}),
       "400 messages[0].content: messages[0] lacks the field \"content\""},
      {With({{"messages", {{{"role", "tool"}, {"content", ""}}}}}),
       "400 messages[0].role: messages[0].role must be \"system\", \"developer\", \"user\" or "
       "\"assistant\""},
      {With({{"messages", {{{"role", "assistant"}, {"content", ""}}}}}),
       "400 messages[0].role: messages[0].role must be \"user\" in the last message"},
      {With({{"occvla", {{"frame", "f2"}}}}),
       "404 occvla.frame: occvla.frame names no frame of this server's data set"},
      {With({{"occvla", {{"frame", nullptr}}}}),
       "400 messages: messages must hold one image or six, or occvla.frame must name a frame"},
      {With({{"occvla", {{"deadline_s", 1e9}}}}),
       "400 occvla.deadline_s: occvla.deadline_s must be a number from 0.001 to 300, but is "
       "1000000000.0"},
      {With({{"occvla", {{"ego", {{"velocity", {1}}}}}}}),
       "400 occvla.ego.velocity: occvla.ego.velocity must be an array of 2 numbers, but is [1]"},
      {With({{"occvla", {{"calibration", {{"CAM_X", 1}}}}}}),
       "400 occvla.calibration.CAM_X: occvla.calibration has the unknown field \"CAM_X\""},
  };
  for (const auto& [body, problem] : cases) EXPECT_EQ(Problem(body), problem);
}

TEST_F(ChatRequestTest, ImagesAreRefusedWithTheirPlace) {
  const std::string at = "messages[0].content[0].image_url.url";
  const auto with_url = [&](const std::string& url) {
    return Problem(Parts({{{"type", "image_url"}, {"image_url", {{"url", url}}}}}));
  };
  EXPECT_EQ(with_url("https://example.org/a.jpg"),
            "400 " + at + ": " + at +
                " must be data:image/jpeg;base64,... or data:image/png;base64,...; this server "
                "fetches nothing");
  EXPECT_THAT(with_url("file:///etc/passwd"), HasSubstr("fetches nothing"));
  EXPECT_THAT(with_url("data:image/png;base64,****"), HasSubstr("holds no valid base64"));
  EXPECT_THAT(with_url(DataUrl("no image")),
              HasSubstr("400 " + at + ": " + at + " is no image that can be used: "));
  EXPECT_THAT(with_url(DataUrl(MadePng(1).substr(0, 60))), HasSubstr("is no image"));
  EXPECT_THAT(with_url(DataUrl(MadePng(1, 100, 100))), HasSubstr("may have at most 1000 in all"));
  EXPECT_EQ(Problem(Parts(Json::array({ImagePart(1), ImagePart(2)}))),
            "400 : a frame has one image or six, but 2 came");
  Json six = Json::array({Text("CAM_FRONT")});
  for (int i = 0; i < 6; ++i) six.push_back(ImagePart(i));
  EXPECT_THAT(Problem(Parts(six)), HasSubstr("must name its camera, as must all images or none"));
  auto twice = Json::array();
  for (int i = 0; i < 6; ++i) {
    twice.push_back(ImagePart(i));
    twice.back()["camera"] = "CAM_FRONT";
  }
  EXPECT_THAT(Problem(Parts(twice)), HasSubstr("is a second image of CAM_FRONT"));
  twice[0]["camera"] = "CAM_TOP";
  EXPECT_THAT(Problem(Parts(twice)), HasSubstr("names the camera \"CAM_TOP\", but there are"));
}

TEST_F(ChatRequestTest, CalibrationHasToFitTheImage) {
  auto body = Parts(Json::array({ImagePart(1)}));
  const Json camera{
      {"intrinsic", {{10, 0, 6}, {0, 10, 4}, {0, 0, 1}}},
      {"camera_in_ego", {{"rotation", {0.5, -0.5, 0.5, -0.5}}, {"translation", {1, 0, 1}}}},
      {"width", 12},
      {"height", 8}};
  body["occvla"] = {{"calibration", {{"CAM_FRONT", camera}}}};
  const auto chat = Read(body);
  ASSERT_TRUE(chat.request.frame.images[0].camera);
  EXPECT_NE(chat.request.frame_key, Read(Parts(Json::array({ImagePart(1)}))).request.frame_key);
  body["occvla"]["calibration"]["CAM_FRONT"]["width"] = 13;
  EXPECT_THAT(Problem(body), HasSubstr("is 12 x 8 pixels, but its calibration is for 13 x 8"));
}

}  // namespace
}  // namespace occvla::serve
