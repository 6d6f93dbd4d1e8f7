#pragma once
#include <array>
#include <span>
#include <vector>

#include "occvla/view/canvas.h"
#include "occvla/view/local_map.h"
#include "occvla/view/path.h"
#include "occvla/view/scene_box.h"
#include "occvla/view/top_view.h"

namespace occvla::view {

/// What is known of the surroundings; everything in E.
struct Surroundings {
  LocalMap map = {};
  std::vector<SceneBox> boxes = {};
  std::vector<Eigen::Vector3f> points_E = {};  ///< Lidar.
  DrivenPath driven = {};
};

/// The scene from above, forward up, left to the left, `radius` metres each way: map layers filled,
/// lanes with their direction, lidar points dimmed, boxes with a mark at the front and an arrow to
/// where they will be in a second, the way of the car, range rings.
void DrawSceneAbove(Canvas& canvas, const Box& box, const Surroundings& around, double radius);

/// The view that DrawSceneAbove uses.
TopView ViewOfRadius(const Box& box, double radius);

}  // namespace occvla::view
