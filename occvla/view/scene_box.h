#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/data/frame.h"
#include "occvla/geom/box.h"
#include "occvla/view/canvas.h"

namespace occvla::view {

/// An annotation as it is drawn.
struct SceneBox {
  geom::Box box_E;
  std::optional<Eigen::Vector2d> velocity_E;
  Colour colour;
  bool faint = false;  ///< No lidar or radar point fell on it: mostly hidden.
};

/// The frame's boxes in E, farthest from the car first; none without an ego pose.
std::vector<SceneBox> SceneBoxes(const data::Frame& frame);

/// The colour of a box category: its occupancy class's, made bright enough for lines on a dark
/// ground. Unknown categories are grey.
Colour CategoryColour(std::string_view category);

}  // namespace occvla::view
