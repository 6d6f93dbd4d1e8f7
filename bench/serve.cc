// The server against the engine called directly, in one process with the model nano and its world:
// answers a second of 32 tokens each, frame after frame, by Engine::Submit and by eight clients of
// POST /v1/chat/completions. Then what eight questions cost on one frame, whose images they share,
// against eight frames. The best of three rounds each.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "occvla/data/nuscenes/dataset.h"
#include "occvla/infer/engine.h"
#include "occvla/serve/service.h"

// Behind Eigen: it brings a macro _res.
#include <httplib.h>

namespace occvla::serve {
namespace {

constexpr const char* kModel = "models/nano";
constexpr const char* kQuestion = "What is ahead of the car?";
constexpr int kRequests = 48, kClients = 8, kRounds = 3;
constexpr int64_t kTokens = 32;

double Seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// The best of some rounds of both, taken in turns: what else the machine does hits both.
template <typename One, typename Other>
std::pair<double, double> BestSeconds(One&& one, Other&& other) {
  std::pair<double, double> best{1e30, 1e30};
  const auto time = [](auto& work, double& least) {
    const double began = Seconds();
    work();
    least = std::min(least, Seconds() - began);
  };
  for (int round = 0; round < kRounds; ++round) {
    time(one, best.first);
    time(other, best.second);
  }
  return best;
}

infer::Request Question(const data::Frame& frame, const std::string& text) {
  infer::Request request;
  request.frame = frame;
  request.frame_key = "frame:" + frame.token;
  request.prompt = text;
  request.trajectory = false;
  request.max_new_tokens = kTokens;
  return request;
}

/// Keeps as many requests under way as the server has clients.
void AskEngine(infer::Engine& engine, const std::vector<data::Frame>& frames) {
  std::vector<std::future<data::Prediction>> replies;
  size_t taken = 0;
  for (int i = 0; i < kRequests; ++i) {
    replies.push_back(
        engine.Submit(Question(frames[static_cast<size_t>(i) % frames.size()], kQuestion)));
    if (replies.size() - taken == kClients) replies[taken++].get();
  }
  while (taken < replies.size()) replies[taken++].get();
}

void AskServer(int port, const std::vector<data::Frame>& frames) {
  std::atomic<int> next{0};
  std::vector<std::thread> clients;
  for (int c = 0; c < kClients; ++c) {
    clients.emplace_back([&] {
      httplib::Client client("127.0.0.1", port);
      client.set_keep_alive(true);
      client.set_read_timeout(60);
      for (int i = next++; i < kRequests; i = next++) {
        const nlohmann::json body{
            {"model", "nano"},
            {"max_tokens", kTokens},
            {"messages", {{{"role", "user"}, {"content", kQuestion}}}},
            {"occvla", {{"frame", frames[static_cast<size_t>(i) % frames.size()].token}}}};
        const auto reply = client.Post("/v1/chat/completions", body.dump(), "application/json");
        if (!reply || reply->status != 200) std::fprintf(stderr, "a request was lost\n");
      }
    });
  }
  for (auto& client : clients) client.join();
}

/// Eight questions, on frames[i * step].
void AskEight(infer::Engine& engine, const std::vector<data::Frame>& frames, size_t step) {
  std::vector<std::future<data::Prediction>> replies;
  for (size_t i = 0; i < 8; ++i)
    replies.push_back(
        engine.Submit(Question(frames[i * step % frames.size()], kQuestion + std::string(i, ' '))));
  for (auto& reply : replies) reply.get();
}

void Measure() {
  data::nuscenes::DatasetOptions world;
  world.dataroot = std::string(kModel) + "/world";
  world.version = "v1.0-synth";
  const auto dataset = data::nuscenes::Dataset::Open(world);
  std::vector<data::Frame> frames;
  for (const auto row : dataset.KeyFrames("all")) frames.push_back(dataset.FrameOf(row));
  infer::Engine engine(kModel);

  ServiceOptions options;
  options.model_name = "nano";
  Service service(
      engine.config(), [&](infer::Request request) { return engine.Submit(std::move(request)); },
      [&](const std::string& token) -> std::optional<data::Frame> {
        for (const auto& frame : frames)
          if (frame.token == token) return frame;
        return std::nullopt;
      },
      options);
  const int port = service.Listen("127.0.0.1", 0);
  const auto [direct, served] =
      BestSeconds([&] { AskEngine(engine, frames); }, [&] { AskServer(port, frames); });
  std::printf("%-28s %8.1f answers/s\n", "engine", kRequests / direct);
  std::printf("%-28s %8.1f answers/s, %.3f of the engine's\n", "server, 8 clients",
              kRequests / served, direct / served);
  std::fflush(stdout);
  // Either begins with a frame that the cache does not hold.
  const auto [eight_frames, one_frame] = BestSeconds([&] { AskEight(engine, frames, 1); },
                                                     [&] { AskEight(engine, {frames.back()}, 0); });
  std::printf("%-28s %8.1f ms\n", "8 questions, 8 frames", eight_frames * 1000);
  std::printf("%-28s %8.1f ms, %.2f times as fast\n", "8 questions, 1 frame", one_frame * 1000,
              eight_frames / one_frame);
}

}  // namespace
}  // namespace occvla::serve

int main() try {
  occvla::serve::Measure();
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "bench_serve: %s\n", error.what());
  return 1;
}
