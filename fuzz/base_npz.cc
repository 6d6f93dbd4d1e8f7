#include <cstddef>
#include <cstdint>
#include <span>

#include "occvla/base/error.h"
#include "occvla/base/npy.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Small limits keep a run fast; the checks are the same.
  constexpr occvla::NpyLimits kLimits{
      .max_array_bytes = 1 << 20, .max_arrays = 16, .max_total_bytes = 4 << 20};
  try {
    for (const auto& [name, array] :
         occvla::ParseNpz(std::as_bytes(std::span(data, size)), "fuzz", kLimits))
      if (occvla::ByteCount(array.dtype, array.shape) != array.bytes.size()) __builtin_trap();
  } catch (const occvla::Error&) {
  }
  return 0;
}
