#include "occvla/view/top_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

#include "occvla/view/palette.h"

namespace occvla::view {
namespace {

// nuScenes' car, a Renault Zoe: 4.084 m long, 1.73 m wide, the ego origin on its rear axle, which
// stands 0.66 m before the rear bumper.
constexpr double kCarRear = -0.66, kCarFront = 3.424, kHalfCarWidth = 0.865;

}  // namespace

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

void DrawPathAbove(Canvas& canvas, const TopView& view, const std::vector<PathPoint>& path) {
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
  if (path.size() < 2) return;
  for (double time = kTrajectoryStep; time <= kTrajectoryEnd; time += kTrajectoryStep) {
    const std::optional<PathPoint> point = AtTime(path, time);
    if (!point) continue;
    const Eigen::Vector2d p = view(point->p_E.x(), point->p_E.y());
    canvas.Dot(p.x(), p.y(), 4.5, kPathEdge);
    canvas.Dot(p.x(), p.y(), 3, Rgb(0xffffff));
  }
}

}  // namespace occvla::view
