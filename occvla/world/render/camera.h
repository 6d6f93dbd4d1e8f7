#pragma once
#include <cstdint>
#include <vector>

#include "occvla/data/image/image.h"
#include "occvla/geom/camera.h"
#include "occvla/world/render/scene.h"

/// What a camera sees.
namespace occvla::world {

struct CameraShot {
  data::Image image;
  std::vector<uint8_t> categories;  ///< [H][W], lidarseg index at the pixel's centre; 0 = sky.
  std::vector<int32_t> actors;      ///< [H][W], index into Drive::actors; -1 = none.
};

/// `camera.X_EC` is relative to the ego's pose at that very time. Pixel (i, j)'s centre lies at
/// (u, v) = (i + 0.5, j + 0.5). The same picture for any number of threads elsewhere.
CameraShot RenderCamera(const Scene& scene, double time_s, const geom::PinholeCamera& camera);
CameraShot RenderCamera(const Scene::Moment& moment, const geom::PinholeCamera& camera);

}  // namespace occvla::world
