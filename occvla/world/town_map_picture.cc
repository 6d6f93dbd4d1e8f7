#include <fmt/format.h>
#include <spng.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <vector>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/text.h"
#include "occvla/geom/polygon.h"
#include "occvla/world/town_map.h"

namespace occvla::world {
namespace {

using Eigen::Vector2d;

/// Something filled with one grey; later ones cover earlier ones.
struct Shape {
  std::vector<Vector2d> ring;
  uint8_t grey = 0;
  geom::Bounds2 bounds;
};

struct Picture {
  double scale = 10;  ///< Pixels a metre.
  uint8_t background = 0;
  std::vector<Shape> shapes;

  void Add(std::vector<Vector2d> ring, uint8_t grey) {
    const auto bounds = geom::BoundsOf(ring);
    shapes.push_back({.ring = std::move(ring), .grey = grey, .bounds = bounds});
  }
};

Picture SemanticPrior(const Town& town) {
  Picture picture;
  picture.scale = 10;
  for (const Area& area : town.areas) {
    if (IsIsland(area))
      picture.Add(area.outline.points, 0);
    else if (area.surface == Surface::kRoad || area.surface == Surface::kCarpark ||
             IsWalkway(town, area))
      picture.Add(area.outline.points, 255);
  }
  return picture;
}

uint8_t GreyOf(Surface surface) {
  switch (surface) {
    case Surface::kTerrain:
      return 60;
    case Surface::kSidewalk:
      return 150;
    case Surface::kOtherFlat:
      return 120;
    case Surface::kCarpark:
      return 105;
    case Surface::kRoad:
      break;
  }
  return 90;
}

/// A marking's dashes as rectangles, at least `least_width` wide.
void AddMarking(const Marking& marking, double least_width, Picture& picture) {
  const double half = std::max(marking.width, least_width) / 2;
  const uint8_t grey = marking.colour == Marking::Colour::kWhite ? 230 : 200;
  const double period = marking.dash + marking.gap;
  double passed = 0;
  for (size_t i = 1; i < marking.line.size(); ++i) {
    const Vector2d &a = marking.line[i - 1], &b = marking.line[i];
    const double length = (b - a).norm();
    if (length <= 0) continue;
    const Vector2d along = (b - a) / length, across(-along.y() * half, along.x() * half);
    const auto paint = [&](double from, double to) {
      from = std::max(from, 0.0);
      to = std::min(to, length);
      if (from >= to) return;
      picture.Add({a + along * from - across, a + along * to - across, a + along * to + across,
                   a + along * from + across},
                  grey);
    };
    if (marking.dash <= 0) {
      paint(0, length);
    } else {
      const double first = std::floor(passed / period);
      for (double k = first; k * period < passed + length; ++k)
        paint(k * period - passed, k * period + marking.dash - passed);
    }
    passed += length;
  }
}

Picture BaseMap(const Town& town) {
  Picture picture;
  picture.scale = 5;
  picture.background = GreyOf(Surface::kTerrain);
  for (const Area& area : town.areas) picture.Add(area.outline.points, GreyOf(area.surface));
  for (const Marking& marking : town.markings) AddMarking(marking, 1 / picture.scale, picture);
  return picture;
}

/// Draws the pixels of a row whose points at height y lie in the ring (even-odd).
void FillRow(const Shape& shape, double y, double scale, std::vector<double>& crossings,
             std::vector<uint8_t>& row) {
  crossings.clear();
  for (size_t i = 0, last = shape.ring.size() - 1; i < shape.ring.size(); last = i++) {
    const Vector2d &a = shape.ring[last], &b = shape.ring[i];
    if ((a.y() > y) == (b.y() > y)) continue;
    crossings.push_back(a.x() + (y - a.y()) / (b.y() - a.y()) * (b.x() - a.x()));
  }
  std::sort(crossings.begin(), crossings.end());
  const auto width = static_cast<double>(row.size());
  for (size_t i = 0; i + 1 < crossings.size(); i += 2) {
    const double from = std::clamp(std::ceil(crossings[i] * scale), 0.0, width);
    const double to = std::clamp(std::floor(crossings[i + 1] * scale) + 1, from, width);
    std::fill(row.begin() + static_cast<std::ptrdiff_t>(from),
              row.begin() + static_cast<std::ptrdiff_t>(to), shape.grey);
  }
}

struct FreeContext {
  void operator()(spng_ctx* context) const { spng_ctx_free(context); }
};

std::string Encode(const Picture& picture, const std::array<double, 2>& canvas) {
  const auto width = static_cast<uint32_t>(std::lround(canvas[0] * picture.scale));
  const auto height = static_cast<uint32_t>(std::lround(canvas[1] * picture.scale));
  const std::unique_ptr<spng_ctx, FreeContext> context(spng_ctx_new(SPNG_CTX_ENCODER));
  if (!context) throw DeviceError("libspng gave no encoder: out of memory.");
  const auto check = [&](int status) {
    if (status != SPNG_OK) {
      throw DataError(fmt::format("a map of {} x {} pixels cannot be written as PNG: {}.", width,
                                  height, spng_strerror(status)));
    }
  };
  check(spng_set_option(context.get(), SPNG_ENCODE_TO_BUFFER, 1));
  // Rows are like those above them: subtracted, most of the file is zeros.
  check(spng_set_option(context.get(), SPNG_FILTER_CHOICE, SPNG_FILTER_CHOICE_UP));
  check(spng_set_option(context.get(), SPNG_IMG_COMPRESSION_LEVEL, 3));
  spng_ihdr header{};
  header.width = width;
  header.height = height;
  header.bit_depth = 8;
  header.color_type = SPNG_COLOR_TYPE_GRAYSCALE;
  check(spng_set_ihdr(context.get(), &header));
  check(spng_encode_image(context.get(), nullptr, 0, SPNG_FMT_PNG,
                          SPNG_ENCODE_PROGRESSIVE | SPNG_ENCODE_FINALIZE));

  std::vector<size_t> by_top(picture.shapes.size()), active;
  for (size_t i = 0; i < by_top.size(); ++i) by_top[i] = i;
  std::stable_sort(by_top.begin(), by_top.end(), [&](size_t a, size_t b) {
    return picture.shapes[a].bounds.max.y() > picture.shapes[b].bounds.max.y();
  });
  size_t next = 0;
  std::vector<double> crossings;
  std::vector<uint8_t> row(width);
  for (uint32_t j = 0; j < height; ++j) {
    const double y = canvas[1] - j / picture.scale;
    for (; next < by_top.size() && picture.shapes[by_top[next]].bounds.max.y() >= y; ++next)
      active.insert(std::lower_bound(active.begin(), active.end(), by_top[next]), by_top[next]);
    std::erase_if(active, [&](size_t i) { return picture.shapes[i].bounds.min.y() > y; });
    std::fill(row.begin(), row.end(), picture.background);
    for (const size_t i : active) FillRow(picture.shapes[i], y, picture.scale, crossings, row);
    const int status = spng_encode_row(context.get(), row.data(), row.size());
    if (status != SPNG_EOI) check(status);
  }
  size_t size = 0;
  int status = SPNG_OK;
  const std::unique_ptr<void, decltype(&std::free)> bytes(
      spng_get_png_buffer(context.get(), &size, &status), &std::free);
  check(status);
  return {static_cast<const char*>(bytes.get()), size};
}

}  // namespace

std::string EncodeMapPicture(const Town& town, MapPicture picture) {
  return Encode(picture == MapPicture::kSemanticPrior ? SemanticPrior(town) : BaseMap(town),
                town.canvas);
}

std::string SemanticPriorName(std::string_view location) {
  // facts/data-and-metrics.md A.8, in the order of kTownLocations.
  static constexpr std::array<const char*, 4> kHashes = {
      "53992ee3023e5494b90c316c183be829", "37819e65e09e5547b8a3ceaefba56bb2",
      "93406b464a165eaba6d9de76ca09f5da", "36092f0b03a857c6a3403e25b4b7aab3"};
  const auto found = std::find(kTownLocations.begin(), kTownLocations.end(), location);
  if (found == kTownLocations.end()) {
    throw ConfigError("a town's location is " + Quoted(location) +
                      ", for which the devkit has no semantic prior. Take boston-seaport or one of "
                      "the three singapore names.");
  }
  return std::string(kHashes[static_cast<size_t>(found - kTownLocations.begin())]) + ".png";
}

void WriteTownMap(const std::filesystem::path& dataroot, const Town& town) {
  const auto maps = dataroot / "maps";
  const std::string prior = SemanticPriorName(town.location);
  for (const char* folder : {"expansion", "basemap"}) {
    std::error_code error;
    std::filesystem::create_directories(maps / folder, error);
    if (error) ThrowWriteError(maps / folder, error.value());
  }
  data::nuscenes::WriteMap(maps / "expansion" / (town.location + ".json"), ToMapRecords(town));
  WriteFileAtomically(maps / prior,
                      std::string_view(EncodeMapPicture(town, MapPicture::kSemanticPrior)));
  WriteFileAtomically(maps / "basemap" / (town.location + ".png"),
                      std::string_view(EncodeMapPicture(town, MapPicture::kBaseMap)));
}

}  // namespace occvla::world
