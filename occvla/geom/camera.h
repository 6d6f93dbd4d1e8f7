#pragma once
#include <Eigen/Core>
#include <Eigen/Geometry>
#include <optional>
#include <span>
#include <vector>

namespace occvla::geom {

/// Where frame B sits in frame A: p_AQ = X_AB * p_BQ (metres). docs/FRAMES.md lists the letters.
using Pose = Eigen::Isometry3d;

/// A distortion-free pinhole camera of `width` x `height` pixels. Camera axes: x right, y down,
/// z forward. Pixels as nuScenes counts them, u right and v down: u = fx * x / z + cx.
struct PinholeCamera {
  Eigen::Matrix3d K = Eigen::Matrix3d::Identity();
  int width_px = 0;
  int height_px = 0;
  /// Pose of the camera C in the ego frame E.
  Pose X_EC = Pose::Identity();
};

/// Pixel of a point given in E, or nothing if it lies less than `near` metres ahead of the camera.
/// The pixel may fall outside the image.
std::optional<Eigen::Vector2d> Project(const PinholeCamera& camera, const Eigen::Vector3d& p_EQ,
                                       double near = 0.1);

/// Pixels of the part of a flat, convex polygon that lies at least `near` metres ahead of the
/// camera, in order; fewer than three when nothing of it does. Pixels may fall outside the image.
std::vector<Eigen::Vector2d> ProjectPolygon(const PinholeCamera& camera,
                                            std::span<const Eigen::Vector3d> corners_E,
                                            double near = 0.1);

}  // namespace occvla::geom
