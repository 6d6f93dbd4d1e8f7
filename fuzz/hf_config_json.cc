#include <cstddef>
#include <cstdint>
#include <string>

#include "occvla/base/error.h"
#include "occvla/model/files/config.h"

/// What is accepted must be sound, listable and survive the round trip.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const auto config = occvla::model::ConfigFromJson(
        std::string(reinterpret_cast<const char*>(data), size), "fuzz");
    if (!occvla::model::BrokenRules(config).empty()) __builtin_trap();
    if (occvla::model::ParameterCount(occvla::model::ExpectedTensors(config)) <= 0)
      __builtin_trap();
    const std::string text = occvla::model::ConfigToJson(config);
    if (occvla::model::ConfigToJson(occvla::model::ConfigFromJson(text, "again")) != text) {
      __builtin_trap();
    }
  } catch (const occvla::Error&) {
  }
  return 0;
}
