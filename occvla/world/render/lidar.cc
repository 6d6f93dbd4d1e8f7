#include "occvla/world/render/lidar.h"

#include <array>
#include <cmath>
#include <numbers>

#include "occvla/world/render/noise.h"

namespace occvla::world {
namespace {

using Eigen::Vector3d, Eigen::Vector3f;

/// 0 to 255, or nothing if too little light comes back.
float Echo(const Material& material, float cosine, float distance) {
  constexpr float kGrazing = 0.02f;
  if (cosine < kGrazing) return -1;
  const float back = material.lidar * (0.25f + 0.75f * cosine);
  // Far and dark: the echo drowns.
  if (back < 2e-6f * distance * distance) return -1;
  return std::floor(255 * std::min(1.0f, back) + 0.5f);
}

}  // namespace

double BeamElevation(int ring) {
  constexpr double kLow = -30.67, kHigh = 10.67;
  return (kLow + (kHigh - kLow) * ring / (kLidarBeams - 1)) * std::numbers::pi / 180;
}

std::vector<LidarPoint> CastLidar(const Scene::Moment& moment, const geom::Pose& X_EL) {
  const Scene& scene = moment.scene();
  const geom::Pose X_GL = EgoAt(scene.drive(), moment.time_s()).X_GE * X_EL;
  const Vector3f origin_R = (X_GL.translation() - scene.origin_G()).cast<float>();
  std::array<std::array<double, 2>, kLidarBeams> beams;  // Cosine and sine of the elevation.
  for (int ring = 0; ring < kLidarBeams; ++ring)
    beams[static_cast<size_t>(ring)] = {std::cos(BeamElevation(ring)),
                                        std::sin(BeamElevation(ring))};

  std::vector<LidarPoint> points;
  points.reserve(size_t{kLidarBeams} * kLidarSteps);
  std::array<LidarPoint, size_t{4} * kLidarBeams> found;
  std::array<bool, size_t{4} * kLidarBeams> kept;
  // Blocks of four azimuths by four beams run close together.
  constexpr int kBlock = 4;
  for (int step = 0; step < kLidarSteps; step += kBlock) {
    std::array<std::array<double, 2>, kBlock> azimuths;
    for (int k = 0; k < kBlock; ++k) {
      const double azimuth = 2 * std::numbers::pi * (step + k) / kLidarSteps;
      azimuths[static_cast<size_t>(k)] = {std::cos(azimuth), std::sin(azimuth)};
    }
    for (int ring = 0; ring < kLidarBeams; ring += kBlock) {
      RayPacket packet;
      std::array<Vector3d, kPacket> directions_L;
      for (size_t i = 0; i < kPacket; ++i) {
        const auto& beam = beams[static_cast<size_t>(ring) + i % kBlock];
        const auto& azimuth = azimuths[i / kBlock];
        directions_L[i] = {beam[0] * azimuth[0], beam[0] * azimuth[1], beam[1]};
        const Vector3f direction = (X_GL.linear() * directions_L[i]).cast<float>();
        packet.origin_x[i] = origin_R.x();
        packet.origin_y[i] = origin_R.y();
        packet.origin_z[i] = origin_R.z();
        packet.direction_x[i] = direction.x();
        packet.direction_y[i] = direction.y();
        packet.direction_z[i] = direction.z();
        packet.distance[i] = static_cast<float>(kLidarReach);
        packet.active[i] = -1;
      }
      moment.rays().Intersect(packet);
      for (size_t i = 0; i < kPacket; ++i) {
        const size_t slot = (i / kBlock) * kLidarBeams + static_cast<size_t>(ring) + i % kBlock;
        kept[slot] = false;
        const Hit hit = moment.HitOf(packet, i);
        if (hit.distance < 0) continue;
        const float cosine = -hit.normal_G.dot(
            Vector3f(packet.direction_x[i], packet.direction_y[i], packet.direction_z[i]));
        const float echo =
            Echo(scene.materials()[hit.material], cosine, static_cast<float>(hit.distance));
        if (echo < 0) continue;
        const Vector3f p_LQ = (directions_L[i] * hit.distance).cast<float>();
        found[slot] = {p_LQ.x(),
                       p_LQ.y(),
                       p_LQ.z(),
                       echo,
                       static_cast<float>(ring + static_cast<int>(i) % kBlock),
                       hit.category,
                       hit.actor};
        kept[slot] = true;
      }
    }
    for (size_t slot = 0; slot < found.size(); ++slot)
      if (kept[slot]) points.push_back(found[slot]);
  }
  return points;
}

std::vector<LidarPoint> CastLidar(const Scene& scene, double time_s, const geom::Pose& X_EL) {
  return CastLidar(scene.At(time_s), X_EL);
}

}  // namespace occvla::world
