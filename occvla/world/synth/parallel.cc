#include "occvla/world/synth/parallel.h"

#include <algorithm>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace occvla::world::synth {

Workers::Workers(int threads) : spare_(std::max(1, threads) - 1) {}

bool Workers::Take() {
  int spare = spare_;
  while (spare > 0)
    if (spare_.compare_exchange_weak(spare, spare - 1)) return true;
  return false;
}

void Workers::For(size_t n, const std::function<void(size_t)>& work) {
  std::atomic<size_t> next{0};
  std::mutex mutex;
  std::exception_ptr failure;
  std::vector<std::jthread> others;
  const auto one = [&](size_t i) {
    try {
      work(i);
    } catch (...) {
      next = n;
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  };
  for (size_t i = next++; i < n; i = next++) {
    while (next < n && Take())
      others.emplace_back([&] {
        for (size_t k = next++; k < n; k = next++) one(k);
        ++spare_;
      });
    one(i);
  }
  ++spare_;  // Waiting, this thread leaves its core to others.
  others.clear();
  --spare_;
  if (failure) std::rethrow_exception(failure);
}

}  // namespace occvla::world::synth
