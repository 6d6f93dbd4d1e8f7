#include <cstddef>
#include <cstdint>
#include <string_view>

#include "occvla/base/error.h"
#include "occvla/data/text/nuscenes_mqa.h"

// Any text: records whose tags pair, and complaints about the rest.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace occvla::data;
  Complaints complaints;
  ReadNuscenesMqa(
      {reinterpret_cast<const char*>(data), size}, "fuzz",
      [](const NuscenesMqaQuestion& question) {
        if (!MqaSpans(question.answer)) __builtin_trap();
        if (StripMqaTags(question.answer).size() > question.answer.size()) __builtin_trap();
      },
      complaints);
  return 0;
}
