#pragma once
#include <algorithm>
#include <span>
#include <vector>

#include "occvla/geom/camera.h"
#include "occvla/view/canvas.h"
#include "occvla/view/local_map.h"
#include "occvla/view/path.h"
#include "occvla/view/scene_box.h"

namespace occvla::view {

/// What is laid over a camera's image; everything in E.
struct Overlay {
  std::vector<PathPoint> path = {};      ///< From now on: a ribbon with a mark each second.
  std::vector<PathPoint> past = {};      ///< Up to now: a line.
  const LocalMap* map = nullptr;         ///< Not owned; may be null.
  std::span<const SceneBox> boxes = {};  ///< Not owned; painted in this order.

  bool empty() const { return path.size() < 2 && past.size() < 2 && !map && boxes.empty(); }
};

/// From pixels of a camera to those of the canvas.
struct ImagePlacement {
  Box box;  ///< Where the image lies.
  double scale_x = 1, scale_y = 1;

  Eigen::Vector2d operator()(const Eigen::Vector2d& p_I) const {
    // Cairo's coordinates hold 24 bits before the point.
    constexpr double kFarthestPixel = 1e6;
    const double x = box.x + p_I.x() * scale_x, y = box.y + p_I.y() * scale_y;
    return {std::clamp(x, -kFarthestPixel, kFarthestPixel),
            std::clamp(y, -kFarthestPixel, kFarthestPixel)};
  }
};

/// The map on the ground (crossings and stop lines filled, borders and dividers as lines, at most
/// 50 m away), the way, and the boxes as wires with a filled front face, far ones first.
void DrawOverlay(Canvas& canvas, const ImagePlacement& place, const geom::PinholeCamera& camera,
                 const Overlay& overlay);

}  // namespace occvla::view
