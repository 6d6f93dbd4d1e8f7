#pragma once
#include <array>

#include "occvla/geom/camera.h"

/// Where the sensors sit on the ego car, and when they fire.
namespace occvla::world {

/// nuScenes-like mounts in round numbers of our own (real ones differ from car to car).
struct Rig {
  std::array<geom::PinholeCamera, 6> cameras;  ///< In the order of data::kCameraNames.
  geom::Pose X_EL = geom::Pose::Identity();    ///< The lidar's x points to the right.
  /// A camera fires when the lidar's beam passes through its view: seconds relative to the lidar's
  /// time stamp, the end of its turn.
  std::array<double, 6> offsets_s{};
};

/// Images of 1600 x 900 times `image_scale`.
Rig MakeRig(double image_scale);

}  // namespace occvla::world
