#include <cstddef>
#include <cstdint>
#include <span>

#include "occvla/base/error.h"
#include "occvla/data/image/image.h"

// Any bytes that are no JPEG: an image or a DataError. What is decoded is resized and comes back
// from its own PNG unchanged.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 0 && data[0] == 0xff) return 0;
  const occvla::data::ImageLimits limits{.max_bytes = 1 << 20, .max_pixels = 1 << 18};
  try {
    const auto image =
        occvla::data::DecodeImage(std::as_bytes(std::span(data, size)), "fuzz", limits);
    (void)occvla::data::Resize(image, 7, 5, occvla::data::ResizeFilter::kBilinear);
    const std::string again = occvla::data::EncodePng(image);
    const auto back = occvla::data::DecodeImage(std::as_bytes(std::span(again)), "again");
    if (back.rgb != image.rgb) __builtin_trap();
  } catch (const occvla::DataError&) {
  }
  return 0;
}
