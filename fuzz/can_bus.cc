#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "occvla/base/error.h"
#include "occvla/data/nuscenes/can_bus.h"

// The first byte chooses the message.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr std::array<const char*, 8> kMessages = {
      "ms_imu", "pose", "steeranglefeedback", "vehicle_monitor", "zoesensors", "zoe_veh_info",
      "meta",   "route"};
  if (size == 0) return 0;
  occvla::data::nuscenes::CanBusOfScene scene;
  try {
    occvla::data::nuscenes::ParseCanMessages(
        std::string_view(reinterpret_cast<const char*>(data) + 1, size - 1),
        kMessages[data[0] % kMessages.size()], "fuzz", &scene);
  } catch (const occvla::Error&) {
  }
  return 0;
}
