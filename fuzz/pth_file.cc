#include <cstddef>
#include <cstdint>
#include <span>

#include "occvla/base/error.h"
#include "occvla/model/files/pth.h"

/// A whole torch file: zip directory, pickle and tensors. Every byte of what is accepted is read.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const auto file = occvla::model::ParsePth(std::as_bytes(std::span(data, size)), "fuzz");
    volatile unsigned sum = 0;  // Volatile, so that every byte is indeed read.
    for (const auto& [name, view] : file.tensors) {
      const auto elements = static_cast<size_t>(view.elements());
      if (view.bytes.size() != elements * occvla::SizeOf(view.dtype)) __builtin_trap();
      for (std::byte b : view.bytes) sum = sum + static_cast<unsigned>(b);
    }
  } catch (const occvla::Error&) {
  }
  return 0;
}
