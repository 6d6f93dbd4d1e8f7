#pragma once
#include <Eigen/Core>
#include <array>

#include "occvla/geom/camera.h"

namespace occvla::geom {

/// An oriented box B in a frame A: x along its length, y along its width, z up, origin at its
/// centre.
struct Box {
  Pose X_AB = Pose::Identity();
  Eigen::Vector3d size = Eigen::Vector3d::Zero();  ///< Length, width, height; metres.
};

/// Corners in A in the devkit's order: 0-3 the front face (x = +length/2), 4-7 the rear, each from
/// the top left clockwise seen from the front ((+y +z), (-y +z), (-y -z), (+y -z)); 2, 3, 7, 6 are
/// the bottom (facts/data-and-metrics.md A.4).
std::array<Eigen::Vector3d, 8> Corners(const Box& box);

/// True for points inside or on a face.
bool Contains(const Box& box, const Eigen::Vector3d& p_AQ);

/// The devkit's BoxVisibility.ANY: a corner inside the image more than 1 m ahead, and every corner
/// more than 0.1 m ahead. `box_E` is in the camera's E.
bool IsVisible(const Box& box_E, const PinholeCamera& camera);

}  // namespace occvla::geom
