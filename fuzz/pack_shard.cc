#include <cstddef>
#include <cstdint>
#include <span>

#include "occvla/base/error.h"
#include "occvla/data/pack_format.h"

// Any bytes as a shard of one keyframe: a table whose places lie inside, or a DataError. The same
// bytes as labels.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace occvla::data;
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    for (const pack::Record& record : pack::ReadTable(
             bytes, "fuzz", {.file = "fuzz", .frames = 1, .bytes = size, .sha256 = ""}, 1))
      if (record.images_at + pack::ImageBytes(1) > size) __builtin_trap();
  } catch (const occvla::DataError&) {
  }
  try {
    (void)pack::DecodeLabels(bytes, "fuzz");
  } catch (const occvla::DataError&) {
  }
  return 0;
}
