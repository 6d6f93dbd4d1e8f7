#include <cstddef>
#include <cstdint>
#include <string_view>

#include "occvla/serve/review/judgement.h"

// Any body of a review request: a judgement no longer than its text, or a fault with words.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace occvla::serve::review;
  const auto read = ParseJudgement({reinterpret_cast<const char*>(data), size});
  if (const auto* judgement = std::get_if<Judgement>(&read)) {
    if (size > kMostJudgementBytes || judgement->comment.size() > size) __builtin_trap();
  } else if (std::get<Fault>(read).message.empty()) {
    __builtin_trap();
  }
  return 0;
}
