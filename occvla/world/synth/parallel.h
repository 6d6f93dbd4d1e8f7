#pragma once
#include <cstddef>
#include <functional>

namespace occvla::world::synth {

/// Calls `work(i)` for i from 0 to n - 1 on up to `threads` threads, the calling one among them;
/// returns when all are done. After an exception no further `i` is begun, and the first one is
/// thrown here.
void ParallelFor(size_t n, int threads, const std::function<void(size_t)>& work);

}  // namespace occvla::world::synth
