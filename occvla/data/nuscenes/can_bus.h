#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "occvla/data/nuscenes/write_can_bus.h"

namespace occvla::data::nuscenes {

/// What `meta` says of one message.
struct CanMeta {
  std::string message;
  int64_t count = 0;
  double frequency_hz = 0, timespan = 0;
};

/// One scene's CAN bus files as they were found.
struct CanBusOfScene {
  CanBus bus;
  std::vector<CanMeta> meta;
  /// Of `vehicle_monitor` and `route`, which some scenes lack by nature (scene-0419; about one
  /// scene in thirty), those that are not there.
  std::vector<std::string> missing;
};

/// Reads `<folder>/<scene>_<message>.json` (facts/data-and-metrics.md A.7). Nothing where the scene
/// has no file at all: scenes 161 to 168, 170 to 176 and 309 to 314 have no CAN data. Throws one
/// DataError that lists everything else that is missing or damaged: file, record, field.
std::optional<CanBusOfScene> ReadCanBus(const std::filesystem::path& folder,
                                        const std::string& scene);

/// Reads one message's file into `bus`, or the route; for tests and tools. `where` opens each
/// complaint. Throws DataError with the first hundred of them, and ConfigError for a message that
/// does not exist.
void ParseCanMessages(std::string_view text, const std::string& message, const std::string& where,
                      CanBusOfScene* scene);

}  // namespace occvla::data::nuscenes
