#include <cstddef>
#include <cstdint>
#include <span>

#include "occvla/base/error.h"
#include "occvla/data/occ3d/labels.h"

// Any bytes: whole labels within their bounds, or a DataError.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const auto labels =
        occvla::data::occ3d::ParseLabels(std::as_bytes(std::span(data, size)), "fuzz");
    const auto counts = occvla::data::occ3d::CountLabels(labels);
    int64_t voxels = 0;
    for (const int64_t count : counts.classes) voxels += count;
    if (voxels != 640'000) __builtin_trap();
  } catch (const occvla::DataError&) {
  }
  return 0;
}
