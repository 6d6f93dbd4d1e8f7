#include "occvla/world/render/actor_mesh.h"

#include <cmath>
#include <numbers>

#include "occvla/world/render/workshop.h"

namespace occvla::world {

using Eigen::Vector3f;

uint16_t Workshop::Plain(const Vector3f& colour, float lidar) {
  Material material;
  material.colour = colour;
  material.lidar = lidar;
  material.key = key;
  return builder.Add(material);
}

uint16_t Workshop::Paint(const Vector3f& colour) {
  Material material;
  material.texture = Texture::kPaint;
  material.colour = colour;
  material.mirror = 0.05f;
  material.lidar = 0.12f + 0.5f * colour.mean();
  material.key = key;
  return builder.Add(material);
}

uint16_t Workshop::Glass() {
  Material material;
  material.texture = Texture::kGlass;
  material.colour = {0.015f, 0.018f, 0.02f};
  material.mirror = 0.09f;
  material.lidar = 0.06f;
  return builder.Add(material);
}

uint16_t Workshop::Tyre() { return Plain({0.018f, 0.018f, 0.019f}, 0.1f); }

uint16_t Workshop::Lit(const Vector3f& colour, Lamp lamp) {
  Material material;
  material.colour = colour;
  material.mirror = 0.06f;
  material.lamp = lamp;
  material.lidar = 0.8f;
  material.key = key;
  return builder.Add(material);
}

Figure FigureOf(const Actor& actor, const ActorState& state) {
  Figure figure;
  const bool cycle = actor.category == 14 || actor.category == 21;
  figure.rider = cycle && state.activity == Activity::kWithRider;
  const bool person = actor.category >= 2 && actor.category <= 8;
  figure.sitting = person && state.activity == Activity::kSitting;
  const bool walks = (person && !figure.sitting) || actor.category == 1;
  if (walks && state.activity != Activity::kStanding) {
    const double turns = state.stride / (2 * std::numbers::pi);
    figure.pose = static_cast<uint8_t>(static_cast<int>((turns - std::floor(turns)) * kWalkPoses) %
                                       kWalkPoses);
  }
  return figure;
}

namespace {

Mesh Shape(const Actor& actor, const Figure& figure) {
  Workshop shop(actor);
  switch (actor.category) {
    case 1:
      MakeAnimal(shop, figure);
      break;
    case 2:
      MakePedestrian(shop, Dress::kAdult, figure);
      break;
    case 3:
      MakePedestrian(shop, Dress::kChild, figure);
      break;
    case 4:
      MakePedestrian(shop, Dress::kWorker, figure);
      break;
    case 5:
      MakePersonalMobility(shop);
      break;
    case 6:
      MakePedestrian(shop, Dress::kPolice, figure);
      break;
    case 7:
      MakeStroller(shop);
      break;
    case 8:
      MakeWheelchair(shop);
      break;
    case 9:
      MakeBarrier(shop);
      break;
    case 10:
      MakeDebris(shop);
      break;
    case 11:
      MakePushable(shop);
      break;
    case 12:
      MakeCone(shop);
      break;
    case 13:
      MakeBicycleRack(shop);
      break;
    case 14:
      MakeBicycle(shop, figure.rider);
      break;
    case 15:
      MakeBus(shop, true);
      break;
    case 16:
      MakeBus(shop, false);
      break;
    case 18:
      MakeConstructionVehicle(shop);
      break;
    case 19:
      MakeAmbulance(shop);
      break;
    case 20:
      MakeCar(shop, true);
      break;
    case 21:
      MakeMotorcycle(shop, figure.rider);
      break;
    case 22:
      MakeTrailer(shop);
      break;
    case 23:
      MakeTruck(shop);
      break;
    default:
      MakeCar(shop, false);
      break;
  }
  return shop.builder.Take();
}

/// Whoever moves his legs fills the box over all poses together.
bool Walks(const Actor& actor, const Figure& figure) {
  const uint8_t c = actor.category;
  return c == 1 || (!figure.sitting && (c == 2 || c == 3 || c == 4 || c == 6));
}

}  // namespace

Mesh ActorMesh(const Actor& actor, const Figure& figure) {
  Mesh mesh = Shape(actor, figure);
  Extent extent = ExtentOf(mesh);
  if (Walks(actor, figure)) {
    for (uint8_t pose = 0; pose < kWalkPoses; ++pose) {
      const Extent other = ExtentOf(Shape(actor, {.rider = false, .sitting = false, .pose = pose}));
      extent.low = extent.low.cwiseMin(other.low);
      extent.high = extent.high.cwiseMax(other.high);
    }
  }
  Fit(mesh, extent, actor.size.cast<float>());
  return mesh;
}

}  // namespace occvla::world
