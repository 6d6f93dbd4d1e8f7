#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "occvla/base/error.h"
#include "occvla/data/text/chain_of_thought.h"
#include "occvla/data/text/drivelm.h"
#include "occvla/data/text/nuscenes_qa.h"
#include "occvla/data/text/omnidrive.h"

// Any text through the four readers of questions in JSON. A plan that was read is written and read
// again as nearly the same numbers; a chain of thought that was read can be written.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace occvla::data;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Complaints complaints;
  ReadNuscenesQa(
      text, "fuzz",
      [](const NuscenesQaQuestion& question) {
        if (question.num_hop < 0 || question.num_hop > 1) __builtin_trap();
      },
      complaints);
  ReadDrivelm(
      text, "fuzz", [](const DrivelmFrame&) {}, complaints);
  ReadChainOfThought(
      text, "fuzz", [](const CotLabel& label) { (void)FormatChainOfThought(label.text); },
      complaints);
  for (const char* folder : {"conv", "vqa", "desc", "keywords"})
    ReadOmnidriveFile(
        text, folder, {}, "fuzz", [](const OmnidriveText&) {}, complaints);
  if (const auto plan = ParsePlan(text)) {
    if (!ParsePlan(FormatPlan(*plan))) __builtin_trap();
  }
  return 0;
}
