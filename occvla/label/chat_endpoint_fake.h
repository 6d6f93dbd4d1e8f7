#pragma once
#include <httplib.h>

#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "occvla/label/chat_endpoint.h"

/// For tests only: a chat endpoint on this machine that behaves as a test says, and a clock that
/// does not wait.
namespace occvla::label {

class FakeChatServer {
 public:
  using Handler = std::function<void(const httplib::Request&, httplib::Response&)>;

  explicit FakeChatServer(Handler handler) : handler_(std::move(handler)) {
    server_.Post("/v1/chat/completions",
                 [this](const httplib::Request& request, httplib::Response& response) {
                   {
                     std::lock_guard lock(mutex_);
                     requests_.push_back(request);
                   }
                   handler_(request, response);
                 });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    // stop() before the loop runs would be forgotten.
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~FakeChatServer() {
    server_.stop();
    thread_.join();
  }
  FakeChatServer(const FakeChatServer&) = delete;
  FakeChatServer& operator=(const FakeChatServer&) = delete;

  ChatAddress address(std::string key = "") const {
    return {"http://127.0.0.1:" + std::to_string(port_) + "/v1", std::move(key)};
  }
  std::vector<httplib::Request> requests() const {
    std::lock_guard lock(mutex_);
    return requests_;
  }

  /// A completion as endpoints write it.
  static std::string Completion(const std::string& text, int prompt_tokens = 1000,
                                int answer_tokens = 50) {
    return nlohmann::json{
        {"choices",
         {{{"index", 0},
           {"message", {{"role", "assistant"}, {"content", text}}},
           {"finish_reason", "stop"}}}},
        {"usage", {{"prompt_tokens", prompt_tokens}, {"completion_tokens", answer_tokens}}}}
        .dump();
  }
  static Handler Always(const std::string& text) {
    return [text](const httplib::Request&, httplib::Response& response) {
      response.set_content(Completion(text), "application/json");
    };
  }

 private:
  Handler handler_;
  httplib::Server server_;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<httplib::Request> requests_;
  std::thread thread_;
};

class FakeClock final : public Clock {
 public:
  double Now() override {
    std::lock_guard lock(mutex_);
    return now_;
  }
  bool Wait(double seconds, const std::stop_token& stop) override {
    std::lock_guard lock(mutex_);
    now_ += seconds;
    waits_.push_back(seconds);
    return !stop.stop_requested();
  }
  std::vector<double> waits() const {
    std::lock_guard lock(mutex_);
    return waits_;
  }

 private:
  mutable std::mutex mutex_;
  double now_ = 1'800'000'000;
  std::vector<double> waits_;
};

}  // namespace occvla::label
