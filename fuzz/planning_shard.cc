#include <cstddef>
#include <cstdint>
#include <string>

#include "occvla/base/error.h"
#include "occvla/eval/planning/shard_file.h"
#include "occvla/eval/planning/summary.h"

// Any text: a shard that is written and read again as the same, and can be summed up, or a
// DataError.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    const auto shard = occvla::eval::ParsePlanningShard(text, "fuzz");
    const auto again = occvla::eval::ParsePlanningShard(occvla::eval::ToJson(shard), "again");
    if (!(again == shard)) __builtin_trap();
    (void)occvla::eval::ToJson(occvla::eval::Summarise(shard.frames));
  } catch (const occvla::DataError&) {
  }
  return 0;
}
