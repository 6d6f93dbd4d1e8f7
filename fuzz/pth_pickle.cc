#include <cstddef>
#include <cstdint>
#include <span>

#include "occvla/base/error.h"
#include "occvla/model/files/pickle.h"

/// The pickle alone, which the archive's checksum would keep most inputs from.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const auto pickle =
        occvla::model::ReadTorchPickle(std::as_bytes(std::span(data, size)), "fuzz");
    if (pickle.root >= pickle.nodes.size()) __builtin_trap();
    for (const auto& node : pickle.nodes) {
      for (uint32_t item : node.items) {
        if (item >= pickle.nodes.size()) __builtin_trap();
      }
      for (const auto& [key, value] : node.entries) {
        if (key >= pickle.nodes.size() || value >= pickle.nodes.size()) __builtin_trap();
      }
      if (node.storage >= pickle.nodes.size()) __builtin_trap();
    }
  } catch (const occvla::Error&) {
  }
  return 0;
}
