#include "occvla/view/camera_overlay.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "occvla/view/map_colours.h"
#include "occvla/view/palette.h"

namespace occvla::view {
namespace {

using data::nuscenes::Layer;

constexpr double kHalfCarWidth = 0.87;  // Metres; half the width of nuScenes' Renault Zoe.
// Nearer than this a pixel of the ribbon would be blown up to metres of picture.
constexpr double kNear = 0.5;
// Farther away the flat map leaves the road that rises or falls.
constexpr double kMapRange = 50;

class Painter {
 public:
  Painter(Canvas& canvas, const ImagePlacement& place, const geom::PinholeCamera& camera)
      : canvas_(canvas), place_(place), camera_(camera) {}

  void Segment(const Eigen::Vector3d& a_E, const Eigen::Vector3d& b_E, const Colour& colour,
               double line_px) {
    const std::array<Eigen::Vector3d, 2> ends_E = {a_E, b_E};
    const std::vector<Eigen::Vector2d> pixels = geom::ProjectPolygon(camera_, ends_E, kNear);
    if (pixels.size() < 2) return;
    const Eigen::Vector2d a = place_(pixels[0]), b = place_(pixels[1]);
    canvas_.Line(a.x(), a.y(), b.x(), b.y(), colour, line_px);
  }

  /// Traces a flat polygon; false when nothing of it is ahead.
  bool Trace(std::span<const Eigen::Vector3d> corners_E) {
    const std::vector<Eigen::Vector2d> pixels = geom::ProjectPolygon(camera_, corners_E, kNear);
    if (pixels.size() < 3) return false;
    cairo_new_path(canvas_.context());
    for (const Eigen::Vector2d& p_I : pixels) {
      const Eigen::Vector2d p = place_(p_I);
      cairo_line_to(canvas_.context(), p.x(), p.y());
    }
    cairo_close_path(canvas_.context());
    return true;
  }

  void Fill(std::span<const Eigen::Vector3d> corners_E, const Colour& colour) {
    if (!Trace(corners_E)) return;
    canvas_.Use(colour);
    cairo_fill(canvas_.context());
  }

  Canvas& canvas() { return canvas_; }
  const geom::PinholeCamera& camera() const { return camera_; }
  const ImagePlacement& place() const { return place_; }

