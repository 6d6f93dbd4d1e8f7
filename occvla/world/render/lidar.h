#pragma once
#include <cstdint>
#include <vector>

#include "occvla/world/render/scene.h"

/// A spinning lidar like nuScenes's LIDAR_TOP.
namespace occvla::world {

/// What the file of a sweep holds, in the sensor's frame L, and what was hit.
struct LidarPoint {
  float x = 0, y = 0, z = 0;
  float intensity = 0;   ///< 0 to 255, whole numbers.
  float ring = 0;        ///< 0 = lowest beam, 31 = highest.
  uint8_t category = 0;  ///< lidarseg index.
  int32_t actor = -1;    ///< Index into Drive::actors.
};

inline constexpr int kLidarBeams = 32, kLidarSteps = 1080;
inline constexpr double kLidarReach = 100;
/// Elevation of a beam, radians: from -30.67 to +10.67 degrees in even steps.
double BeamElevation(int ring);

/// One turn, all of it at `time_s`. Points come in the order of azimuth steps, from the lowest beam
/// up. Rays that hit nothing within reach, graze a surface or are swallowed by glass yield none.
std::vector<LidarPoint> CastLidar(const Scene::Moment& moment, const geom::Pose& X_EL);
std::vector<LidarPoint> CastLidar(const Scene& scene, double time_s, const geom::Pose& X_EL);

}  // namespace occvla::world
