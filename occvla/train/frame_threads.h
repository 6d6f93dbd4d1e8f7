#pragma once
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace occvla::train {

/// The frames of a step, several at a time. Small models leave the cores idle when one frame's
/// operations are spread over them; a frame a core keeps them busy.
class FrameThreads {
 public:
  /// `workers` threads of `threads` / `workers` torch threads each; with one worker the work is
  /// done on the caller's thread.
  FrameThreads(int workers, int threads);
  ~FrameThreads();
  FrameThreads(const FrameThreads&) = delete;
  FrameThreads& operator=(const FrameThreads&) = delete;

  /// Runs make(i) for i in [0, count), several at once, and then take(i) in the order of i, one at
  /// a time: sums that take() makes do not depend on who was faster. At most `workers` results are
  /// ahead of take(). Rethrows what either threw first in the order of i, when all have stopped.
  void Run(size_t count, const std::function<void(size_t)>& make,
           const std::function<void(size_t)>& take);
  int workers() const { return workers_; }

 private:
  void Work();
  void WorkOn(std::unique_lock<std::mutex>& lock);

  const int workers_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // The work at hand; `count_` 0 = none.
  size_t count_ = 0, started_ = 0, taken_ = 0, running_ = 0;
  const std::function<void(size_t)>*make_ = nullptr, *take_ = nullptr;
  std::vector<char> made_;
  std::vector<std::exception_ptr> errors_;
  bool failed_ = false, taking_ = false, quit_ = false;
  std::vector<std::jthread> threads_;  // Last: they use all of the above.
};

}  // namespace occvla::train
