#include "occvla/serve/service.h"

#include <gmock/gmock.h>

#include <latch>
#include <set>

#include "occvla/base/error.h"
#include "occvla/base/npy.h"
#include "occvla/serve/test_service.h"

namespace occvla::serve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Json = nlohmann::json;

Json Parsed(const httplib::Result& result) {
  return result ? Json::parse(result->body, nullptr, false) : Json("no reply");
}

// The "data: ..." lines of a stream.
std::vector<std::string> Events(const std::string& body) {
  std::vector<std::string> events;
  for (size_t at = 0; (at = body.find("data: ", at)) != body.npos;) {
    const auto end = body.find('\n', at);
    events.push_back(body.substr(at + 6, end - at - 6));
    at = end;
  }
  return events;
}

TEST(ServiceTest, AChatCompletionHasOpenAisShape) {
  TestService test;
  const auto reply = test.Post("/v1/chat/completions", ChatBody("Where to?"));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 200) << reply->body;
  const auto json = Parsed(reply);
  EXPECT_EQ(json["object"], "chat.completion");
  EXPECT_EQ(json["model"], "nano");
  EXPECT_THAT(json["id"].get<std::string>(), StartsWith("chatcmpl-"));
  EXPECT_EQ(json["choices"][0]["message"]["content"], "You said: Where to?");
  EXPECT_EQ(json["choices"][0]["finish_reason"], "stop");
  const int64_t images = SmallModel().image_tokens();
  EXPECT_EQ(json["usage"]["prompt_tokens"], 5 + images);
  EXPECT_EQ(json["usage"]["completion_tokens"], 7);
  EXPECT_EQ(json["usage"]["total_tokens"], 12 + images);
  EXPECT_EQ(json["occvla"]["flags"], Json::array({"calibration_missing"}));
}

TEST(ServiceTest, AStreamIsChunksThenUsageThenDone) {
  TestService test;
  auto body = ChatBody("Where to?");
  body["stream"] = true;
  body["stream_options"] = {{"include_usage", true}};
  const auto reply = test.Post("/v1/chat/completions", body, {{"Accept-Encoding", "gzip"}});
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->get_header_value("Content-Type"), "text/event-stream");
  const auto events = Events(reply->body);
  ASSERT_EQ(events.size(), 6u) << reply->body;
  std::string text;
  for (size_t i = 0; i + 2 < events.size(); ++i) {
    const auto chunk = Json::parse(events[i]);
    EXPECT_EQ(chunk["object"], "chat.completion.chunk");
    EXPECT_TRUE(chunk["usage"].is_null());
    text += chunk["choices"][0]["delta"].value("content", "");
  }
  EXPECT_EQ(text, "You said: Where to?");
  EXPECT_EQ(Json::parse(events[3])["choices"][0]["finish_reason"], "stop");
  EXPECT_EQ(Json::parse(events[4])["usage"]["completion_tokens"], 7);
  EXPECT_EQ(events[5], "[DONE]");
}

TEST(ServiceTest, APredictionDrivesAnswersAndShowsOccupancy) {
  TestService test;
  const auto reply = test.Post(
      "/v1/predict", {{"frame", "f1"}, {"questions", {"Why?", "How?"}}, {"occupancy", "rle"}});
  const auto json = Parsed(reply);
  ASSERT_EQ(reply->status, 200) << reply->body;
  EXPECT_EQ(json["meta_action"], "Accelerate, Go Straight");
  EXPECT_EQ(json["trajectory"]["frame"], "ego");
  EXPECT_EQ(json["trajectory"]["points"][5], Json::array({15.0, 0.0}));
  EXPECT_EQ(json["answers"][1]["text"], "You said: How?");
  EXPECT_EQ(json["occupancy"]["runs"], Json::array({{4, 1}, {17, 639999}}));
  EXPECT_EQ(json["consistency"]["text_differs"], false);
  EXPECT_EQ(json["usage"]["completion_tokens"], 21);
}

TEST(ServiceTest, OccupancyAsNpzIsWhatNumpyReads) {
  TestService test;
  const auto json =
      Parsed(test.Post("/v1/predict", {{"frame", "f1"}, {"occupancy", "npz"}, {"drive", false}}));
  const auto file = DecodeBase64(json["occupancy"]["data"].get<std::string>());
  ASSERT_TRUE(file);
  const auto arrays = ParseNpz(std::as_bytes(std::span(*file)), "test");
  EXPECT_THAT(arrays.at("pred").shape, ElementsAre(200, 200, 16));
  EXPECT_EQ(arrays.at("pred").bytes[0], std::byte{4});
  EXPECT_TRUE(json["text"].is_null());
}

