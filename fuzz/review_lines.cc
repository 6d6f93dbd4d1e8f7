#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "occvla/base/error.h"
#include "occvla/label/review_decision.h"

// Any text: decisions or a DataError. What was read keeps the rules, and is written and read again
// as the same decisions.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace occvla::label;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const auto decisions = ParseJsonLines(text, "fuzz");
    std::string lines;
    for (const auto& decision : decisions) {
      if (!ProblemsOf(decision).empty()) __builtin_trap();
      lines += ToJsonLine(decision) + "\n";
    }
    if (ParseJsonLines(lines, "again") != decisions) __builtin_trap();
    Play(decisions);
  } catch (const occvla::DataError&) {
  }
  return 0;
}
