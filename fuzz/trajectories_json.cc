#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "occvla/base/error.h"
#include "occvla/eval/prediction_file.h"

// Any text: trajectories of known tokens or a DataError, and nothing that is not finite.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::vector<std::string> known = {"a", "b", "c"};
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    for (const auto& [token, track] : occvla::eval::ParseTrajectories(text, "fuzz", known)) {
      if (token != "a" && token != "b" && token != "c") __builtin_trap();
      for (const auto& point : track)
        for (const double number : point)
          if (!(number >= -1e6 && number <= 1e6)) __builtin_trap();
    }
  } catch (const occvla::DataError&) {
  }
  return 0;
}
