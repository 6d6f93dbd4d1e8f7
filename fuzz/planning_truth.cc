#include <cstddef>
#include <cstdint>
#include <string_view>

#include "occvla/base/error.h"
#include "occvla/eval/planning/measure.h"
#include "occvla/eval/planning/truth_file.h"

// Any text: records that can be measured, or a DataError.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using occvla::data::nuscenes::PlanningTruth;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  occvla::eval::FrameMeter meter;
  try {
    occvla::eval::ForEachPlanningTruth(
        text, "fuzz", [&](const std::string& token, const PlanningTruth& truth) {
          (void)meter.Measure(token, truth, {}, occvla::eval::Track{});
        });
  } catch (const occvla::DataError&) {
  }
  return 0;
}
