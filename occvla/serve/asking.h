#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "occvla/serve/dispatcher.h"

namespace occvla::serve {

/// What happens to one of the requests of an `Asking`.
struct AskEvent {
  enum class Kind { kProgress, kText, kEnd };
  Kind kind = Kind::kEnd;
  size_t place = 0;             ///< Which request.
  std::string text;             ///< kText: a piece of the answer. kProgress: the phase.
  int64_t done = 0, total = 0;  ///< kProgress.
  data::Prediction prediction;  ///< kEnd.
};

/// Requests of one client on their way through the dispatcher. Events wait here until the client
/// takes them, so that who reads slowly holds nobody up but himself: they are bounded by the
/// answers' token limits. One thread at a time.
class Asking {
 public:
  struct Options {
    double deadline_s = 0;
    std::function<bool()> left;  ///< Whether the client is gone; asked a few times a second.
    bool texts = false;          ///< Give kText events.
    bool progress = false;       ///< Give kProgress events.
  };
  /// Queues them. Throws Refusal: 429 with Retry-After when they do not fit in, 503 when the server
  /// is stopping.
  Asking(Dispatcher& dispatcher, std::vector<infer::Request> requests, Options options);
  ~Asking();  ///< Cancels what has not ended.
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;

  /// Waits for the next event; nothing once every request has ended. Throws what went wrong for one
  /// of them; Refusal 408 at the deadline; Refusal 499 when the client has left.
  std::optional<AskEvent> Next();

 private:
  struct Mailbox;

  const Options options_;
  std::shared_ptr<Mailbox> mailbox_;
  std::vector<std::shared_ptr<std::atomic<bool>>> cancelled_;
  size_t left_ = 0;  // Requests that have not ended.
  std::chrono::steady_clock::time_point deadline_;
};

/// All of them, in the order of the requests.
std::vector<data::Prediction> AwaitAll(Asking& asking, size_t requests);

}  // namespace occvla::serve
