#include <cstddef>
#include <cstdint>
#include <span>

#include "occvla/base/error.h"
#include "occvla/data/image/image.h"

// Any bytes behind a JPEG's magic: an image or a DataError. What is decoded is resized too.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3 || data[0] != 0xff || data[1] != 0xd8 || data[2] != 0xff) return 0;
  const occvla::data::ImageLimits limits{.max_bytes = 1 << 20, .max_pixels = 1 << 18};
  try {
    const auto image =
        occvla::data::DecodeImage(std::as_bytes(std::span(data, size)), "fuzz", limits);
    (void)occvla::data::Resize(image, 7, 5);
  } catch (const occvla::DataError&) {
  }
  return 0;
}
