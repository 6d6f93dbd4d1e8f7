#pragma once
#include <Eigen/Core>
#include <array>
#include <cstdint>
#include <vector>

#include "occvla/world/render/scene.h"

/// Which lamps burn at a moment, and the light that they throw.
namespace occvla::world {

/// How brightly each kind of lamp of an actor burns; 0 = off.
using LampLevels = std::array<float, kLampCount>;

/// Lamps around one point of view.
class Lamps {
 public:
  /// Light falls within about 150 m of `eye_R`, at night only.
  Lamps(const Scene::Moment& moment, const Eigen::Vector3f& eye_R);

  /// What a material that is a lamp sends out; zero when it is off. `instance` as in RayPacket.
  Eigen::Vector3f GlowOf(const Material& material, int32_t instance) const;

  /// Light that falls from all lamps but the ego car's on a surface.
  Eigen::Vector3f LightAt(const Eigen::Vector3f& p_R, const Eigen::Vector3f& normal) const;
  /// From the ego car's headlamps, as far as nothing stands between.
  Eigen::Vector3f HeadlampsAt(const Eigen::Vector3f& p_R, const Eigen::Vector3f& normal) const;
  const Eigen::Vector3f& headlamps_R() const { return ego_.at; }
  bool burning() const { return burning_; }

  /// Something bright, for halos.
  struct Bright {
    Eigen::Vector3f p_R, colour;
    Eigen::Vector3f facing;  ///< Unit length, or zero if it shines all round.
  };
  const std::vector<Bright>& bright() const { return bright_; }

 private:
  struct Light {
    Eigen::Vector3f at, towards, colour;  // `towards` of unit length.
    float narrow = 0;                     // 0 = a lamp that hangs, else a headlamp.
    float reach = 30;
  };
  static Eigen::Vector3f Falling(const Light& light, const Eigen::Vector3f& p_R,
                                 const Eigen::Vector3f& normal);
  void AddLight(const Light& light);
  void AddActors(const Scene::Moment& moment);
  void AddProps(const Scene& scene);

  bool burning_ = false;
  Eigen::Vector3f eye_R_;
  Light ego_;
  std::vector<LampLevels> levels_;  // Per instance.
  std::vector<int> signals_;        // Per Town::lights: the Lamp that burns.
  std::vector<Light> lights_;
  std::vector<Bright> bright_;
  static constexpr int kCells = 16;  // A grid around the eye.
  std::array<std::vector<uint16_t>, size_t{kCells} * kCells> cells_;
};

}  // namespace occvla::world
