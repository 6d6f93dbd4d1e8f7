#include <cstddef>
#include <cstdint>
#include <span>

#include "occvla/base/error.h"
#include "occvla/base/npy.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const auto array = occvla::ParseNpy(std::as_bytes(std::span(data, size)), "fuzz");
    const auto bytes = occvla::ByteCount(array.dtype, array.shape);
    if (!bytes || *bytes != array.bytes.size()) __builtin_trap();
    (void)occvla::NpyHeader(array.dtype, array.shape);
  } catch (const occvla::Error&) {
  }
  return 0;
}