TEST(ServiceTest, AStreamedPredictionTellsPhasesTextsAndTheResult) {
  TestService test;
  const auto reply =
      test.Post("/v1/predict", {{"frame", "f1"}, {"questions", {"Why?"}}, {"stream", true}});
  ASSERT_TRUE(reply);
  EXPECT_THAT(reply->body,
              StartsWith("event: progress\ndata: {\"question\":null,\"phase\":\"vision\""));
  EXPECT_THAT(reply->body, HasSubstr("event: text\ndata: {\"question\":0,"));
  const auto result = Json::parse(Events(reply->body).back());
  EXPECT_EQ(result["answers"][0]["text"], "You said: Why?");
}

TEST(ServiceTest, QuestionsOfOneRequestShareTheFrame) {
  std::mutex mutex;
  std::set<std::string> keys;
  TestService test([&](const infer::Request& request) {
    std::lock_guard lock(mutex);
    keys.insert(request.frame_key);
    return FakeEngine::Echo(request);
  });
  test.Post("/v1/predict",
            {{"images", {{"CAM_FRONT", DataUrl(MadePng(1))}}}, {"questions", {"a", "b"}}});
  EXPECT_EQ(keys.size(), 1u);
}

TEST(ServiceTest, ErrorsNameTheFieldAndNothingOfTheMachine) {
  TestService test([](const infer::Request& request) -> data::Prediction {
    if (request.prompt == "data") throw DataError("/srv/data/secret.jpg: is damaged");
    if (request.prompt == "fault") throw std::runtime_error("at 0x7f00 in /usr/lib");
    throw ConfigError("the prompt has 2000 tokens, too many");
  });
  const auto ask = [&](const std::string& question) {
    return Parsed(test.Post("/v1/chat/completions", ChatBody(question)))["error"];
  };
  EXPECT_EQ(ask("long"), Json::parse(R"({"message": "the prompt has 2000 tokens, too many",
      "type": "invalid_request_error", "param": null, "code": null})"));
  EXPECT_EQ(ask("data")["message"], "the server's own files of this frame cannot be used");
  EXPECT_EQ(ask("fault")["message"], "a fault of the server");
  const auto broken = test.Client().Post("/v1/predict", "{\"a\":", "application/json");
  EXPECT_EQ(broken->status, 400);
  EXPECT_THAT(Parsed(broken)["error"]["message"].get<std::string>(),
              StartsWith("not usable as JSON at byte 5"));
  const auto deep = test.Client().Post("/v1/predict", std::string(100, '['), "application/json");
  EXPECT_THAT(deep->body, HasSubstr("nested deeper than 16 levels"));
}

TEST(ServiceTest, AFailureBeforeTheFirstTokenOfAStreamHasAStatus) {
  TestService test(
      [](const infer::Request&) -> data::Prediction { throw ConfigError("too long"); });
  auto body = ChatBody("x");
  body["stream"] = true;
  EXPECT_EQ(test.Post("/v1/chat/completions", body)->status, 400);
}

TEST(ServiceTest, AFailureInTheMiddleOfAStreamIsToldInIt) {
  TestService test([](const infer::Request& request) -> data::Prediction {
    request.on_text("half");
    throw std::runtime_error("/srv");
  });
  auto body = ChatBody("x");
  body["stream"] = true;
  const auto reply = test.Post("/v1/chat/completions", body);
  EXPECT_EQ(reply->status, 200);
  EXPECT_THAT(reply->body, HasSubstr("half"));
  EXPECT_THAT(reply->body, HasSubstr("data: {\"error\":{\"message\":\"a fault of the server\""));
  EXPECT_THAT(reply->body, Not(HasSubstr("[DONE]")));
}

