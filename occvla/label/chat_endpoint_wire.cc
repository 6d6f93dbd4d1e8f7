#include "occvla/label/chat_endpoint_wire.h"

#include <httplib.h>
#include <openssl/evp.h>
#include <signal.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "occvla/base/error.h"
#include "occvla/base/json.h"

namespace occvla::label {
namespace {

using Json = nlohmann::ordered_json;
using Seconds = std::chrono::duration<double>;

std::string Base64(const std::string& bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // EVP_EncodeBlock ends it with a zero.
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(size));
  return text;
}

// httplib sends without MSG_NOSIGNAL: a server that hangs up in the middle of six images would end
// the process. Blocked for this thread only, and what came meanwhile is taken away.
class SigpipeBlocked {
 public:
  SigpipeBlocked() {
    sigemptyset(&sigpipe_);
    sigaddset(&sigpipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &sigpipe_, &before_);
  }
  ~SigpipeBlocked() {
    if (sigismember(&before_, SIGPIPE) == 1) return;
    const timespec at_once = {};
    while (sigtimedwait(&sigpipe_, nullptr, &at_once) > 0) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  SigpipeBlocked(const SigpipeBlocked&) = delete;
  SigpipeBlocked& operator=(const SigpipeBlocked&) = delete;

 private:
  sigset_t sigpipe_, before_;
};

// Shuts the client's socket when time is up or a stop is asked for. httplib's own timeouts count
// from byte to byte, so a server that drips would never meet them.
class Watchdog {
 public:
  Watchdog(httplib::Client& client, double timeout, const std::stop_token& stop)
      : thread_([this, &client, timeout, stop] {
          std::unique_lock lock(mutex_);
          const auto done = [this] { return done_; };
          changed_.wait_for(lock, stop, Seconds(timeout), done);
          // Again and again: the first may come before there is a socket.
          while (!done_) {
            lock.unlock();
            client.stop();
            lock.lock();
            changed_.wait_for(lock, std::chrono::milliseconds(10), done);
          }
        }) {}
  ~Watchdog() { End(); }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  void End() {
    {
      std::lock_guard lock(mutex_);
      done_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool done_ = false;
  std::thread thread_;  // Last: it uses the others.
};

void SetTimeouts(httplib::Client& client, double timeout) {
  const auto seconds = static_cast<time_t>(timeout);
  const auto rest_us = static_cast<time_t>((timeout - static_cast<double>(seconds)) * 1e6);
  client.set_connection_timeout(seconds, rest_us);
  client.set_read_timeout(seconds, rest_us);
  client.set_write_timeout(seconds, rest_us);
}

WireResult::End EndOf(httplib::Error error, bool too_long, bool timed_out, bool stopped) {
  if (error == httplib::Error::Success) return WireResult::End::kReply;
  if (too_long) return WireResult::End::kTooLong;
  if (stopped) return WireResult::End::kStopped;
  if (timed_out || error == httplib::Error::ConnectionTimeout) return WireResult::End::kTimeout;
  if (error == httplib::Error::SSLServerVerification || error == httplib::Error::SSLLoadingCerts)
    return WireResult::End::kUntrusted;
  return WireResult::End::kBroken;
}

}  // namespace

std::string RequestBody(const ChatQuestion& question, const ChatSettings& settings) {
  Json content = Json::array({{{"type", "text"}, {"text", question.user}}});
  for (const ChatImage& image : question.images) {
    content.push_back({{"type", "text"}, {"text", image.name + ":"}});
    content.push_back({{"type", "image_url"},
                       {"image_url", {{"url", "data:image/jpeg;base64," + Base64(image.jpeg)}}}});
  }
  Json body = {{"model", settings.model},
               {"messages", Json::array({{{"role", "system"}, {"content", question.system}},
                                         {{"role", "user"}, {"content", std::move(content)}}})},
               {settings.token_field, settings.max_answer_tokens}};
  if (settings.temperature >= 0) body["temperature"] = settings.temperature;
  return body.dump();
}

ChatAnswer ParseReply(const std::string& body, const ChatQuestion& question) {
  const nlohmann::json document =
      ParseJson(body, "the reply", {.max_bytes = ChatEndpoint::kMaxReply, .max_depth = 16});
  const JsonNode root(document, "the reply");
  const JsonNode choices = root.At("choices");
  if (!choices.is_array() || choices.size() == 0)
    choices.Fail("must be an array with an answer, but is empty");
  ChatAnswer answer;
  answer.text = choices.At(0).At("message").At("content").String();
  answer.prompt_tokens = static_cast<int64_t>(question.system.size() + question.user.size()) / 4;
  answer.answer_tokens = static_cast<int64_t>(answer.text.size()) / 4;
  constexpr int64_t kMost = 100'000'000;
  if (const auto usage = root.Find("usage")) {
    if (const auto count = usage->Find("prompt_tokens"))
      answer.prompt_tokens = count->Int(0, kMost);
    if (const auto count = usage->Find("completion_tokens"))
      answer.answer_tokens = count->Int(0, kMost);
  }
  return answer;
}

std::string WithoutKey(std::string text, std::string_view key) {
  if (key.size() < 8) return text;
  for (size_t at = text.find(key); at != std::string::npos; at = text.find(key, at))
    text.replace(at, key.size(), "[key]");
  return text;
}

WireResult Post(const ChatAddress& address, const std::string& path, const std::string& body,
                double timeout, size_t max_reply, const std::stop_token& stop) {
  const SigpipeBlocked blocked;
  const size_t host_end =
      std::min(address.url.find('/', address.url.find("//") + 2), address.url.size());
  httplib::Client client(address.url.substr(0, host_end));
  SetTimeouts(client, timeout);
  client.set_follow_location(false);
  client.set_decompress(false);
  client.set_keep_alive(false);
  client.set_tcp_nodelay(true);

  WireResult result;
  bool too_long = false;
  httplib::Request request;
  request.method = "POST";
  request.path = address.url.substr(host_end) + path;
  request.headers = {{"Accept", "application/json"},
                     {"Accept-Encoding", "identity"},
                     {"Content-Type", "application/json"},
                     {"User-Agent", "occvla/" OCCVLA_VERSION}};
  if (!address.key.empty()) request.headers.emplace("Authorization", "Bearer " + address.key);
  request.body = body;
  request.response_handler = [&](const httplib::Response& response) {
    result.status = response.status;
    result.retry_after = response.get_header_value("Retry-After");
    result.location = response.get_header_value("Location");
    return true;
  };
  request.content_receiver = [&](const char* bytes, size_t size, uint64_t, uint64_t) {
    too_long = result.body.size() + size > max_reply;
    if (!too_long) result.body.append(bytes, size);
    return !too_long;
  };
  const auto start = std::chrono::steady_clock::now();
  Watchdog watchdog(client, timeout, stop);
  const httplib::Result got = client.send(request);
  watchdog.End();
  // The library's own timeouts may come first, and do not say so.
  const bool timed_out = std::chrono::steady_clock::now() - start >= Seconds(timeout);
  result.end = EndOf(got.error(), too_long, timed_out, stop.stop_requested());
  if (got) result.status = got->status;
  if (result.end == WireResult::End::kBroken || result.end == WireResult::End::kUntrusted)
    result.problem = httplib::to_string(got.error());
  return result;
}

bool HasTls() {
#ifdef CPPHTTPLIB_OPENSSL_SUPPORT
  return true;
#else
  return false;
#endif
}

}  // namespace occvla::label
