#include "occvla/view/scene_above.h"

#include <algorithm>
#include <cmath>

#include "occvla/view/map_colours.h"
#include "occvla/view/palette.h"

namespace occvla::view {
namespace {

using data::nuscenes::Layer;

constexpr double kSlowest = 0.3;  // m/s; slower boxes get no arrow.

void TraceRing(cairo_t* context, const TopView& view, std::span<const Eigen::Vector3d> ring_E) {
  for (size_t index = 0; index < ring_E.size(); ++index) {
    const Eigen::Vector2d p = view(ring_E[index].x(), ring_E[index].y());
    // Cairo's coordinates hold 24 bits before the point.
    const double x = std::clamp(p.x(), -1e6, 1e6), y = std::clamp(p.y(), -1e6, 1e6);
    index == 0 ? cairo_move_to(context, x, y) : cairo_line_to(context, x, y);
  }
}

void DrawArea(Canvas& canvas, const TopView& view, const LocalMap::Area& area) {
  cairo_t* context = canvas.context();
  cairo_new_path(context);
  for (const std::vector<Eigen::Vector3d>& ring_E : area.rings_E) {
    TraceRing(context, view, ring_E);
    cairo_close_path(context);
  }
  cairo_set_fill_rule(context, CAIRO_FILL_RULE_EVEN_ODD);  // Holes wind either way.
  const Colour colour = LayerColour(area.layer);
  const bool ground = area.layer == Layer::kDrivableArea || area.layer == Layer::kWalkway ||
                      area.layer == Layer::kCarparkArea;
  canvas.Use(colour.WithAlpha(ground ? 0.75 : 0.5));
  cairo_fill_preserve(context);
  canvas.Use(Blend(colour, Rgb(0xffffff), 0.25).WithAlpha(0.7));
  cairo_set_line_width(context, 0.8);
  cairo_stroke(context);
}

// An arrowhead at the middle of a centreline shows which way its lane leads.
void DrawDirection(Canvas& canvas, const TopView& view, const LocalMap::Line& line) {
  if (line.points_E.size() < 4) return;
  const size_t middle = line.points_E.size() / 2;
  const Eigen::Vector2d at = view(line.points_E[middle].x(), line.points_E[middle].y());
  const Eigen::Vector2d before = view(line.points_E[middle - 2].x(), line.points_E[middle - 2].y());
  if ((at - before).norm() < 1e-6) return;
  const Eigen::Vector2d along = (at - before).normalized(), aside(-along.y(), along.x());
  cairo_new_path(canvas.context());
  for (const Eigen::Vector2d& p :
       {Eigen::Vector2d(at + 5 * along), Eigen::Vector2d(at - 2 * along + 3 * aside),
        Eigen::Vector2d(at - 2 * along - 3 * aside)}) {
    cairo_line_to(canvas.context(), p.x(), p.y());
  }
  cairo_close_path(canvas.context());
  canvas.Use(LineColour(line.kind).WithAlpha(0.75));
  cairo_fill(canvas.context());
}

void DrawMapLine(Canvas& canvas, const TopView& view, const LocalMap::Line& line) {
  const bool centre = line.kind == LocalMap::LineKind::kCentreline;
  cairo_new_path(canvas.context());
  TraceRing(canvas.context(), view, line.points_E);
  canvas.Use(LineColour(line.kind).WithAlpha(centre ? 0.35 : 0.8));
  cairo_set_line_width(canvas.context(), centre ? 1.0 : 1.2);
  cairo_stroke(canvas.context());
  if (centre) DrawDirection(canvas, view, line);
}

void DrawPoints(Canvas& canvas, const Box& box, const TopView& view,
                std::span<const Eigen::Vector3f> points_E) {
  cairo_t* context = canvas.context();
  const SavedState saved(canvas);
  cairo_set_antialias(context, CAIRO_ANTIALIAS_NONE);
  for (const Eigen::Vector3f& p_E : points_E) {
    const Eigen::Vector2d p = view(p_E.x(), p_E.y());
    if (!(p.x() > box.x && p.x() < box.right() && p.y() > box.y && p.y() < box.bottom())) continue;
    // What stands up is brighter than the road.
    const double height = std::clamp((static_cast<double>(p_E.z()) - 0.2) / 2.0, 0.0, 1.0);
    canvas.Use(Rgb(0xb9c7d6).WithAlpha(0.16 + 0.34 * height));
    cairo_rectangle(context, std::floor(p.x()), std::floor(p.y()), 1, 1);
    cairo_fill(context);
  }
}

void DrawArrow(Canvas& canvas, const Eigen::Vector2d& from, const Eigen::Vector2d& to,
               const Colour& colour) {
  canvas.Line(from.x(), from.y(), to.x(), to.y(), colour, 1.6);
  const Eigen::Vector2d along = (to - from).normalized(), aside(-along.y(), along.x());
  for (const double side : {-1.0, 1.0}) {
    const Eigen::Vector2d barb = to - 5 * along + side * 3 * aside;
    canvas.Line(to.x(), to.y(), barb.x(), barb.y(), colour, 1.6);
  }
}

void DrawBoxAbove(Canvas& canvas, const TopView& view, const SceneBox& box) {
  const std::array<Eigen::Vector3d, 8> corners_E = geom::Corners(box.box_E);
  const auto at = [&](const Eigen::Vector3d& p_E) { return view(p_E.x(), p_E.y()); };
  cairo_t* context = canvas.context();
  cairo_new_path(context);
  for (const size_t corner : {2u, 3u, 7u, 6u}) {
    const Eigen::Vector2d p = at(corners_E[corner]);
    cairo_line_to(context, p.x(), p.y());
  }
  cairo_close_path(context);
  const double strength = box.faint ? 0.5 : 1;
  canvas.Use(box.colour.WithAlpha(0.38 * strength));
  cairo_fill_preserve(context);
  canvas.Use(box.colour.WithAlpha(strength));
  cairo_set_line_width(context, 1.4);
  cairo_stroke(context);
  const Eigen::Vector2d centre = at(box.box_E.X_AB.translation());
  const Eigen::Vector2d front = at((corners_E[2] + corners_E[3]) / 2);
  canvas.Line(centre.x(), centre.y(), front.x(), front.y(), box.colour.WithAlpha(strength), 1.4);
  if (!box.velocity_E || !(box.velocity_E->norm() >= kSlowest)) return;
  const Eigen::Vector3d p_E = box.box_E.X_AB.translation();
  DrawArrow(canvas, centre, view(p_E.x() + box.velocity_E->x(), p_E.y() + box.velocity_E->y()),
            Blend(box.colour, Rgb(0xffffff), 0.45));
}

}  // namespace

TopView ViewOfRadius(const Box& box, double radius) {
  return {.centre_x = box.x + box.width / 2,
          .centre_y = box.y + box.height / 2,
          .forward = 0,
          .scale = std::min(box.width, box.height) / (2 * radius)};
}

void DrawSceneAbove(Canvas& canvas, const Box& box, const Surroundings& around, double radius) {
  const SavedState saved(canvas);
  canvas.FillBox(box, kPanel);
  cairo_rectangle(canvas.context(), box.x, box.y, box.width, box.height);
  cairo_clip(canvas.context());
  const TopView view = ViewOfRadius(box, radius);
  for (const LocalMap::Area& area : around.map.areas) DrawArea(canvas, view, area);
  for (const LocalMap::Line& line : around.map.lines) DrawMapLine(canvas, view, line);
  DrawPoints(canvas, box, view, around.points_E);
  DrawRings(canvas, box, view, kText.WithAlpha(0.18));
  const std::vector<PathPoint>& past = around.driven.past;
  for (size_t index = 1; index < past.size(); ++index) {
    const Eigen::Vector2d a = view(past[index - 1].p_E.x(), past[index - 1].p_E.y());
    const Eigen::Vector2d b = view(past[index].p_E.x(), past[index].p_E.y());
    canvas.Line(a.x(), a.y(), b.x(), b.y(), kPathPast, 3);
  }
  for (const SceneBox& one : around.boxes) DrawBoxAbove(canvas, view, one);
  DrawPathAbove(canvas, view, around.driven.future);
  DrawCar(canvas, view);
}

}  // namespace occvla::view
