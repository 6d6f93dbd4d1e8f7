#pragma once
#include <atomic>
#include <cstddef>
#include <functional>

namespace occvla::world::synth {

/// So many threads for loops inside loops: whoever has work left takes the threads that others no
/// longer need.
class Workers {
 public:
  /// The thread that calls For is one of them.
  explicit Workers(int threads);

  /// Calls `work(i)` for i from 0 to n - 1, on the calling thread and on all that are spare when an
  /// `i` is begun; returns when all are done. `work` may call For. After an exception no further
  /// `i` is begun, and the first one is thrown here.
  void For(size_t n, const std::function<void(size_t)>& work);

 private:
  bool Take();

  std::atomic<int> spare_;
};

}  // namespace occvla::world::synth
