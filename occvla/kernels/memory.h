#pragma once
#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <new>

namespace occvla::kernels {
namespace {  // No code may be shared between files of different instruction sets.

/// Aligned memory of one call.
class Scratch {
 public:
  explicit Scratch(int64_t floats)
      : data_(static_cast<float*>(
            ::operator new(static_cast<size_t>(floats) * sizeof(float), std::align_val_t(64)))) {}
  ~Scratch() { ::operator delete(data_, std::align_val_t(64)); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  /// The next `floats` of it, rounded up to whole cache lines.
  float* Take(int64_t floats) {
    float* taken = data_ + used_;
    used_ += Lines(floats);
    return taken;
  }
  static int64_t Lines(int64_t floats) { return (floats + 15) / 16 * 16; }

 private:
  float* data_;
  int64_t used_ = 0;
};

/// Brings the cache lines of [from, from + bytes) near. Always inlined: gcc 12 drops calls of a
/// function that does nothing but prefetch.
inline __attribute__((always_inline)) void Prefetch(const void* from, int64_t bytes = 1) {
  for (int64_t at = 0; at < bytes; at += 64)
    _mm_prefetch(static_cast<const char*>(from) + at, _MM_HINT_T0);
}

}  // namespace
}  // namespace occvla::kernels