// An engine whose requests wait until they are cancelled or let go.
class Waiting {
 public:
  FakeEngine::Answer answer() {
    return [this](const infer::Request& request) {
      ++begun;
      while (!*request.cancelled && !let_go)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      if (*request.cancelled) {
        ++cancelled;
        throw BusyError("cancelled");
      }
      return FakeEngine::Echo(request);
    };
  }
  template <typename Condition>
  static bool Until(Condition&& condition) {
    for (int i = 0; i < 10000 && !condition(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return condition();
  }
  std::atomic<int> begun{0}, cancelled{0};
  std::atomic<bool> let_go{false};
};

TEST(ServiceTest, ADeadlineEndsARequestAndCancelsItsWork) {
  Waiting waiting;
  TestService test(waiting.answer());
  auto body = ChatBody("x");
  body["occvla"]["deadline_s"] = 0.02;
  const auto reply = test.Post("/v1/chat/completions", body);
  EXPECT_EQ(reply->status, 408);
  EXPECT_EQ(Parsed(reply)["error"]["param"], "deadline_s");
  EXPECT_TRUE(Waiting::Until([&] { return waiting.cancelled == 1; }));
}

void LeaveInTheMiddle(bool stream) {
  Waiting waiting;
  TestService test(waiting.answer());
  auto client = test.Client();
  std::thread asking([&] {
    auto body = ChatBody("x");
    body["stream"] = stream;
    client.Post("/v1/chat/completions", body.dump(), "application/json");
  });
  EXPECT_TRUE(Waiting::Until([&] { return waiting.begun == 1; }));
  client.stop();
  asking.join();
  EXPECT_TRUE(Waiting::Until([&] { return waiting.cancelled == 1; }));
}

TEST(ServiceTest, AClientThatLeavesCancelsItsRequest) { LeaveInTheMiddle(/*stream=*/false); }
TEST(ServiceTest, AClientThatLeavesItsStreamCancelsIt) { LeaveInTheMiddle(/*stream=*/true); }

TEST(ServiceTest, AFullQueueIsRefusedWithATimeToComeBack) {
  Waiting waiting;
  ServiceOptions options;
  options.dispatch.waiting = 1;
  TestService test(waiting.answer(), options);
  std::vector<std::thread> asking;
  for (int i = 0; i < 2; ++i) {
    asking.emplace_back(
        [&] { EXPECT_EQ(test.Post("/v1/chat/completions", ChatBody("x"))->status, 200); });
    EXPECT_TRUE(Waiting::Until([&] {
      const auto ready = Parsed(test.Client().Get("/readyz"));
      return ready["running"] == 1 && ready["waiting"] == i;
    }));
  }
  const auto reply = test.Post("/v1/chat/completions", ChatBody("y"));
  EXPECT_EQ(reply->status, 429);
  EXPECT_EQ(reply->get_header_value("Retry-After"), "1");
  EXPECT_EQ(Parsed(reply)["error"]["type"], "rate_limit_error");
  waiting.let_go = true;
  for (auto& thread : asking) thread.join();
}

TEST(ServiceTest, StoppingFinishesWhatRunsWithinTheGrace) {
  Waiting waiting;
  TestService test(waiting.answer());
  std::thread asking(
      [&] { EXPECT_EQ(test.Post("/v1/chat/completions", ChatBody("x"))->status, 200); });
  EXPECT_TRUE(Waiting::Until([&] { return waiting.begun == 1; }));
  std::thread stopping([&] { EXPECT_EQ(test.service().Stop(10), 0u); });
  EXPECT_TRUE(Waiting::Until([&] {
    const auto ready = test.Client().Get("/readyz");
    return ready && ready->status == 503;
  }));
  EXPECT_EQ(test.Post("/v1/chat/completions", ChatBody("late"))->status, 503);
  waiting.let_go = true;
  stopping.join();
  asking.join();
}

TEST(ServiceTest, StoppingFailsWhatIsNotDoneInTime) {
  Waiting waiting;
  TestService test(waiting.answer());
  std::vector<std::thread> asking;
  for (int i = 0; i < 3; ++i) {
    asking.emplace_back(
        [&] { EXPECT_EQ(test.Post("/v1/chat/completions", ChatBody("x"))->status, 503); });
  }
  EXPECT_TRUE(Waiting::Until([&] { return Parsed(test.Client().Get("/readyz"))["waiting"] == 2; }));
  EXPECT_EQ(test.service().Stop(0), 3u);
  for (auto& thread : asking) thread.join();
}

TEST(ServiceTest, HealthModelsMetricsAndTheDocumentAnswer) {
  TestService test;
  test.Post("/v1/chat/completions", ChatBody("x"));
  auto client = test.Client();
  EXPECT_EQ(client.Get("/healthz")->body, "{\"status\":\"ok\"}");
  EXPECT_EQ(Parsed(client.Get("/v1/models"))["data"][0]["id"], "nano");
  EXPECT_EQ(Parsed(client.Get("/v1/models/nano"))["object"], "model");
  EXPECT_EQ(client.Get("/v1/models/other")->status, 404);
  EXPECT_EQ(Parsed(client.Get("/openapi.json"))["openapi"], "3.1.0");
  const auto metrics = client.Get("/metrics")->body;
  EXPECT_THAT(metrics, HasSubstr("occvla_http_requests_total{method=\"POST\",route=\"/v1/chat/"
                                 "completions\",status=\"200\"} 1\n"));
  EXPECT_THAT(metrics, HasSubstr("occvla_engine_requests_total{end=\"done\"} 1\n"));
}

// Every $ref of the document leads somewhere, and every path of it is answered.
TEST(ServiceTest, TheDocumentNamesWhatExists) {
  TestService test;
  const auto document = Parsed(test.Client().Get("/openapi.json"));
  const std::function<void(const Json&)> walk = [&](const Json& node) {
    if (node.is_object() && node.contains("$ref")) {
      const auto ref = node["$ref"].get<std::string>();
      EXPECT_TRUE(document.contains(Json::json_pointer(ref.substr(1)))) << ref;
    }
    if (node.is_structured())
      for (const auto& child : node) walk(child);
  };
  walk(document);
  for (const auto& [path, methods] : document["paths"].items()) {
    const auto real = path == "/v1/models/{model}" ? "/v1/models/nano" : path;
    const auto got = test.Client().Get(real);
    EXPECT_EQ(got->status, methods.contains("get") ? 200 : 405) << path;
  }
}

}  // namespace
}  // namespace occvla::serve