 private:
  Canvas& canvas_;  // None owned; all live in one call.
  const ImagePlacement& place_;
  const geom::PinholeCamera& camera_;
};

// The part of a segment within kMapRange of E's origin, seen from above.
std::optional<std::pair<Eigen::Vector3d, Eigen::Vector3d>> InRange(const Eigen::Vector3d& a,
                                                                   const Eigen::Vector3d& b) {
  const Eigen::Vector2d from = a.head<2>(), along = (b - a).head<2>();
  const double squared = along.squaredNorm(), half = from.dot(along);
  const double rest = from.squaredNorm() - kMapRange * kMapRange;
  if (!(squared > 0)) return std::nullopt;
  const double root = half * half - squared * rest;
  if (!(root > 0)) return std::nullopt;
  const double low = std::max(0.0, (-half - std::sqrt(root)) / squared);
  const double high = std::min(1.0, (-half + std::sqrt(root)) / squared);
  if (!(low < high)) return std::nullopt;
  return std::pair{Eigen::Vector3d(a + low * (b - a)), Eigen::Vector3d(a + high * (b - a))};
}

void DrawLine(Painter& painter, std::span<const Eigen::Vector3d> points_E, const Colour& colour,
              double line_px) {
  for (size_t index = 1; index < points_E.size(); ++index) {
    if (const auto piece = InRange(points_E[index - 1], points_E[index]))
      painter.Segment(piece->first, piece->second, colour, line_px);
  }
}

void DrawMap(Painter& painter, const LocalMap& map) {
  for (const LocalMap::Area& area : map.areas) {
    const Colour colour = LayerColour(area.layer);
    const bool painted = area.layer == Layer::kPedCrossing || area.layer == Layer::kStopLine;
    const bool border = area.layer == Layer::kDrivableArea;
    for (const std::vector<Eigen::Vector3d>& ring_E : area.rings_E) {
      if (ring_E.size() < 3) continue;
      const bool near = std::all_of(ring_E.begin(), ring_E.end(), [](const Eigen::Vector3d& p) {
        return p.head<2>().norm() < kMapRange;
      });
      if (painted && near) painter.Fill(ring_E, colour.WithAlpha(0.28));
      if (!painted && !border) continue;
      std::vector<Eigen::Vector3d> closed_E = ring_E;
      closed_E.push_back(ring_E.front());
      DrawLine(painter, closed_E, border ? kBorder.WithAlpha(0.8) : colour.WithAlpha(0.55), 1.2);
    }
  }
  for (const LocalMap::Line& line : map.lines) {
    const bool centre = line.kind == LocalMap::LineKind::kCentreline;
    DrawLine(painter, line.points_E, LineColour(line.kind).WithAlpha(centre ? 0.4 : 0.75),
             centre ? 1.0 : 1.4);
  }
}

void DrawRibbon(Painter& painter, const std::vector<PathPoint>& path) {
  cairo_t* context = painter.canvas().context();
  // Opaque in a group, which is then laid on at once: laid on singly, the pieces' seams would show.
  cairo_push_group(context);
  for (const RibbonPiece& piece : Ribbon(path, kHalfCarWidth)) {
    if (!painter.Trace(piece.corners_E)) continue;
    painter.canvas().Use(Blend(kPathNear, kPathFar, std::min(1.0, piece.time / kTrajectoryEnd)));
    cairo_fill_preserve(context);
    cairo_set_line_width(context, 1);
    cairo_stroke(context);
  }
  cairo_pop_group_to_source(context);
  cairo_paint_with_alpha(context, 0.62);
}

void DrawSeconds(Painter& painter, const std::vector<PathPoint>& path) {
  Canvas& canvas = painter.canvas();
  for (double time = 1; time <= kTrajectoryEnd; ++time) {
    const std::optional<PathPoint> point = AtTime(path, time);
    if (!point || point->time < 0.5) continue;
    const auto p_I = geom::Project(
        painter.camera(), Eigen::Vector3d(point->p_E.x(), point->p_E.y(), point->z_E), kNear);
    if (!p_I) continue;
    const Eigen::Vector2d p = painter.place()(*p_I);
    canvas.Dot(p.x(), p.y(), 5, kPathEdge.WithAlpha(0.8));
    canvas.Dot(p.x(), p.y(), 3.5, Rgb(0xffffff));
    const std::string label = fmt::format("{:.0f} s", time);
    canvas.Text(p.x() + 9.5, p.y() + 4.5, label,
                {.size_px = 12, .colour = kPathEdge, .bold = true});
    canvas.Text(p.x() + 9, p.y() + 4, label, {.size_px = 12, .colour = kText, .bold = true});
  }
}

// True when some corner is ahead and the box around what is ahead meets the image.
bool Shows(const Painter& painter, const std::array<Eigen::Vector3d, 8>& corners_E) {
  Eigen::Vector2d low(1e9, 1e9), high(-1e9, -1e9);
  for (const Eigen::Vector3d& corner_E : corners_E) {
    const auto p_I = geom::Project(painter.camera(), corner_E, kNear);
    if (!p_I) continue;
    const Eigen::Vector2d p = painter.place()(*p_I);
    low = low.cwiseMin(p);
    high = high.cwiseMax(p);
  }
  const Box& box = painter.place().box;
  return low.x() < box.right() && high.x() > box.x && low.y() < box.bottom() && high.y() > box.y;
}

void DrawBox(Painter& painter, const SceneBox& box) {
  const std::array<Eigen::Vector3d, 8> corners_E = geom::Corners(box.box_E);
  if (!Shows(painter, corners_E)) return;
  constexpr std::array<std::pair<size_t, size_t>, 12> kEdges = {{{4, 5},
                                                                 {5, 6},
                                                                 {6, 7},
                                                                 {7, 4},
                                                                 {0, 4},
                                                                 {1, 5},
                                                                 {2, 6},
                                                                 {3, 7},
                                                                 {0, 1},
                                                                 {1, 2},
                                                                 {2, 3},
                                                                 {3, 0}}};
  const double strength = box.faint ? 0.45 : 1.0;
  painter.Fill(std::span(corners_E).first<4>(), box.colour.WithAlpha(0.22 * strength));
  for (const double width : {3.2, 1.5}) {  // The dark line below keeps the thin one readable.
    const Colour colour =
        width > 2 ? kBackground.WithAlpha(0.45 * strength) : box.colour.WithAlpha(strength);
    for (const auto& [a, b] : kEdges) painter.Segment(corners_E[a], corners_E[b], colour, width);
    const Eigen::Vector3d front_E = (corners_E[2] + corners_E[3]) / 2;
    const Eigen::Vector3d middle_E =
        (corners_E[2] + corners_E[3] + corners_E[6] + corners_E[7]) / 4;
    painter.Segment(middle_E, front_E, colour, width);
  }
}

}  // namespace

void DrawOverlay(Canvas& canvas, const ImagePlacement& place, const geom::PinholeCamera& camera,
                 const Overlay& overlay) {
  const SavedState saved(canvas);
  cairo_rectangle(canvas.context(), place.box.x, place.box.y, place.box.width, place.box.height);
  cairo_clip(canvas.context());
  cairo_set_line_cap(canvas.context(), CAIRO_LINE_CAP_ROUND);
  Painter painter(canvas, place, camera);
  if (overlay.map != nullptr) DrawMap(painter, *overlay.map);
  for (size_t index = 1; index < overlay.past.size(); ++index) {
    const PathPoint &a = overlay.past[index - 1], &b = overlay.past[index];
    painter.Segment({a.p_E.x(), a.p_E.y(), a.z_E}, {b.p_E.x(), b.p_E.y(), b.z_E},
                    kPathPast.WithAlpha(0.85), 3);
  }
  if (overlay.path.size() > 1) DrawRibbon(painter, overlay.path);
  for (const SceneBox& box : overlay.boxes) DrawBox(painter, box);
  if (overlay.path.size() > 1) DrawSeconds(painter, overlay.path);
}

}  // namespace occvla::view
