#include "occvla/label/chat_endpoint.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <mutex>

#include "occvla/base/error.h"
#include "occvla/base/text.h"
#include "occvla/label/chat_endpoint_wire.h"

namespace occvla::label {
namespace {

constexpr const char* kPath = "/chat/completions";

bool IsPassing(int status) {
  return status == 408 || status == 409 || status == 425 || status == 429 || status >= 500;
}

std::string SecondsText(double seconds) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%g s", seconds);
  return text.data();
}

std::string StatusText(const WireResult& result) {
  std::string text = "it answered " + std::to_string(result.status);
  if (!result.body.empty()) text += ": " + Printable(result.body, 200);
  return text;
}

}  // namespace

struct ChatEndpoint::Impl {
  ChatAddress address;
  ChatSettings settings;
  Clock& clock;
  mutable std::mutex mutex;
  ChatUse use;             // Guarded.
  double pause_until = 0;  // Guarded; clock.Now().

  std::string Where() const { return "chat endpoint " + address.url; }

  // Counts a request that is about to be sent.
  void TakeFromBudget(bool retry) {
    std::lock_guard lock(mutex);
    const int64_t tokens = use.prompt_tokens + use.answer_tokens;
    const bool requests_gone = use.requests >= settings.max_requests;
    if (requests_gone || (settings.max_tokens > 0 && tokens >= settings.max_tokens)) {
      throw BusyError(
          "the budget is used up: " + std::to_string(use.requests) + " of " +
          std::to_string(settings.max_requests) + " requests, " + std::to_string(tokens) +
          (settings.max_tokens > 0 ? " of " + std::to_string(settings.max_tokens) : "") +
          " tokens. Raise " + (requests_gone ? "max_requests" : "max_tokens") + " to go on.");
    }
    ++use.requests;
    if (retry) ++use.retries;
  }

  void Count(const ChatAnswer& answer) {
    std::lock_guard lock(mutex);
    use.prompt_tokens += answer.prompt_tokens;
    use.answer_tokens += answer.answer_tokens;
  }

  void WaitOr(double seconds, const std::stop_token& stop) {
    const bool whole = seconds <= 0 || clock.Wait(seconds, stop);
    if (!whole || stop.stop_requested()) throw BusyError("interrupted.");
  }

  // Another thread may lengthen the pause meanwhile.
  void WaitOutPause(const std::stop_token& stop) {
    while (true) {
      double left = 0;
      {
        std::lock_guard lock(mutex);
        left = pause_until - clock.Now();
      }
      WaitOr(left, stop);
      if (left <= 0) return;
    }
  }

  std::optional<double> Pause(const WireResult& result) {
    const auto seconds = ParseRetryAfter(result.retry_after, clock.Now());
    if (!seconds) return std::nullopt;
    if (*seconds > kLongestPause) {
      throw BusyError(Where() + ": it asks to wait for " + std::to_string(std::llround(*seconds)) +
                      " s. Run the command again then.");
    }
    std::lock_guard lock(mutex);
    pause_until = std::max(pause_until, clock.Now() + *seconds);
    return seconds;
  }

  // Statuses that no question can do anything about.
  void ThrowFatal(const WireResult& result) {
    const int status = result.status;
    if (status >= 300 && status < 400) {
      throw ConfigError(Where() + ": it redirects to " + Quoted(result.location) +
                        ", which is not followed: the key would go along. Set OCCVLA_CHAT_URL to "
                        "the right address.");
    }
    if (status == 401 || status == 403) {
      throw ConfigError(Where() + ": it does not accept the key in OCCVLA_CHAT_KEY; " +
                        StatusText(result));
    }
    if (status == 404) {
      throw ConfigError(Where() + ": there is no " + kPath + " or no model " +
                        Quoted(settings.model) + "; " + StatusText(result));
    }
  }

  // An answer, or the problem; `again` says whether another attempt may help.
  ChatReply Take(const WireResult& result, const ChatQuestion& question, bool& again) {
    const auto problem = [](std::string text) { return ChatReply{std::nullopt, std::move(text)}; };
    again = true;
    using End = WireResult::End;
    switch (result.end) {
      case End::kStopped:
        throw BusyError("interrupted.");
      case End::kUntrusted:
        throw ConfigError(Where() + ": its certificate is not trusted (" + result.problem +
                          "). Nothing was sent to it.");
      case End::kTimeout:
        return problem("no answer came within the timeout of " + SecondsText(settings.timeout));
      case End::kTooLong:
        return problem("its answer is longer than " + std::to_string(kMaxReply) + " bytes");
      case End::kBroken:
        return problem("the connection failed or was cut (" + result.problem + ")");
      case End::kReply:
        break;
    }
    if (result.status != 200) {
      ThrowFatal(result);
      again = IsPassing(result.status);
      return problem(StatusText(result));
    }
    try {
      ChatAnswer answer = ParseReply(result.body, question);
      answer.text = WithoutKey(std::move(answer.text), address.key);  // It may have been escaped.
      return {std::move(answer), ""};
    } catch (const DataError& error) {
      return problem(WithoutKey(error.what(), address.key));
    }
  }
};

ChatEndpoint::ChatEndpoint(ChatAddress address, ChatSettings settings, Clock& clock)
    : impl_(new Impl{std::move(address), std::move(settings), clock, {}, {}, 0}) {
  if (impl_->address.url.starts_with("https://") && !HasTls()) {
    throw ConfigError(impl_->Where() +
                      ": this build's HTTP library has no TLS, so https:// cannot be asked. Build "
                      "against a cpp-httplib with OpenSSL, or put a local proxy between.");
  }
}

ChatEndpoint::~ChatEndpoint() = default;

ChatReply ChatEndpoint::Ask(const ChatQuestion& question, std::string_view key,
                            const std::stop_token& stop) {
  Impl& it = *impl_;
  const std::string body = RequestBody(question, it.settings);
  const Backoff backoff{it.settings.first_wait, it.settings.longest_wait};
  for (int64_t attempt = 1;; ++attempt) {
    it.WaitOutPause(stop);
    it.TakeFromBudget(attempt > 1);
    WireResult result = Post(it.address, kPath, body, it.settings.timeout, kMaxReply, stop);
    result.body = WithoutKey(std::move(result.body), it.address.key);
    result.location = WithoutKey(std::move(result.location), it.address.key);
    bool again = false;
    ChatReply reply = it.Take(result, question, again);
    if (reply.answer) {
      it.Count(*reply.answer);
      return reply;
    }
    const auto asked = it.Pause(result);
    if (!again || attempt == it.settings.attempts) {
      reply.problem = it.Where() + ": after " + std::to_string(attempt) +
                      (attempt == 1 ? " attempt: " : " attempts: ") + reply.problem;
      return reply;
    }
    it.WaitOr(backoff.WaitBefore(attempt, key, asked), stop);
  }
}

ChatUse ChatEndpoint::use() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->use;
}

}  // namespace occvla::label
