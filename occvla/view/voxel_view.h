#pragma once
#include <cstdint>
#include <span>

#include "occvla/data/image/image.h"
#include "occvla/geom/camera.h"
#include "occvla/view/canvas.h"

namespace occvla::view {

/// How voxels are drawn.
struct VoxelStyle {
  int rays_per_pixel_edge = 2;  ///< 2 = four rays a pixel.
  Colour background = {};
  bool draw_car = true;  ///< A plain car at E's origin.
};

/// Occupancy as a solid picture: one ray per sub-pixel walks through the grid to the first voxel
/// that is not free; faces are shaded by their direction to the sun, by the voxels around them
/// (ambient occlusion) and by what stands between them and the sun. `labels` is the Occ3D grid
/// (geom::VoxelGrid), `camera` may look from outside. The same input gives the same pixels.
data::Image DrawVoxels(std::span<const uint8_t> labels, const geom::PinholeCamera& camera,
                       const VoxelStyle& style);

/// A camera at `eye_E` that looks at `target_E`, z up, `width_deg` wide.
geom::PinholeCamera LookAt(const Eigen::Vector3d& eye_E, const Eigen::Vector3d& target_E,
                           double width_deg, int width_px, int height_px);

/// Behind and above the car, so that the grid fills the picture.
geom::PinholeCamera ChaseCamera(int width_px, int height_px);

}  // namespace occvla::view
