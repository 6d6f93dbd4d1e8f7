#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/label/retry.h"

/// A client of any OpenAI-compatible chat endpoint.
namespace occvla::label {

/// Where to ask and with which key. The key goes into one request header and nowhere else: texts
/// from the server are freed of it before anything sees them.
struct ChatAddress {
  std::string url;  ///< "https://host[:port][/path]"; "/chat/completions" is added.
  std::string key;  ///< Empty = none is sent.
};

/// From OCCVLA_CHAT_URL and OCCVLA_CHAT_KEY: lines NAME=value of `file` (blank lines and lines that
/// start with # are skipped) and, where it does not name them or is empty, the environment. Throws
/// one ConfigError with every complaint; none quotes a value. Refused are URLs with a user name, a
/// query or another scheme, keys that no header can carry, and a key for http:// to another
/// machine.
ChatAddress ReadChatAddress(const std::filesystem::path& file,
                            const std::function<const char*(const char*)>& environment);

/// How an endpoint is asked.
struct ChatSettings {
  std::string model;
  std::string token_field = "max_tokens";
  int64_t max_answer_tokens = 500;
  double temperature = 0.3;
  double timeout = 120;
  int64_t attempts = 6;
  double first_wait = 1;
  double longest_wait = 60;
  int64_t max_requests = 0;
  int64_t max_tokens = 0;

  template <typename Visitor>
  void VisitFields(Visitor&& v) {
    v("model", model, "name of the model, as the endpoint knows it");
    v("token_field", token_field, "max_tokens, or max_completion_tokens where that is asked for");
    v("max_answer_tokens", max_answer_tokens, "tokens of one answer");
    v("temperature", temperature, "of sampling; below 0 it is not sent");
    v("timeout", timeout, "seconds for one request, from connecting to the last byte");
    v("attempts", attempts, "requests for one answer, the first included");
    v("first_wait", first_wait, "seconds before the second attempt; doubles from then on");
    v("longest_wait", longest_wait, "seconds at which the doubling ends");
    v("max_requests", max_requests, "budget: requests that may be sent, retries included");
    v("max_tokens", max_tokens, "budget: tokens in and out, as the endpoint counts; 0 = no limit");
  }
  /// What is wrong, a sentence part each.
  std::vector<std::string> Problems() const;
};

struct ChatImage {
  std::string name;  ///< Stands as text before the image.
  std::string jpeg;
};
struct ChatQuestion {
  std::string system, user;
  std::vector<ChatImage> images;
};
struct ChatAnswer {
  std::string text;
  /// As the endpoint says; where it does not, a token for four bytes of text and none for images.
  int64_t prompt_tokens = 0, answer_tokens = 0;
};

/// The end of asking: an answer, or why there is none.
struct ChatReply {
  std::optional<ChatAnswer> answer;
  std::string problem;  ///< One sentence with the endpoint's address.
};

/// What was used so far.
struct ChatUse {
  int64_t requests = 0, retries = 0, prompt_tokens = 0, answer_tokens = 0;
};

/// One endpoint. Any thread may ask; each question has a connection of its own.
class ChatEndpoint {
 public:
  /// Bytes of a reply that are read; a longer one counts as nonsense.
  static constexpr size_t kMaxReply = 1 << 20;
  /// Seconds of Retry-After that are waited for.
  static constexpr double kLongestPause = 600;

  /// Throws ConfigError for an https:// address where the HTTP library has no TLS. `clock` outlives
  /// the endpoint.
  ChatEndpoint(ChatAddress address, ChatSettings settings, Clock& clock);
  ~ChatEndpoint();

  /// Asks until there is an answer. Connections that fail, end early or take too long, the statuses
  /// 408, 409, 425, 429 and 5xx, and replies that are no chat completion or too long are tried
  /// again, `attempts` times in all; a Retry-After holds up every thread. Other statuses are about
  /// this question and end it without an answer. Throws
  ///   ConfigError  when no question can be answered: 401, 403, 404, a redirect (none is followed),
  ///                a certificate that is not trusted;
  ///   BusyError    when the budget is used up, before it is passed (answers under way may pass the
  ///                tokens), when `stop` was asked for, or when the server asks for a longer pause.
  /// `key` decides the jitter of the waits.
  ChatReply Ask(const ChatQuestion& question, std::string_view key, const std::stop_token& stop);

  ChatUse use() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace occvla::label
