#include "occvla/view/birds_eye.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "occvla/base/error.h"
#include "occvla/view/palette.h"
#include "occvla/view/top_view.h"

namespace occvla::view {
namespace {

using data::OccupancyGrid;

TopView MakeView(const Box& box, bool whole_grid, const std::vector<PathPoint>& path) {
  double half = OccupancyGrid::kX * OccupancyGrid::kVoxel / 2, forward = 0;
  if (!whole_grid) {
    double ahead = 20, behind = -8, aside = 0;
    for (const PathPoint& point : path) {
      ahead = std::max(ahead, point.p_E.x());
      behind = std::min(behind, point.p_E.x());
      aside = std::max(aside, std::abs(point.p_E.y()));
    }
    forward = (ahead + behind) / 2;
    half = std::max((ahead - behind) / 2, aside) * 1.12;
  }
  return {.centre_x = box.x + box.width / 2,
          .centre_y = box.y + box.height / 2,
          .forward = forward,
          .scale = std::min(box.width, box.height) / (2 * half)};
}

// From dark to bright over the 16 layers, and a little more or less by the slope to the left and
// ahead, which makes edges of cars and walls visible.
double Shade(int height, int left, int ahead) {
  const double level = 0.58 + 0.42 * height / (OccupancyGrid::kZ - 1);
  const double slope = 0.05 * std::clamp((height - left) + (height - ahead), -3, 3);
  return std::clamp(level + slope, 0.35, 1.15);
}

}  // namespace

data::Image OccupancyFromAbove(const OccupancyGrid& occupancy, const Colour& empty) {
  constexpr int kX = OccupancyGrid::kX, kY = OccupancyGrid::kY, kZ = OccupancyGrid::kZ;
  OCCVLA_DCHECK(occupancy.labels.size() == static_cast<size_t>(kX) * kY * kZ);
  const auto label = [&](int x, int y, int z) {
    return occupancy.labels[static_cast<size_t>((x * kY + y) * kZ + z)];
  };
  const auto top = [&](int x, int y) {  // Layer of the topmost voxel that is not free, or -1.
    if (x >= kX || y >= kY) return -1;
    int z = kZ - 1;
    while (z >= 0 && label(x, y, z) >= data::kFreeClass) --z;
    return z;
  };
  data::Image image{.width_px = kY, .height_px = kX, .rgb = {}};
  image.rgb.reserve(static_cast<size_t>(kX) * kY * 3);
  for (int x = kX - 1; x >= 0; --x) {
    for (int y = kY - 1; y >= 0; --y) {
      const int z = top(x, y);
      const double shade = z < 0 ? 1 : Shade(z, top(x, y + 1), top(x + 1, y));
      const Colour colour = z < 0 ? empty : kOccupancyColours[label(x, y, z)];
      for (const double channel : {colour.red, colour.green, colour.blue}) {
        image.rgb.push_back(
            static_cast<uint8_t>(std::lround(std::min(1.0, channel * shade) * 255)));
      }
    }
  }
  return image;
}

std::array<int64_t, 18> CountClasses(const OccupancyGrid& occupancy) {
  std::array<int64_t, 18> counts{};
  for (const uint8_t label : occupancy.labels) {
    if (label < counts.size()) ++counts[label];
  }
  return counts;
}

void DrawBirdsEye(Canvas& canvas, const Box& box, const std::optional<OccupancyGrid>& occupancy,
                  const std::vector<PathPoint>& path) {
  const SavedState saved(canvas);
  canvas.FillBox(box, kPanel);
  cairo_rectangle(canvas.context(), box.x, box.y, box.width, box.height);
  cairo_clip(canvas.context());
  const TopView view = MakeView(box, occupancy.has_value(), path);
  if (occupancy) {
    const double side = std::min(box.width, box.height);
    canvas.PaintBlocks(
        OccupancyFromAbove(*occupancy, kPanel),
        {box.x + (box.width - side) / 2, box.y + (box.height - side) / 2, side, side});
  }
  DrawRings(canvas, box, view, occupancy ? kText.WithAlpha(0.35) : kLineColour);
  DrawPathAbove(canvas, view, path);
  DrawCar(canvas, view);
}

void DrawLegend(Canvas& canvas, const Box& box, const OccupancyGrid& occupancy) {
  const std::array<int64_t, 18> counts = CountClasses(occupancy);
  std::vector<size_t> classes;
  for (size_t label = 0; label < data::kFreeClass; ++label) {
    if (counts[label] > 0) classes.push_back(label);
  }
  std::stable_sort(classes.begin(), classes.end(),
                   [&](size_t a, size_t b) { return counts[a] > counts[b]; });
  constexpr double kHeading = 24, kRow = 23, kColumn = 190, kColumnGap = 24;
  canvas.Text(box.x, box.y + 12, "OCCUPANCY, VOXELS",
              {.size_px = 11, .colour = kMutedText, .bold = true});
  const auto columns = static_cast<size_t>(
      std::max(1.0, std::floor((box.width + kColumnGap) / (kColumn + kColumnGap))));
  const auto rows = static_cast<size_t>(std::max(1.0, std::floor((box.height - kHeading) / kRow)));
  const double step = (box.width + kColumnGap) / static_cast<double>(columns);
  for (size_t index = 0; index < std::min(classes.size(), rows * columns); ++index) {
    const size_t label = classes[index];
    const double x = box.x + static_cast<double>(index / rows) * step;
    const double y = box.y + kHeading + static_cast<double>(index % rows) * kRow;
    std::string name(data::kOccupancyClasses[label]);
    std::replace(name.begin(), name.end(), '_', ' ');
    canvas.FillBox({x, y + 3, 14, 14}, kOccupancyColours[label], 3);
    canvas.Text(x + 22, y + 15, name, {.size_px = 13, .colour = kText});
    canvas.Text(x + step - kColumnGap, y + 15, fmt::format("{}", counts[label]),
                {.size_px = 13, .colour = kMutedText, .align = Align::kRight});
  }
  if (classes.empty()) {
    canvas.Text(box.x, box.y + kHeading + 14, "every voxel is free",
                {.size_px = 13, .colour = kMutedText});
  }
}

}  // namespace occvla::view
