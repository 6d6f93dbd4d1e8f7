#include "occvla/geom/box.h"

#include <algorithm>

namespace occvla::geom {
namespace {

// BoxVisibility.ANY of the devkit; metres ahead of the camera.
constexpr double kEveryCornerAhead = 0.1;
constexpr double kSomeCornerAhead = 1;

}  // namespace

std::array<Eigen::Vector3d, 8> Corners(const Box& box) {
  static constexpr std::array<std::array<int, 3>, 8> kSigns = {{{1, 1, 1},
                                                                {1, -1, 1},
                                                                {1, -1, -1},
                                                                {1, 1, -1},
                                                                {-1, 1, 1},
                                                                {-1, -1, 1},
                                                                {-1, -1, -1},
                                                                {-1, 1, -1}}};
  std::array<Eigen::Vector3d, 8> corners_A;
  for (size_t i = 0; i < corners_A.size(); ++i) {
    const Eigen::Vector3d signs(kSigns[i][0], kSigns[i][1], kSigns[i][2]);
    corners_A[i] = box.X_AB * (0.5 * box.size.cwiseProduct(signs));
  }
  return corners_A;
}

bool Contains(const Box& box, const Eigen::Vector3d& p_AQ) {
  const Eigen::Vector3d p_BQ = box.X_AB.inverse() * p_AQ;
  return (p_BQ.array().abs() <= 0.5 * box.size.array()).all();
}

bool IsVisible(const Box& box_E, const PinholeCamera& camera) {
  const Pose X_CE = camera.X_EC.inverse();
  bool some_inside = false;
  for (const Eigen::Vector3d& p_EQ : Corners(box_E)) {
    const Eigen::Vector3d p_CQ = X_CE * p_EQ;
    if (!(p_CQ.z() > kEveryCornerAhead)) return false;
    const Eigen::Vector2d pixel = (camera.K * p_CQ).hnormalized();
    some_inside = some_inside ||
                  (p_CQ.z() > kSomeCornerAhead && pixel.x() > 0 && pixel.x() < camera.width_px &&
                   pixel.y() > 0 && pixel.y() < camera.height_px);
  }
  return some_inside;
}

}  // namespace occvla::geom
