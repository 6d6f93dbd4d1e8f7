#include "occvla/geom/box.h"

namespace occvla::geom {

std::array<Eigen::Vector3d, 8> Corners(const Box& box) {
  // Signs along y and z of a face's four corners.
  constexpr std::array<std::array<double, 2>, 4> kFace = {{{1, 1}, {-1, 1}, {-1, -1}, {1, -1}}};
  const Eigen::Vector3d half = box.size / 2;
  std::array<Eigen::Vector3d, 8> corners_A;
  for (size_t index = 0; index < 8; ++index) {
    const auto& [y, z] = kFace[index % 4];
    const Eigen::Vector3d sign(index < 4 ? 1.0 : -1.0, y, z);
    corners_A[index] = box.X_AB * sign.cwiseProduct(half);
  }
  return corners_A;
}

bool Contains(const Box& box, const Eigen::Vector3d& p_AQ) {
  const Eigen::Vector3d p_BQ = box.X_AB.inverse() * p_AQ;
  // Compared this way round, NaN lies outside.
  return (p_BQ.array().abs() <= box.size.array() / 2).all();
}

bool IsVisible(const Box& box_E, const PinholeCamera& camera) {
  const Pose X_CE = camera.X_EC.inverse();
  bool seen = false;
  for (const Eigen::Vector3d& corner_E : Corners(box_E)) {
    const Eigen::Vector3d p_C = X_CE * corner_E;
    if (!(p_C.z() > 0.1)) return false;
    const Eigen::Vector2d p_I = (camera.K * p_C).hnormalized();
    seen |= p_C.z() > 1 && p_I.x() > 0 && p_I.x() < camera.width_px && p_I.y() > 0 &&
            p_I.y() < camera.height_px;
  }
  return seen;
}

}  // namespace occvla::geom
