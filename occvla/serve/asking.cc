#include "occvla/serve/asking.h"

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "occvla/base/error.h"
#include "occvla/serve/refusal.h"

namespace occvla::serve {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kLook = std::chrono::milliseconds(100);  // How soon a client's leaving is seen.

}  // namespace

/// Filled by the engine's thread and the dispatcher's, which may outlive the one who reads.
struct Asking::Mailbox {
  struct Letter {
    AskEvent event;
    std::exception_ptr error;
  };
  std::mutex mutex;
  std::condition_variable filled;
  std::deque<Letter> letters;

  void Put(Letter letter) {
    {
      std::lock_guard lock(mutex);
      letters.push_back(std::move(letter));
    }
    filled.notify_one();
  }
};

Asking::Asking(Dispatcher& dispatcher, std::vector<infer::Request> requests, Options options)
    : options_(std::move(options)),
      mailbox_(std::make_shared<Mailbox>()),
      left_(requests.size()),
      deadline_(Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                   std::chrono::duration<double>(options_.deadline_s))) {
  for (size_t place = 0; place < requests.size(); ++place) {
    auto& request = requests[place];
    cancelled_.push_back(std::make_shared<std::atomic<bool>>(false));
    request.cancelled = cancelled_.back();
    if (options_.texts) {
      request.on_text = [box = mailbox_, place](std::string_view text) {
        box->Put({{AskEvent::Kind::kText, place, std::string(text), 0, 0, {}}, {}});
      };
    }
    if (options_.progress) {
      request.on_progress = [box = mailbox_, place](std::string_view phase, int64_t done,
                                                    int64_t total) {
        box->Put({{AskEvent::Kind::kProgress, place, std::string(phase), done, total, {}}, {}});
      };
    }
  }
  try {
    dispatcher.Submit(std::move(requests), [box = mailbox_](size_t place, Outcome outcome) {
      box->Put(
          {{AskEvent::Kind::kEnd, place, "", 0, 0, std::move(outcome.prediction)}, outcome.error});
    });
  } catch (const BusyError&) {
    const auto state = dispatcher.state();
    if (state.closed) throw Refusal(503, "the server is stopping", "server_error", "", 5);
    const int wait_s = static_cast<int>(std::clamp(std::ceil(state.wait_s), 1.0, 60.0));
    throw Refusal(429, "as many requests wait as may; try again later", "rate_limit_error", "",
                  wait_s);
  }
}

Asking::~Asking() {
  for (const auto& cancelled : cancelled_) cancelled->store(true);
}

std::optional<AskEvent> Asking::Next() {
  if (left_ == 0) return std::nullopt;
  std::unique_lock lock(mailbox_->mutex);
  while (mailbox_->letters.empty()) {
    const auto now = Clock::now();
    if (now >= deadline_) {
      throw Refusal(408, "the deadline passed before the answer was there", "timeout_error",
                    "deadline_s");
    }
    mailbox_->filled.wait_for(lock, std::min<Clock::duration>(kLook, deadline_ - now),
                              [&] { return !mailbox_->letters.empty(); });
    if (!mailbox_->letters.empty() || !options_.left) continue;
    lock.unlock();
    if (options_.left()) throw Refusal(499, "the client has left");
    lock.lock();
  }
  auto letter = std::move(mailbox_->letters.front());
  mailbox_->letters.pop_front();
  if (letter.error) std::rethrow_exception(letter.error);
  if (letter.event.kind == AskEvent::Kind::kEnd) --left_;
  return std::move(letter.event);
}

std::vector<data::Prediction> AwaitAll(Asking& asking, size_t requests) {
  std::vector<data::Prediction> predictions(requests);
  while (auto event = asking.Next()) {
    if (event->kind == AskEvent::Kind::kEnd) {
      predictions[event->place] = std::move(event->prediction);
    }
  }
  return predictions;
}

}  // namespace occvla::serve
