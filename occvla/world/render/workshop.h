#pragma once
#include <array>
#include <cstdint>

#include "occvla/world/render/actor_mesh.h"
#include "occvla/world/render/mesh_builder.h"
#include "occvla/world/render/noise.h"

/// What the makers of actors' shapes share.
namespace occvla::world {

/// An actor under construction, in its own frame A.
struct Workshop {
  explicit Workshop(const Actor& actor)
      : builder(actor.category),
        size(actor.size.cast<float>()),
        key(Hash(static_cast<uint32_t>(actor.look), static_cast<uint32_t>(actor.look >> 32), 5)) {}

  MeshBuilder builder;
  Eigen::Vector3f size;  ///< Of the box: along x, y, z.
  uint32_t key;          ///< Of the variation.

  float Random(uint32_t salt) const { return Hash01(key, salt, 17); }
  uint16_t Plain(const Eigen::Vector3f& colour, float lidar = 0.35f);
  uint16_t Paint(const Eigen::Vector3f& colour);  ///< Shiny.
  uint16_t Glass();
  uint16_t Tyre();
  uint16_t Lit(const Eigen::Vector3f& colour, Lamp lamp);
};

/// The makers: shapes in about the size of the box, to be fitted to it afterwards.
void MakeCar(Workshop& shop, bool police);
void MakeAmbulance(Workshop& shop);
void MakeTruck(Workshop& shop);
void MakeBus(Workshop& shop, bool bendy);
void MakeTrailer(Workshop& shop);
void MakeConstructionVehicle(Workshop& shop);
void MakeMotorcycle(Workshop& shop, bool rider);
void MakeBicycle(Workshop& shop, bool rider);

enum class Dress : uint8_t { kAdult, kChild, kWorker, kPolice };
void MakePedestrian(Workshop& shop, Dress dress, const Figure& figure);
void MakePersonalMobility(Workshop& shop);
void MakeStroller(Workshop& shop);
void MakeWheelchair(Workshop& shop);
void MakeAnimal(Workshop& shop, const Figure& figure);

void MakeBarrier(Workshop& shop);
void MakeDebris(Workshop& shop);
void MakePushable(Workshop& shop);
void MakeCone(Workshop& shop);
void MakeBicycleRack(Workshop& shop);

/// A body's joints; z up, x forward.
struct Posture {
  Eigen::Vector3f hips = Eigen::Vector3f::Zero();
  float height = 1.75f;  ///< Of the person when standing.
  float lean = 0;        ///< Of the upper body, radians forward.
  /// From the hips, per leg: knee and foot; from the shoulders, per arm: elbow and hand. Left
  /// first.
  std::array<Eigen::Vector3f, 2> knees, feet, elbows, hands;
};
/// Colours of a person's clothes, drawn from the key.
struct Clothes {
  uint16_t top, trousers, skin, hair, shoes;
};
Clothes MakeClothes(Workshop& shop, Dress dress, uint32_t salt);
void AddPerson(MeshBuilder& builder, const Posture& posture, const Clothes& clothes, bool helmet);

}  // namespace occvla::world
