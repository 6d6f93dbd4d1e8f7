#pragma once
#include <array>
#include <functional>
#include <future>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "occvla/base/base64.h"
#include "occvla/base/queue.h"
#include "occvla/data/image/image.h"
#include "occvla/serve/service.h"

// Behind Eigen: it brings a macro _res.
#include <httplib.h>

/// For tests only: images, a model's sizes, and an engine without a model.
namespace occvla::serve {

/// A PNG whose pixels depend on `seed`; not its own mirror image.
inline std::string MadePng(int seed, int width_px = 12, int height_px = 8) {
  data::Image image{.width_px = width_px, .height_px = height_px, .rgb = {}};
  uint32_t state = static_cast<uint32_t>(seed) * 7919 + 1;
  for (int i = 0; i < width_px * height_px * 3; ++i) {
    state = state * 1664525 + 1013904223;
    image.rgb.push_back(static_cast<uint8_t>(state >> 24));
  }
  return data::EncodePng(image);
}

inline std::string DataUrl(const std::string& png) {
  return "data:image/png;base64," + EncodeBase64(png);
}

inline model::ModelConfig SmallModel() {
  model::ModelConfig model;
  model.vision.image_size = 8;
  model.vision.patch_size = 4;
  return model;
}

/// Runs `answer` for one request after the other on a thread of its own, as infer::Engine does.
class FakeEngine {
 public:
  using Answer = std::function<data::Prediction(const infer::Request&)>;
  explicit FakeEngine(Answer answer) : answer_(std::move(answer)), worker_([this] { Work(); }) {}
  ~FakeEngine() {
    jobs_.Close();
    worker_.join();
  }

  std::future<data::Prediction> operator()(infer::Request request) {
    std::packaged_task<data::Prediction()> job(
        [this, request = std::move(request)] { return answer_(request); });
    auto future = job.get_future();
    (void)jobs_.Push(std::move(job));
    return future;
  }
  EngineCall call() {
    return [this](infer::Request request) { return (*this)(std::move(request)); };
  }

  /// Says the question back, word by word, up to the token limit or a stop word.
  static data::Prediction Echo(const infer::Request& request) {
    data::Prediction prediction;
    prediction.text = request.prompt.empty()
                          ? "Scene: road\nIntent: go\nMeta action: Accelerate, Go Straight"
                          : "You said: " + request.prompt;
    if (request.on_progress) request.on_progress("vision", 1, 1);
    if (request.on_text) {
      const size_t half = prediction.text.size() / 2;
      request.on_text(std::string_view(prediction.text).substr(0, half));
      request.on_text(std::string_view(prediction.text).substr(half));
    }
    prediction.timings.prompt_tokens = 5;
    prediction.timings.new_tokens = 7;
    if (request.trajectory) {
      prediction.trajectory_E.emplace();
      for (size_t i = 0; i < 6; ++i)
        (*prediction.trajectory_E)[i] = {2.5 * (static_cast<double>(i) + 1), 0};
      prediction.meta_action = {data::Velocity::kAccelerate, data::Direction::kGoStraight};
    }
    if (request.occupancy) {
      prediction.occupancy.emplace().labels.assign(200 * 200 * 16, data::kFreeClass);
      prediction.occupancy->labels[0] = 4;
    }
    return prediction;
  }

 private:
  void Work() {
    while (auto job = jobs_.Pop()) (*job)();
  }

  const Answer answer_;
  Queue<std::packaged_task<data::Prediction()>> jobs_{1000};
  std::thread worker_;
};

/// A service with a fake engine at a free port of this machine. The frame "f1" is known.
class TestService {
 public:
  explicit TestService(FakeEngine::Answer answer = FakeEngine::Echo, ServiceOptions options = {})
      : engine_(std::move(answer)) {
    options.model_name = "nano";
    service_.emplace(SmallModel(), engine_.call(), Frames(), options);
    port_ = service_->Listen("127.0.0.1", 0);
  }

  httplib::Client Client() const {
    httplib::Client client("127.0.0.1", port_);
    client.set_read_timeout(20);
    return client;
  }
  httplib::Result Post(const std::string& path, const nlohmann::json& body,
                       const httplib::Headers& headers = {}) const {
    return Client().Post(path, headers, body.dump(), "application/json");
  }
  int port() const { return port_; }
  Service& service() { return *service_; }

  static FrameLookup Frames() {
    return [](const std::string& token) -> std::optional<data::Frame> {
      if (token != "f1") return std::nullopt;
      data::Frame frame;
      frame.token = token;
      return frame;
    };
  }

 private:
  FakeEngine engine_;
  std::optional<Service> service_;
  int port_ = 0;
};

/// {"model": "nano", "messages": [{"role": "user", "content": question}], "occvla": {"frame":
/// "f1"}}
inline nlohmann::json ChatBody(const std::string& question) {
  return {{"model", "nano"},
          {"messages", {{{"role", "user"}, {"content", question}}}},
          {"occvla", {{"frame", "f1"}}}};
}

}  // namespace occvla::serve
