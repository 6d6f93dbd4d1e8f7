#pragma once
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "occvla/label/chat_endpoint.h"

/// What goes over the wire: one request, one reply.
namespace occvla::label {

/// The JSON body of a chat completion request; images are data URLs.
std::string RequestBody(const ChatQuestion& question, const ChatSettings& settings);

/// Throws DataError for a reply that is no chat completion with text.
ChatAnswer ParseReply(const std::string& body, const ChatQuestion& question);

/// `text` with every occurrence of a key of eight bytes or more replaced by "[key]"; shorter ones
/// ("none") are no secrets and would mangle texts.
std::string WithoutKey(std::string text, std::string_view key);

/// How a POST ended.
struct WireResult {
  enum class End {
    kReply,    ///< `status`, `body`, and the headers below.
    kTooLong,  ///< The reply passed the limit; the connection was closed.
    kTimeout,
    kStopped,
    kUntrusted,  ///< TLS: the server's certificate.
    kBroken      ///< Connection refused, reset, or ended early.
  };
  End end = End::kBroken;
  int status = 0;
  std::string body, retry_after, location;
  std::string problem;  ///< With kBroken and kUntrusted: what the library said.
};

/// POSTs JSON to `address.url` + `path` on a connection of its own. Ends within `timeout` seconds
/// and soon after `stop`, apart from looking up a host's name. Follows no redirect. A cut
/// connection raises no SIGPIPE.
WireResult Post(const ChatAddress& address, const std::string& path, const std::string& body,
                double timeout, size_t max_reply, const std::stop_token& stop);

/// True where the HTTP library speaks TLS.
bool HasTls();

}  // namespace occvla::label
