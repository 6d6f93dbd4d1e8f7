#include "occvla/view/scene_box.h"

#include <algorithm>

#include "occvla/data/nuscenes/category.h"
#include "occvla/view/palette.h"

namespace occvla::view {
namespace {

constexpr double kLeastBrightness = 0.42;

double Brightness(const Colour& colour) {
  return 0.299 * colour.red + 0.587 * colour.green + 0.114 * colour.blue;
}

}  // namespace

Colour CategoryColour(std::string_view category) {
  const auto index = data::nuscenes::CategoryIndex(category);
  const Colour colour =
      kOccupancyColours[index ? data::nuscenes::kCategories[*index].occupancy : uint8_t{0}];
  const double brightness = Brightness(colour);
  if (brightness >= kLeastBrightness) return colour;
  return Blend(colour, Rgb(0xffffff), (kLeastBrightness - brightness) / (1 - brightness));
}

std::vector<SceneBox> SceneBoxes(const data::Frame& frame) {
  if (!frame.now) return {};
  const geom::Pose X_EG = frame.now->X_GE.inverse();
  std::vector<SceneBox> boxes;
  boxes.reserve(frame.annotations.size());
  for (const data::Annotation& one : frame.annotations) {
    SceneBox box{.box_E = {.X_AB = X_EG * one.box_G.X_AB, .size = one.box_G.size},
                 .velocity_E = std::nullopt,
                 .colour = CategoryColour(one.category),
                 .faint = one.lidar_points + one.radar_points == 0};
    if (one.velocity_G) {
      const Eigen::Vector3d velocity_E = X_EG.linear() * *one.velocity_G;
      box.velocity_E = velocity_E.head<2>();
    }
    if (box.box_E.X_AB.matrix().allFinite()) boxes.push_back(box);
  }
  std::stable_sort(boxes.begin(), boxes.end(), [](const SceneBox& a, const SceneBox& b) {
    return a.box_E.X_AB.translation().squaredNorm() > b.box_E.X_AB.translation().squaredNorm();
  });
  return boxes;
}

}  // namespace occvla::view
