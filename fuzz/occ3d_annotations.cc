#include <cstddef>
#include <cstdint>
#include <string_view>

#include "occvla/base/error.h"
#include "occvla/data/json_record.h"
#include "occvla/data/occ3d/annotations.h"

// Any text: checked records, and complaints about the rest. No path of a record climbs.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace occvla::data;
  Complaints complaints;
  (void)occ3d::ReadAnnotations(
      {reinterpret_cast<const char*>(data), size}, "fuzz",
      [](const occ3d::AnnotatedFrame& frame) {
        if (!frame.labels.empty() && !IsPathInside(frame.labels.string())) __builtin_trap();
      },
      complaints);
  return 0;
}
