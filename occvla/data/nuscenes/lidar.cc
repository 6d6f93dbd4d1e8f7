#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/data/nuscenes/dataset.h"

namespace occvla::data::nuscenes {

std::vector<std::array<float, 5>> ReadLidar(const std::filesystem::path& path) {
  using Point = std::array<float, 5>;
  constexpr size_t kMostBytes = size_t{64} << 20;  // A sweep has some 0.7 MB.
  const std::vector<std::byte> bytes = ReadFile(path, kMostBytes);
  if (bytes.size() % sizeof(Point) != 0) {
    throw DataError(
        fmt::format("{}: must be points of {} bytes (x, y, z, intensity, ring as "
                    "float32), but has {} bytes, {} too many. Copy or unpack it again.",
                    path.string(), sizeof(Point), bytes.size(), bytes.size() % sizeof(Point)));
  }
  std::vector<Point> points(bytes.size() / sizeof(Point));
  if (!points.empty()) std::memcpy(points.data(), bytes.data(), bytes.size());
  for (size_t i = 0; i < points.size(); ++i) {
    for (size_t j = 0; j < points[i].size(); ++j) {
      if (std::isfinite(points[i][j])) continue;
      throw DataError(fmt::format(
          "{}: point {}: {} must be finite, but is {}. Copy or unpack it "
          "again.",
          path.string(), i, std::array{"x", "y", "z", "intensity", "ring"}[j], points[i][j]));
    }
  }
  return points;
}

}  // namespace occvla::data::nuscenes
