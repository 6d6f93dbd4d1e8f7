#pragma once
#include <cstdint>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "occvla/data/prediction.h"
#include "occvla/infer/engine.h"

namespace occvla::serve {

/// How a request ended: with a prediction, or an exception of which `error` keeps hold.
struct Outcome {
  data::Prediction prediction;
  std::exception_ptr error;
};

/// Answers one request: infer::Engine::Submit in the program, anything in tests.
using EngineCall = std::function<std::future<data::Prediction>(infer::Request)>;

struct DispatchLimits {
  size_t waiting = 64;   ///< Requests that may wait for the engine.
  size_t in_a_row = 16;  ///< On one frame, before another one's turn comes.
};

/// The line in front of the engine, which gets one request after the other: the oldest one, then
/// those that wait on the same frame (at most `in_a_row` in all), whose images are in the engine's
/// cache by then; then the oldest one on another frame. Who comes while his frame has its turn
/// waits for its next one, so that nobody waits longer than all that wait take. Any thread.
class Dispatcher {
 public:
  explicit Dispatcher(EngineCall engine, const DispatchLimits& limits = {});
  ~Dispatcher();  ///< Cancels what runs, fails what waits.
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  /// Queues requests (each with `frame_key` and `cancelled` set), all of them or none. Throws
  /// BusyError when they do not fit in, or after `Close`. `on_end` runs once for each, with its
  /// place among them, on a thread of the dispatcher's: keep it short. A request that was cancelled
  /// before its turn ends with BusyError and never reaches the engine.
  void Submit(std::vector<infer::Request> requests, std::function<void(size_t, Outcome)> on_end);

  /// From now on `Submit` refuses.
  void Close();
  /// After `Close`: waits at most `grace_s` for all to be answered, then cancels what runs and
  /// fails what waits. Returns how many it failed.
  size_t Drain(double grace_s);

  struct State {
    size_t waiting = 0, running = 0;
    bool closed = false;
    uint64_t done = 0, failed = 0, cancelled = 0, refused = 0;
    uint64_t frames_seen = 0, frames_cached = 0;  ///< Of those done: images computed, or reused.
    uint64_t prompt_tokens = 0, new_tokens = 0;
    double busy_s = 0;  ///< That the engine worked.
    double wait_s = 0;  ///< How long a request that came now would wait, from the last ones' time.
  };
  State state() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace occvla::serve
