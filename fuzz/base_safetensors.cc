#include <cstddef>
#include <cstdint>
#include <span>

#include "occvla/base/error.h"
#include "occvla/base/safetensors.h"

// The reader either throws an Error or gives views that lie inside the image.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto image = std::as_bytes(std::span(data, size));
  try {
    const auto contents = occvla::ParseSafetensors(image, "fuzz");
    for (const auto& [name, view] : contents.tensors) {
      const auto bytes = occvla::ByteCount(view.dtype, view.shape);
      if (!bytes || *bytes != view.bytes.size()) __builtin_trap();
    }
    (void)occvla::FindNonFinite(contents.tensors);
  } catch (const occvla::Error&) {
  }
  return 0;
}
