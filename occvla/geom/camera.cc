#include "occvla/geom/camera.h"

namespace occvla::geom {
namespace {

Eigen::Vector2d PixelOf(const PinholeCamera& camera, const Eigen::Vector3d& p_CQ) {
  return (camera.K * p_CQ).hnormalized();
}

}  // namespace

std::optional<Eigen::Vector2d> Project(const PinholeCamera& camera, const Eigen::Vector3d& p_EQ,
                                       double near) {
  const Eigen::Vector3d p_CQ = camera.X_EC.inverse() * p_EQ;
  // Not `z < near`: a NaN coordinate must give nothing too.
  if (!(p_CQ.z() >= near)) return std::nullopt;
  return PixelOf(camera, p_CQ);
}

std::vector<Eigen::Vector2d> ProjectPolygon(const PinholeCamera& camera,
                                            std::span<const Eigen::Vector3d> corners_E,
                                            double near) {
  const Pose X_CE = camera.X_EC.inverse();
  std::vector<Eigen::Vector2d> pixels;
  for (size_t index = 0; index < corners_E.size(); ++index) {
    const Eigen::Vector3d p_CA = X_CE * corners_E[index];
    const Eigen::Vector3d p_CB = X_CE * corners_E[(index + 1) % corners_E.size()];
    const bool a_ahead = p_CA.z() >= near, b_ahead = p_CB.z() >= near;
    if (a_ahead) pixels.push_back(PixelOf(camera, p_CA));
    if (a_ahead == b_ahead) continue;
    // The edge crosses the near plane: the cut replaces the corner behind it.
    const double share = (near - p_CA.z()) / (p_CB.z() - p_CA.z());
    Eigen::Vector3d p_CQ = p_CA + share * (p_CB - p_CA);
    p_CQ.z() = near;
    pixels.push_back(PixelOf(camera, p_CQ));
  }
  return pixels;
}

}  // namespace occvla::geom
