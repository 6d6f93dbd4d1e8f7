#include "occvla/serve/engine_routes.h"

#include <httplib.h>

#include <chrono>

#include "occvla/serve/asking.h"
#include "occvla/serve/chat_reply.h"
#include "occvla/serve/chat_request.h"
#include "occvla/serve/json_reply.h"
#include "occvla/serve/openapi.h"
#include "occvla/serve/predict_reply.h"
#include "occvla/serve/predict_request.h"
#include "occvla/serve/refusal.h"

namespace occvla::serve {
namespace {

using httplib::ContentReader;
using httplib::Request;
using httplib::Response;

int64_t Now_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string ReadBody(const ContentReader& reader) {
  std::string body;
  const bool whole = reader([&](const char* data, size_t size) {
    body.append(data, size);
    return true;
  });
  if (!whole) throw Refusal(408, "the body did not arrive in time, or not whole");
  return body;
}

/// Runs a handler; what it throws becomes the reply. The one place of a connection's thread that
/// catches.
template <typename Handler>
void Answer(const EngineRoutes& routes, Response& response, Handler&& handler) {
  try {
    handler();
  } catch (...) {
    const auto [refusal, log] = RefusalOf(std::current_exception());
    if (!log.empty() && routes.log) routes.log(log);
    SendRefusal(response, refusal);
  }
}

void AddFlags(const std::vector<std::string>& flags, data::Prediction& prediction) {
  prediction.flags.insert(prediction.flags.begin(), flags.begin(), flags.end());
}

/// A reply that grows: `next` gives the next piece, empty once there is none. What it throws is
/// told in the stream, whose status has been sent.
void SendEvents(const EngineRoutes& routes, Response& response, std::function<std::string()> next) {
  response.status = 200;
  response.set_header("X-Accel-Buffering", "no");  // For a proxy in front.
  response.set_chunked_content_provider(
      "text/event-stream",
      [next = std::move(next), log = routes.log](size_t, httplib::DataSink& sink) {
        std::string piece;
        bool last = false;
        try {
          piece = next();
          last = piece.empty();
        } catch (...) {
          const auto [refusal, said] = RefusalOf(std::current_exception());
          if (!said.empty() && log) log(said);
          if (refusal.status() == 499) return false;
          nlohmann::ordered_json error{{"message", refusal.what()},
                                       {"type", refusal.type()},
                                       {"param", nullptr},
                                       {"code", refusal.status()}};
          if (!refusal.param().empty()) error["param"] = refusal.param();
          piece = "data: " + Dump({{"error", error}}) + "\n\n";
          last = true;
        }
        if (!piece.empty() && !sink.write(piece.data(), piece.size())) return false;
        if (last) sink.done();
        return true;
      });
}

void Chat(const EngineRoutes& routes, const Request& asked, Response& response,
          const std::string& body) {
  auto chat = ReadChatRequest(ParseBody(body, routes.limits), routes.model_name, routes.limits,
                              routes.frames);
  const ChatHead head{NewId("chatcmpl-"), routes.model_name, Now_s()};
  const int64_t image_tokens = routes.model.image_tokens();
  std::vector<infer::Request> requests;
  requests.push_back(std::move(chat.request));
  const auto asking = std::make_shared<Asking>(
      routes.dispatcher, std::move(requests),
      Asking::Options{
          .deadline_s = chat.deadline_s,
          .left = [&server = routes.server, &asked] { return server.ClientLeft(asked); },
          .texts = chat.stream});
  if (!chat.stream) {
    auto prediction = std::move(AwaitAll(*asking, 1).front());
    AddFlags(chat.flags, prediction);
    response.status = 200;
    response.set_content(ChatCompletion(head, prediction, image_tokens), "application/json");
    return;
  }
  // The first event decides the status: a request that the engine refuses gets one.
  auto first = std::make_shared<std::optional<AskEvent>>(asking->Next());
  SendEvents(routes, response,
             [asking, first, head, image_tokens, flags = std::move(chat.flags),
              with_usage = chat.include_usage, opened = false]() mutable -> std::string {
               std::string text;
               if (!std::exchange(opened, true)) text = ChatOpening(head, with_usage);
               auto event =
                   first->has_value() ? std::exchange(*first, std::nullopt) : asking->Next();
               if (!event) return text;
               if (event->kind == AskEvent::Kind::kText)
                 return text + ChatPiece(head, event->text, with_usage);
               AddFlags(flags, event->prediction);
               return text + ChatEnding(head, event->prediction, image_tokens, with_usage);
             });
}

void Predict(const EngineRoutes& routes, const Request& asked, Response& response,
             const std::string& body) {
  auto predict = ReadPredictRequest(ParseBody(body, routes.limits), routes.model, routes.limits,
                                    routes.frames);
  const PredictHead head{
      NewId("pred-"), routes.model_name, predict.frame,     predict.questions,
      predict.flags,  predict.drives,    predict.occupancy, routes.model.image_tokens()};
  const size_t count = predict.requests.size();
  const auto asking = std::make_shared<Asking>(
      routes.dispatcher, std::move(predict.requests),
      Asking::Options{
          .deadline_s = predict.deadline_s,
          .left = [&server = routes.server, &asked] { return server.ClientLeft(asked); },
          .texts = predict.stream,
          .progress = predict.stream});
  if (!predict.stream) {
    response.status = 200;
    response.set_content(PredictReply(head, AwaitAll(*asking, count)), "application/json");
    return;
  }
  auto first = std::make_shared<std::optional<AskEvent>>(asking->Next());
  SendEvents(routes, response,
             [asking, first, head, ended = std::vector<data::Prediction>(count),
              told = false]() mutable -> std::string {
               while (true) {
                 auto event =
                     first->has_value() ? std::exchange(*first, std::nullopt) : asking->Next();
                 if (!event) return std::exchange(told, true) ? "" : PredictEnding(head, ended);
                 if (event->kind != AskEvent::Kind::kEnd) return PredictEvent(head, *event);
                 ended[event->place] = std::move(event->prediction);
               }
             });
}

nlohmann::json ModelJson(const EngineRoutes& routes) {
  const auto& model = routes.model;
  return {{"id", routes.model_name},
          {"object", "model"},
          {"created", 0},
          {"owned_by", "occvla"},
          {"occvla",
           {{"preset", model.preset},
            {"cameras", model.cameras},
            {"image_tokens", model.image_tokens()},
            {"occupancy", model.has_occupancy},
            {"trajectory", model.has_planner}}}};
}

void AddAsking(const EngineRoutes& r) {
  auto& http = r.server.routes();
  const auto post = [&](const char* path, auto handler) {
    http.Post(path, [r, handler](const Request& request, Response& response,
                                 const ContentReader& reader) {
      Answer(r, response, [&] { handler(r, request, response, ReadBody(reader)); });
    });
  };
  post("/v1/chat/completions", Chat);
  post("/v1/predict", Predict);
}

}  // namespace

void AddEngineRoutes(const EngineRoutes& r) {
  AddAsking(r);
  auto& http = r.server.routes();
  http.Get("/v1/models", [r](const Request&, Response& response) {
    SendJson(response, {{"object", "list"}, {"data", {ModelJson(r)}}});
  });
  http.Get("/v1/models/([^/]+)", [r](const Request& request, Response& response) {
    if (request.matches[1] == r.model_name) return SendJson(response, ModelJson(r));
    SendError(response, 404, "there is no such model here", "not_found_error", "model");
  });
  http.Get("/healthz", [](const Request&, Response& response) {
    SendJson(response, {{"status", "ok"}});
  });
  http.Get("/readyz", [r](const Request&, Response& response) {
    const auto state = r.dispatcher.state();
    SendJson(response,
             {{"status", state.closed ? "stopping" : "ready"},
              {"waiting", state.waiting},
              {"running", state.running}},
             state.closed ? 503 : 200);
  });
  http.Get("/metrics", [r](const Request&, Response& response) {
    response.set_content(r.metrics.Text(r.dispatcher.state(), r.server.connections()),
                         "text/plain; version=0.0.4; charset=utf-8");
  });
  http.Get(
      "/openapi.json",
      [text = OpenApi({r.model_name, r.example_frame, r.limits, r.server.limits()})](
          const Request&, Response& response) { response.set_content(text, "application/json"); });
}

std::map<std::string, std::string> EngineMethods() {
  return {{"/v1/chat/completions", "POST"}, {"/v1/predict", "POST"},  {"/v1/models", "GET, HEAD"},
          {"/healthz", "GET, HEAD"},        {"/readyz", "GET, HEAD"}, {"/metrics", "GET, HEAD"},
          {"/openapi.json", "GET, HEAD"}};
}

}  // namespace occvla::serve
