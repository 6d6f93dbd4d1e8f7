#pragma once
#include <Eigen/Core>
#include <array>
#include <cstdint>
#include <vector>

#include "occvla/world/render/lamps.h"
#include "occvla/world/render/paint.h"
#include "occvla/world/render/scene.h"
#include "occvla/world/render/sky.h"

/// Light on surfaces: from a packet of rays to colours.
namespace occvla::world {

/// What a ray of the picture found.
struct Sample {
  Eigen::Vector3f colour = Eigen::Vector3f::Zero();  ///< Linear, 0 to 1, tone curve applied.
  Eigen::Vector3f normal = Eigen::Vector3f::Zero();  ///< Of the surface; zero = sky.
  uint32_t thing = 0;  ///< Differs where material, actor or prop differ; 0 = sky.
  float distance = 1e9f;
  bool soft = false;  ///< Leaves: inner edges do not show.
  uint8_t category = 0;
  int32_t actor = -1;
};

/// Shades for one camera at one moment; one thread each.
class Shader {
 public:
  /// `pixel_angle`: how wide a pixel is one metre ahead.
  Shader(const Scene::Moment& moment, const Eigen::Vector3f& eye_R, float pixel_angle);

  /// Casts the rays of a packet from the eye (its directions of unit length, `active` set) and
  /// fills the samples of the active ones.
  void Shade(RayPacket& rays, std::array<Sample, kPacket>& samples) const;

  const Lamps& lamps() const { return lamps_; }
  const Daylight& daylight() const { return daylight_; }

 private:
  struct Lit;
  void CastShadows(const std::array<Lit, kPacket>& lit, std::array<float, kPacket>& share) const;
  Eigen::Vector3f Light(const Lit& lit, float share) const;

  const Scene::Moment& moment_;  // Not owned; outlives the shader.
  const Scene& scene_;
  Eigen::Vector3f eye_R_;
  float pixel_angle_;
  Daylight daylight_;
  Lamps lamps_;
  struct Turned {
    Eigen::Matrix3f R_AR;
    Eigen::Vector3f p_RA;
  };
  std::vector<Turned> turned_;  // Per instance.
};

/// Linear light of any size to 0..1.
Eigen::Vector3f ToneCurve(const Eigen::Vector3f& light);

}  // namespace occvla::world
