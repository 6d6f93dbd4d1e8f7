#pragma once
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace occvla::data::nuscenes {

/// Calls `work(thread, index)` once for each index below `count`, on `threads` threads, the caller
/// being one of them. Indices are handed out in order. After an exception no new index is handed
/// out, and the exception is thrown here (the one of the lowest index that failed).
template <typename Work>
void ForEachIndex(size_t count, size_t threads, const Work& work) {
  std::atomic<size_t> next{0};
  std::mutex mutex;
  std::exception_ptr failure;
  size_t failed_at = count;
  const auto run = [&](size_t thread) {
    for (size_t index = next++; index < count; index = next++) {
      try {
        work(thread, index);
      } catch (...) {
        next = count;
        const std::lock_guard lock(mutex);
        if (!failure || index < failed_at) {
          failure = std::current_exception();
          failed_at = index;
        }
      }
    }
  };
  {
    std::vector<std::jthread> others;
    for (size_t thread = 1; thread < threads && thread < count; ++thread)
      others.emplace_back(run, thread);
    run(0);
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace occvla::data::nuscenes
