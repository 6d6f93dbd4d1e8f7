#include "occvla/view/camera_view.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "occvla/view/palette.h"

namespace occvla::view {
namespace {

constexpr double kHalfCarWidth = 0.87;  // Metres; half the width of nuScenes' Renault Zoe.
// Nearer than this a pixel of the ribbon would be blown up to metres of picture.
constexpr double kNear = 0.5;
// Cairo's coordinates hold 24 bits before the point.
constexpr double kFarthestPixel = 1e6;

// From pixels of the camera to those of the canvas.
struct Placement {
  Box box;  // Where the image lies.
  double scale_x = 1, scale_y = 1;

  Eigen::Vector2d operator()(const Eigen::Vector2d& p_I) const {
    const double x = box.x + p_I.x() * scale_x, y = box.y + p_I.y() * scale_y;
    return {std::clamp(x, -kFarthestPixel, kFarthestPixel),
            std::clamp(y, -kFarthestPixel, kFarthestPixel)};
  }
};

Box Fit(const data::Image& image, const Box& cell) {
  const double scale = std::min(cell.width / image.width_px, cell.height / image.height_px);
  const double width = std::max(1.0, std::round(image.width_px * scale));
  const double height = std::max(1.0, std::round(image.height_px * scale));
  return {std::round(cell.x + (cell.width - width) / 2),
          std::round(cell.y + (cell.height - height) / 2), width, height};
}

void DrawRibbon(Canvas& canvas, const Placement& place, const geom::PinholeCamera& camera,
                const std::vector<PathPoint>& path) {
  cairo_t* context = canvas.context();
  // Opaque in a group, which is then laid on at once: laid on singly, the pieces' seams would show.
  cairo_push_group(context);
  for (const RibbonPiece& piece : Ribbon(path, kHalfCarWidth)) {
    const std::vector<Eigen::Vector2d> pixels =
        geom::ProjectPolygon(camera, piece.corners_E, kNear);
    if (pixels.size() < 3) continue;
    cairo_new_path(context);
    for (const Eigen::Vector2d& p_I : pixels) {
      const Eigen::Vector2d p = place(p_I);
      cairo_line_to(context, p.x(), p.y());
    }
    cairo_close_path(context);
    canvas.Use(Blend(kPathNear, kPathFar, piece.time / kTrajectoryEnd));
    cairo_fill_preserve(context);
    cairo_set_line_width(context, 1);
    cairo_stroke(context);
  }
  cairo_pop_group_to_source(context);
  cairo_paint_with_alpha(context, 0.62);
}

void DrawSeconds(Canvas& canvas, const Placement& place, const geom::PinholeCamera& camera,
                 const std::vector<PathPoint>& path) {
  for (const PathPoint& point : path) {
    const double nearest = std::round(point.time);
    if (nearest < 1 || std::abs(point.time - nearest) > 1e-6) continue;
    const auto p_I = geom::Project(camera, Eigen::Vector3d(point.p_E.x(), point.p_E.y(), 0), kNear);
    if (!p_I) continue;
    const Eigen::Vector2d p = place(*p_I);
    canvas.Dot(p.x(), p.y(), 5, kPathEdge.WithAlpha(0.8));
    canvas.Dot(p.x(), p.y(), 3.5, Rgb(0xffffff));
    const std::string label = fmt::format("{:.0f} s", point.time);
    canvas.Text(p.x() + 9.5, p.y() + 4.5, label,
                {.size_px = 12, .colour = kPathEdge, .bold = true});
    canvas.Text(p.x() + 9, p.y() + 4, label, {.size_px = 12, .colour = kText, .bold = true});
  }
}

}  // namespace

void DrawCameraView(Canvas& canvas, const Box& cell, std::string_view name,
                    const data::Image& image, const std::optional<geom::PinholeCamera>& camera,
                    const std::vector<PathPoint>& path) {
  const SavedState saved(canvas);
  canvas.FillBox(cell, kPanel);
  cairo_rectangle(canvas.context(), cell.x, cell.y, cell.width, cell.height);
  cairo_clip(canvas.context());

  Placement place{.box = Fit(image, cell)};
  canvas.Paint(
      data::Resize(image, static_cast<int>(place.box.width), static_cast<int>(place.box.height)),
      place.box.x, place.box.y);
  if (camera && path.size() > 1) {
    // The intrinsics count in the pixels of the size that they were made for.
    const double width = camera->width_px > 0 ? camera->width_px : image.width_px;
    const double height = camera->height_px > 0 ? camera->height_px : image.height_px;
    place.scale_x = place.box.width / width;
    place.scale_y = place.box.height / height;
    const SavedState inner(canvas);
    cairo_rectangle(canvas.context(), place.box.x, place.box.y, place.box.width, place.box.height);
    cairo_clip(canvas.context());
    DrawRibbon(canvas, place, *camera, path);
    DrawSeconds(canvas, place, *camera, path);
  }

  const TextStyle style{.size_px = 12, .colour = kText, .bold = true};
  const double width = canvas.TextWidth(name, style);
  canvas.FillBox({cell.x + 8, cell.y + 8, width + 16, 22}, kBackground.WithAlpha(0.72), 4);
  canvas.Text(cell.x + 16, cell.y + 23.5, name, style);
}

}  // namespace occvla::view
