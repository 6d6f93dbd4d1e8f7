#include <cstddef>
#include <cstdint>
#include <string>

#include "occvla/base/error.h"
#include "occvla/data/prediction.h"

// Any text: a prediction or a DataError. What was read is written and read again as the same text.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    const auto prediction = occvla::data::PredictionFromJson(text, "fuzz");
    const std::string written = occvla::data::ToJson(prediction);
    const auto again = occvla::data::PredictionFromJson(written, "again");
    if (occvla::data::ToJson(again) != written) __builtin_trap();
  } catch (const occvla::DataError&) {
  }
  return 0;
}
