#include <cstddef>
#include <cstdint>
#include <string_view>

#include "occvla/base/error.h"
#include "occvla/data/nuscenes/map.h"

using occvla::data::nuscenes::Layer;

// Any bytes: a map or a DataError. A map is written as it was read, and answers queries.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace nuscenes = occvla::data::nuscenes;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    auto records = nuscenes::ParseMap(text, "fuzz");
    const std::string written = nuscenes::MapText(records);
    if (nuscenes::MapText(nuscenes::ParseMap(written, "again")) != written) __builtin_trap();
    double length = 0;
    for (const auto& paths : records.paths)
      for (const auto& path : paths) length += path.length();
    if (length > 1e4) return 0;  // Allowed, but too slow to fuzz.
    const nuscenes::Map map(std::move(records));
    for (size_t i = 0; i < nuscenes::kLayerNames.size(); ++i) {
      const auto layer = static_cast<Layer>(i);
      for (const uint32_t row : map.Near(layer, {10, 10}, 50)) {
        (void)map.Polygons(layer, row);
        (void)map.Line(layer, row);
        (void)map.Find(layer, map.Token(layer, row));
      }
      (void)map.Containing(layer, {10, 10});
    }
    (void)map.ClosestElement({10, 10}, 50);
  } catch (const occvla::DataError&) {
  }
  return 0;
}
