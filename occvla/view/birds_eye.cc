#include "occvla/view/birds_eye.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "occvla/base/error.h"
#include "occvla/view/palette.h"

namespace occvla::view {
namespace {

using data::OccupancyGrid;

// nuScenes' car, a Renault Zoe: 4.084 m long, 1.73 m wide, the ego origin on its rear axle, which
// stands 0.66 m before the rear bumper.
constexpr double kCarRear = -0.66, kCarFront = 3.424, kHalfCarWidth = 0.865;

// Where a point of E lies on the canvas.
struct TopView {
  double centre_x = 0, centre_y = 0;  // Canvas pixels of the point (forward, 0) in E.
  double forward = 0;                 // Metres.
  double scale = 1;                   // Pixels a metre.

  Eigen::Vector2d operator()(double x_E, double y_E) const {
    return {centre_x - y_E * scale, centre_y - (x_E - forward) * scale};
  }
};

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

void DrawRings(Canvas& canvas, const Box& box, const TopView& view, const Colour& colour) {
  const double reach = std::hypot(box.width, box.height) / view.scale;
  const double step = reach > 150 ? 40 : reach > 75 ? 20 : 10;
  const Eigen::Vector2d origin = view(0, 0);
  for (double radius = step; radius < reach; radius += step) {
    cairo_new_path(canvas.context());
    cairo_arc(canvas.context(), origin.x(), origin.y(), radius * view.scale, 0,
              2 * std::numbers::pi);
    canvas.Use(colour);
    cairo_set_line_width(canvas.context(), 1);
    cairo_stroke(canvas.context());
    // To the right ahead, clear of most paths.
    const Eigen::Vector2d at = view(radius * 0.8, -radius * 0.6);
    if (at.y() < box.y + 14 || at.x() > box.right() - 24) continue;
    const TextStyle style{.size_px = 11, .colour = kText, .align = Align::kCentre};
    const std::string label = fmt::format("{:.0f} m", radius);
    const double width = canvas.TextWidth(label, style) + 8;
    canvas.FillBox({at.x() - width / 2, at.y() - 8, width, 16}, kBackground.WithAlpha(0.75), 3);
    canvas.Text(at.x(), at.y() + 4, label, style);
  }
}

void DrawCar(Canvas& canvas, const TopView& view) {
  const Eigen::Vector2d corner = view(kCarFront, kHalfCarWidth);
  const Box car{corner.x(), corner.y(), 2 * kHalfCarWidth * view.scale,
                (kCarFront - kCarRear) * view.scale};
  canvas.FillBox(car, Rgb(0xf4f6f8), std::min(3.0, car.width / 4));
  canvas.StrokeBox(car, kPathEdge, 1.5, std::min(3.0, car.width / 4));
  // The windscreen shows which end is the front.
  const Eigen::Vector2d screen = view(kCarFront - 1.0, kHalfCarWidth * 0.75);
  canvas.FillBox({screen.x(), screen.y(), 1.5 * kHalfCarWidth * view.scale, 0.7 * view.scale},
                 kPathEdge);
}

void DrawPath(Canvas& canvas, const TopView& view, const std::vector<PathPoint>& path) {
  cairo_t* context = canvas.context();
  cairo_set_line_cap(context, CAIRO_LINE_CAP_ROUND);
  for (const double width : {7.0, 4.0}) {  // The wide dark line below is the narrow one's border.
    for (size_t index = 1; index < path.size(); ++index) {
      const Eigen::Vector2d from = view(path[index - 1].p_E.x(), path[index - 1].p_E.y());
      const Eigen::Vector2d to = view(path[index].p_E.x(), path[index].p_E.y());
      canvas.Line(
          from.x(), from.y(), to.x(), to.y(),
          width > 5 ? kPathEdge : Blend(kPathNear, kPathFar, path[index].time / kTrajectoryEnd),
          width);
    }
  }
  for (const PathPoint& point : path) {
    const double halves = point.time / kTrajectoryStep;
    if (halves < 0.5 || std::abs(halves - std::round(halves)) > 1e-6) continue;
    const Eigen::Vector2d p = view(point.p_E.x(), point.p_E.y());
    canvas.Dot(p.x(), p.y(), 4.5, kPathEdge);
    canvas.Dot(p.x(), p.y(), 3, Rgb(0xffffff));
  }
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
  DrawPath(canvas, view, path);
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
  double y = box.y;
  canvas.Text(box.x, y + 12, "OCCUPANCY, VOXELS",
              {.size_px = 11, .colour = kMutedText, .bold = true});
  y += 24;
  for (const size_t label : classes) {
    if (y + 22 > box.bottom()) break;
    std::string name(data::kOccupancyClasses[label]);
    std::replace(name.begin(), name.end(), '_', ' ');
    canvas.FillBox({box.x, y + 3, 14, 14}, kOccupancyColours[label], 3);
    canvas.Text(box.x + 22, y + 15, name, {.size_px = 13, .colour = kText});
    canvas.Text(box.right(), y + 15, fmt::format("{}", counts[label]),
                {.size_px = 13, .colour = kMutedText, .align = Align::kRight});
    y += 23;
  }
  if (classes.empty()) {
    canvas.Text(box.x, y + 14, "every voxel is free", {.size_px = 13, .colour = kMutedText});
  }
}

}  // namespace occvla::view
