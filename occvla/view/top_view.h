#pragma once
#include <Eigen/Core>
#include <vector>

#include "occvla/view/canvas.h"
#include "occvla/view/path.h"

namespace occvla::view {

/// Where a point of E lies on a canvas that shows the scene from above: forward is up, left is
/// left.
struct TopView {
  double centre_x = 0, centre_y = 0;  ///< Canvas pixels of the point (forward, 0) in E.
  double forward = 0;                 ///< Metres.
  double scale = 1;                   ///< Pixels a metre.

  Eigen::Vector2d operator()(double x_E, double y_E) const {
    return {centre_x - y_E * scale, centre_y - (x_E - forward) * scale};
  }
};

/// Circles around the car with their radius in metres, as many as the box has room for.
void DrawRings(Canvas& canvas, const Box& box, const TopView& view, const Colour& colour);
/// nuScenes' car around E's origin.
void DrawCar(Canvas& canvas, const TopView& view);
/// A path, coloured by time, with a dot each half second up to three seconds.
void DrawPathAbove(Canvas& canvas, const TopView& view, const std::vector<PathPoint>& path);

}  // namespace occvla::view
