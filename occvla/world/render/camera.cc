#include "occvla/world/render/camera.h"

#include <algorithm>
#include <cmath>

namespace occvla::world {

using Eigen::Vector3d, Eigen::Vector3f;

CameraShot RenderCamera(const Scene& scene, double time_s, const geom::PinholeCamera& camera) {
  return RenderCamera(scene.At(time_s), camera);
}

CameraShot RenderCamera(const Scene::Moment& moment, const geom::PinholeCamera& camera) {
  const Scene& scene = moment.scene();
  const int width = camera.width_px, height = camera.height_px;
  const auto pixels = static_cast<size_t>(width) * static_cast<size_t>(height);
  CameraShot shot;
  shot.image = {width, height, std::vector<uint8_t>(3 * pixels)};
  shot.categories.resize(pixels);
  shot.actors.assign(pixels, -1);
  const geom::Pose X_GC = EgoAt(scene.drive(), moment.time_s()).X_GE * camera.X_EC;
  const Vector3f origin_R = (X_GC.translation() - scene.origin_G()).cast<float>();
  const Eigen::Matrix3f unproject = (X_GC.linear() * camera.K.inverse()).cast<float>();
  const Vector3f sun(0.5f, 0.3f, 0.81f);
  for (int y = 0; y < height; y += 4) {
    for (int x = 0; x < width; x += 4) {
      RayPacket packet;
      for (int i = 0; i < kPacket; ++i) {
        const auto k = static_cast<size_t>(i);
        const int u = x + i % 4, v = y + i / 4;
        const Vector3f direction =
            (unproject * Vector3f(static_cast<float>(u) + 0.5f, static_cast<float>(v) + 0.5f, 1))
                .normalized();
        packet.origin_x[k] = origin_R.x();
        packet.origin_y[k] = origin_R.y();
        packet.origin_z[k] = origin_R.z();
        packet.direction_x[k] = direction.x();
        packet.direction_y[k] = direction.y();
        packet.direction_z[k] = direction.z();
        packet.distance[k] = 2000;
        packet.active[k] = u < width && v < height ? -1 : 0;
      }
      moment.rays().Intersect(packet);
      for (int i = 0; i < kPacket; ++i) {
        const auto k = static_cast<size_t>(i);
        if (!packet.active[k]) continue;
        const auto pixel = static_cast<size_t>(y + i / 4) * static_cast<size_t>(width) +
                           static_cast<size_t>(x + i % 4);
        const Hit hit = moment.HitOf(packet, k);
        Vector3f colour(0.5f, 0.7f, 0.9f);
        if (hit.distance >= 0) {
          shot.categories[pixel] = hit.category;
          shot.actors[pixel] = hit.actor;
          const Material& material = scene.materials()[hit.material];
          colour = material.colour * (0.5f + 1.2f * std::max(0.0f, hit.normal_G.dot(sun)));
        }
        for (int c = 0; c < 3; ++c)
          shot.image.rgb[3 * pixel + static_cast<size_t>(c)] =
              static_cast<uint8_t>(255 * std::sqrt(std::clamp(colour[c], 0.0f, 1.0f)));
      }
    }
  }
  return shot;
}

}  // namespace occvla::world
