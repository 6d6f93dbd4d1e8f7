#pragma once
#include <Eigen/Core>
#include <Eigen/Geometry>
#include <optional>

namespace occvla::geom {

/// Where frame B sits in frame A: p_AQ = X_AB * p_BQ (metres). docs/FRAMES.md lists the letters.
using Pose = Eigen::Isometry3d;

/// A distortion-free pinhole camera of `width` x `height` pixels. Camera axes: x right, y down,
/// z forward; pixel (u right, v down), (0, 0) is the centre of the top-left pixel's corner
/// convention of nuScenes (u = fx * x / z + cx).
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

}  // namespace occvla::geom
