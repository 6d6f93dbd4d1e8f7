#pragma once
#include <Eigen/Core>
#include <algorithm>
#include <array>

#include "occvla/world/render/workshop.h"

/// What most vehicles have.
namespace occvla::world {

extern const std::array<Eigen::Vector3f, 10> kCarColours;

template <size_t N>
const Eigen::Vector3f& Pick(const std::array<Eigen::Vector3f, N>& colours, float random) {
  return colours[std::min(N - 1, static_cast<size_t>(random * N))];
}

/// Lamps at both ends: `front` and `rear` faces (x), `y` the outer edge, z of their middles.
struct LampPlaces {
  float front, rear, y, front_z, rear_z, width = 0.32f, height = 0.14f;
};
void AddLamps(Workshop& shop, const LampPlaces& at);

/// Number plates at both ends.
void AddPlates(Workshop& shop, float front, float rear, float z);

struct Wheels {
  float radius, width, y;  ///< `y` of the outer face.
};
/// A pair of wheels in dark arches.
void AddAxle(Workshop& shop, float x, const Wheels& wheels, uint16_t tyre, uint16_t rim,
             uint16_t arch);

/// Red and blue, across the roof.
void AddLightBar(Workshop& shop, float x, float z, float half_width);

/// The glass house of a car and its pillars.
struct Cabin {
  float rear, roof_rear, roof_front, front;  ///< x.
  float belt, roof;                          ///< z.
  float width, roof_width;
};
void AddCabin(Workshop& shop, const Cabin& cabin, uint16_t paint, uint16_t glass);

void AddMirrors(Workshop& shop, float x, float z, float inner, float outer, uint16_t material);

}  // namespace occvla::world
