#include <cstddef>
#include <cstdint>
#include <string_view>

#include "occvla/base/error.h"
#include "occvla/model/files/weight_files.h"

/// No accepted shard name may leave the folder.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const auto index = occvla::model::ParseWeightIndex(
        std::string_view(reinterpret_cast<const char*>(data), size), "fuzz");
    for (const auto& [name, shard] : index) {
      if (shard.empty() || shard.find('/') != std::string::npos || shard == "..") __builtin_trap();
      (void)occvla::model::CanonicalName(name);
    }
  } catch (const occvla::Error&) {
  }
  return 0;
}
