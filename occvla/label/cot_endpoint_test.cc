#include "occvla/label/cot_endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"
#include "occvla/data/image/image.h"
#include "occvla/label/answer_cache.h"
#include "occvla/label/chat_endpoint_fake.h"

namespace occvla::label {
namespace {

using data::Direction;
using data::MetaAction;
using data::Velocity;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr MetaAction kStraight{Velocity::kMaintain, Direction::kGoStraight};
constexpr const char* kSecret = "sk-0123456789-secret";
const std::string kGood =
    "Scene: A dry road.\nIntent: Go on.\nMeta action: Maintain speed, Go Straight";
const std::string kOther = "Scene: A dry road.\nIntent: Stop.\nMeta action: Decelerate, Stop";

template <typename Kind, typename Function>
std::string ErrorOf(Function&& function) {
  try {
    function();
  } catch (const Kind& error) {
    return error.what();
  }
  return "nothing was thrown";
}

// Images of 32 x 18 whose colour is the frame's number.
data::Frame FrameOf(size_t index) {
  data::Frame frame;
  frame.token = "frame-" + std::to_string(index);
  const data::Image image{32, 18, std::vector<uint8_t>(32 * 18 * 3, static_cast<uint8_t>(index))};
  for (auto& camera : frame.images) camera.bytes = data::EncodePng(image);
  frame.ego.past_meta_actions = {kStraight, {Velocity::kAccelerate, Direction::kGoStraight}};
  frame.meta_action = kStraight;
  return frame;
}

class CotEndpointTest : public ::testing::Test {
 protected:
  CotEndpointRequest Request(const FakeChatServer& server, size_t frames) {
    CotEndpointRequest request;
    request.config.chat.model = "eyes-1";
    request.config.chat.max_requests = 100;
    request.config.chat.attempts = 1;
    request.config.image_width_px = 16;
    request.config.concurrency = 1;
    request.address = server.address(kSecret);
    request.cache = folder_ / "cache";
    request.frames = frames;
    request.frame = FrameOf;
    return request;
  }
  CotEndpointReport Make(const CotEndpointRequest& request) {
    return MakeCotByEndpoint(request, clock_);
  }
  TestFolder folder_;
  FakeClock clock_;
  std::atomic<int> server_asked_ = 0;
};

TEST(JudgeCotTest, OnlyTheThreeLinesWithTheLabelAreGood) {
  data::ChainOfThought text;
  EXPECT_EQ(JudgeCot("\n" + kGood + ".\n\n", kStraight, &text), CotVerdict::kGood);
  EXPECT_EQ(text.scene, "A dry road.");
  EXPECT_EQ(text.intent, "Go on.");
  EXPECT_EQ(JudgeCot(kOther, kStraight, &text), CotVerdict::kContradicts);
  const std::string end = "\nIntent: b\nMeta action: Maintain speed, Go Straight";
  const std::vector<std::string> kWrong = {
      "",
      "Sure!\n" + kGood,
      kGood + "\nBye.",
      "Scene: " + end,
      "Intent: a\nScene: b\nMeta action: Maintain speed, Go Straight",
      "Scene: a\nIntent: b\nMeta action: Fly",
      "Scene: a\x1b[2J" + end,
      "Scene: \xff" + end,
      "Scene: a\nIntent: b",
      std::string(300'000, 'x'),
      std::string(300'000, '\n')};
  for (const std::string& wrong : kWrong)
    EXPECT_EQ(JudgeCot(wrong, kStraight, &text), CotVerdict::kUnparsed) << wrong.substr(0, 60);
  EXPECT_EQ(JudgeCot("Scene: " + std::string(1001, 'x') + end, kStraight, &text),
            CotVerdict::kTooLong);
}

TEST_F(CotEndpointTest, EachFrameGetsItsTextAndTheModelSeesSixSmallImages) {
  FakeChatServer server(FakeChatServer::Always(kGood));
  const CotEndpointReport report = Make(Request(server, 2));
  ASSERT_EQ(report.texts.size(), 2u);
  EXPECT_EQ(report.texts[1]->scene, "A dry road.");
  EXPECT_EQ(report.accepted, 2u);
  const auto body = nlohmann::json::parse(server.requests().at(0).body);
  const auto& content = body["messages"][1]["content"];
  EXPECT_EQ(content.size(), 13u);
  EXPECT_EQ(content[0]["text"],
            "Past meta actions: Maintain speed, Go Straight; Accelerate, Go Straight. Predict the "
            "next meta action. In the three seconds after these images the car did this: Maintain "
            "speed, Go Straight. Write the intent so that it leads there, end with exactly this "
            "meta action, and do not mention that it was told.");
  EXPECT_EQ(content[11]["text"], "Back right:");
  EXPECT_THAT(content[12]["image_url"]["url"].get<std::string>(),
              ::testing::StartsWith("data:image/jpeg;base64,/9j/"));
}

TEST_F(CotEndpointTest, TheSameRunAgainSendsNothingAndSaysTheSame) {
  FakeChatServer server(FakeChatServer::Always(kGood));
  CotEndpointRequest request = Request(server, 3);
  Make(request);
  request.config.concurrency = 4;
  const CotEndpointReport again = Make(request);
  EXPECT_EQ(again.accepted, 3u);
  EXPECT_EQ(again.from_cache, 3u);
  EXPECT_EQ(again.use.requests, 0);
  EXPECT_EQ(server.requests().size(), 3u);
}

TEST_F(CotEndpointTest, WhatDecidesTheAnswerDecidesItsNameInTheCache) {
  FakeChatServer server(FakeChatServer::Always(kGood));
  const auto sent = [&](const std::function<void(CotEndpointRequest&)>& change) {
    CotEndpointRequest request = Request(server, 1);
    change(request);
    return Make(request).use.requests;
  };
  EXPECT_EQ(sent([](auto&) {}), 1);
  EXPECT_EQ(sent([](auto&) {}), 0);
  EXPECT_EQ(sent([](auto& r) { r.config.chat.timeout = 9; }), 0) << "no part of the question";
  EXPECT_EQ(sent([](auto& r) { r.config.chat.model = "eyes-2"; }), 1);
  EXPECT_EQ(sent([](auto& r) { r.config.chat.temperature = 0.4; }), 1);
  EXPECT_EQ(sent([](auto& r) { r.config.chat.max_answer_tokens = 400; }), 1);
  EXPECT_EQ(sent([](auto& r) { r.config.jpeg_quality = 84; }), 1);
  EXPECT_EQ(sent([](auto& r) { r.config.image_width_px = 17; }), 1);
  EXPECT_EQ(sent([](auto& r) { r.config.reveal_label = false; }), 1);
  EXPECT_EQ(sent([](auto& r) { r.frame = [](size_t) { return FrameOf(7); }; }), 1);
  EXPECT_EQ(sent([](auto& r) {
              r.frame = [](size_t) {
                data::Frame frame = FrameOf(0);
                frame.ego.past_meta_actions.clear();
                return frame;
              };
            }),
            1);
}

TEST_F(CotEndpointTest, ContradictionsAreRefusedCountedAndAskedAgain) {
  std::atomic<int> asked = 0;
  FakeChatServer server([&](const httplib::Request&, httplib::Response& response) {
    const int number = asked++;
    response.set_content(FakeChatServer::Completion(number == 0   ? kOther
                                                    : number == 1 ? "Hello!"
                                                                  : kGood),
                         "application/json");
  });
  const CotEndpointRequest request = Request(server, 1);
  const CotEndpointReport report = Make(request);
  EXPECT_EQ(report.accepted, 1u);
  EXPECT_EQ(report.contradicting, 1u);
  EXPECT_EQ(report.unparsed, 1u);
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_THAT(requests[1].body, HasSubstr("Your last answer ended in another meta action. Past"));
  EXPECT_THAT(requests[2].body, HasSubstr("Your last answer did not have the three lines. Past"));
  const CotEndpointReport again = Make(request);
  EXPECT_EQ(again.contradicting, 1u);
  EXPECT_EQ(again.from_cache, 3u) << "refused answers were paid for, too";
  EXPECT_EQ(again.use.requests, 0);
}

TEST_F(CotEndpointTest, AFrameWhoseAnswersAllContradictHasNoText) {
  FakeChatServer server(FakeChatServer::Always(kOther));
  const CotEndpointReport report = Make(Request(server, 2));
  EXPECT_EQ(report.unusable, 2u);
  EXPECT_EQ(report.contradicting, 6u);
  EXPECT_FALSE(report.texts[0]);
  EXPECT_EQ(report.ToString(),
            "0 of 2 keyframes have a text; 0 have no label, 2 no answer that could be used, 0 no "
            "reply\nrefused answers: 6 contradict the label, 0 have not the three lines, 0 are too "
            "long\n0 answers from the cache, 6 requests sent (0 of them retries), 6000 tokens in, "
            "300 out\n");
}

TEST_F(CotEndpointTest, WithoutTheLabelInTheQuestionNoAskHintsAtIt) {
  FakeChatServer server(FakeChatServer::Always(kOther));
  CotEndpointRequest request = Request(server, 1);
  request.config.reveal_label = false;
  Make(request);
  for (const auto& sent : server.requests()) {
    EXPECT_THAT(sent.body, Not(HasSubstr("another meta action")));
    EXPECT_THAT(sent.body, Not(HasSubstr("the car did this")));
  }
}

TEST_F(CotEndpointTest, FramesWithoutALabelAreCountedAndNotAsked) {
  FakeChatServer server(FakeChatServer::Always(kGood));
  CotEndpointRequest request = Request(server, 3);
  request.frame = [](size_t index) {
    data::Frame frame = FrameOf(index);
    if (index == 1) frame.meta_action.reset();
    return frame;
  };
  const CotEndpointReport report = Make(request);
  EXPECT_EQ(report.unlabelled, 1u);
  EXPECT_TRUE(report.texts[0] && !report.texts[1] && report.texts[2]);
  EXPECT_EQ(server.requests().size(), 2u);
}

TEST_F(CotEndpointTest, AUsedUpBudgetSaysHowFarItCameAndTheNextRunGoesOn) {
  FakeChatServer server(FakeChatServer::Always(kGood));
  CotEndpointRequest request = Request(server, 5);
  request.config.chat.max_requests = 3;
  EXPECT_EQ(
      ErrorOf<BusyError>([&] { Make(request); }),
      "the budget is used up: 3 of 3 requests, 3150 tokens. Raise max_requests to go on. 3 of "
      "5 keyframes are done; their answers are kept in " +
          request.cache.string() + ", and the same command goes on from there.");
  const CotEndpointReport rest = Make(request);
  EXPECT_EQ(rest.accepted, 5u);
  EXPECT_EQ(rest.use.requests, 2);
}

TEST_F(CotEndpointTest, AnInterruptionKeepsWhatIsDone) {
  std::stop_source stop;
  FakeChatServer server([&](const httplib::Request& request, httplib::Response& response) {
    FakeChatServer::Always(kGood)(request, response);
    if (server_asked_++ == 1) stop.request_stop();
  });
  CotEndpointRequest request = Request(server, 5);
  request.stop = stop.get_token();
  EXPECT_THAT(ErrorOf<BusyError>([&] { Make(request); }), HasSubstr("interrupted."));
  request.stop = {};
  const CotEndpointReport rest = Make(request);
  EXPECT_EQ(rest.accepted, 5u);
  EXPECT_GE(rest.from_cache, 1u);
}

TEST_F(CotEndpointTest, AFrameWithoutAReplyIsListedAndTheOthersGoOn) {
  FakeChatServer server([](const httplib::Request& request, httplib::Response& response) {
    static std::atomic<int> asked = 0;
    if (asked++ == 1) {
      response.status = 400;
    } else {
      FakeChatServer::Always(kGood)(request, response);
    }
  });
  const CotEndpointReport report = Make(Request(server, 3));
  EXPECT_EQ(report.accepted, 2u);
  ASSERT_EQ(report.failed.size(), 1u);
  EXPECT_EQ(report.failed[0].first, "frame-1");
  EXPECT_THAT(report.failed[0].second, HasSubstr("it answered 400"));
}

TEST_F(CotEndpointTest, AnEndpointThatAnswersNothingEndsTheRun) {
  FakeChatServer server([](const httplib::Request&, httplib::Response& response) {
    response.set_content("no", "text/plain");
  });
  EXPECT_THAT(ErrorOf<DataError>([&] { Make(Request(server, 100)); }),
              HasSubstr("5 keyframes in a row got no reply: chat endpoint "));
  EXPECT_EQ(server.requests().size(), 5u);
}

TEST_F(CotEndpointTest, ADamagedImageEndsTheRunWithItsName) {
  FakeChatServer server(FakeChatServer::Always(kGood));
  CotEndpointRequest request = Request(server, 1);
  request.frame = [](size_t index) {
    data::Frame frame = FrameOf(index);
    frame.images[3].bytes = "no image";
    return frame;
  };
  EXPECT_THAT(ErrorOf<DataError>([&] { Make(request); }), HasSubstr("frame-0, CAM_BACK"));
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(CotEndpointTest, TheKeyIsInNoFileAndNoReport) {
  FakeChatServer server([](const httplib::Request& request, httplib::Response& response) {
    const std::string key = request.get_header_value("Authorization");
    FakeChatServer::Always("Scene: " + key + kGood.substr(6))(request, response);
  });
  const CotEndpointReport report = Make(Request(server, 2));
  EXPECT_EQ(report.texts[0]->scene, "Bearer [key] A dry road.");
  EXPECT_THAT(report.ToString(), Not(HasSubstr(kSecret)));
  size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
    if (!entry.is_regular_file()) continue;
    ++files;
    EXPECT_THAT(ReadTextFile(entry.path()), Not(HasSubstr(kSecret)));
  }
  EXPECT_EQ(files, 2u);
}

TEST_F(CotEndpointTest, EveryWrongSettingIsToldAtOnce) {
  CotEndpointConfig config;
  config.chat.timeout = 0;
  config.chat.token_field = "tokens";
  config.concurrency = 0;
  EXPECT_EQ(ErrorOf<ConfigError>([&] { config.Validate(); }),
            "chain of thought by endpoint:\n  - chat.model must name a model\n"
            "  - chat.token_field must be max_tokens or max_completion_tokens, is \"tokens\"\n"
            "  - chat.timeout must be above 0 and at most 3600 s, is 0.000000\n"
            "  - chat.max_requests must say how many requests may be sent, is 0\n"
            "  - concurrency must be 1 to 256, is 0");
}

TEST(AnswerCacheTest, ManyThreadsMayKeepTheSameAnswer) {
  TestFolder folder;
  const AnswerCache cache(folder / "a/b");
  const std::string hash(64, 'a');
  EXPECT_FALSE(cache.Find(hash));
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int n = 0; n < 5; ++n) {
          cache.Keep(hash, "eyes-1", {"ü\n\"x\"", 7, 8});
          EXPECT_EQ(cache.Find(hash)->text, "ü\n\"x\"");
        }
      });
    }
  }
  EXPECT_EQ(cache.Find(hash)->answer_tokens, 8);
  size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path()))
    files += entry.is_regular_file() ? 1 : 0;
  EXPECT_EQ(files, 1u);
}

TEST(AnswerCacheTest, ADamagedOrMisplacedFileIsTold) {
  TestFolder folder;
  const AnswerCache cache(folder.path());
  const std::string hash(64, 'a'), other(64, 'b');
  cache.Keep(hash, "eyes-1", {"x", 7, 8});
  std::filesystem::create_directories(folder / "bb");
  const auto moved = folder / "bb" / (other + ".json");
  std::filesystem::copy_file(folder / "aa" / (hash + ".json"), moved);
  EXPECT_THAT(ErrorOf<DataError>([&] { (void)cache.Find(other); }),
              HasSubstr(moved.string() + ": the document holds the answer to another question. "
                                         "Delete the file to ask again."));
  WriteFileAtomically(moved, "{");
  EXPECT_THAT(ErrorOf<DataError>([&] { (void)cache.Find(other); }), HasSubstr(moved.string()));
}

}  // namespace
}  // namespace occvla::label
