#include <algorithm>
#include <array>

#include "occvla/world/render/vehicle_parts.h"

/// Trucks, buses, trailers, construction vehicles.
namespace occvla::world {
namespace {

using Eigen::Vector3f;

const std::array<Vector3f, 6> kCargoColours{{{0.66f, 0.66f, 0.65f},
                                             {0.60f, 0.60f, 0.58f},
                                             {0.05f, 0.13f, 0.32f},
                                             {0.45f, 0.07f, 0.04f},
                                             {0.08f, 0.24f, 0.14f},
                                             {0.62f, 0.42f, 0.06f}}};

}  // namespace

void MakeTruck(Workshop& shop) {
  auto& b = shop.builder;
  const float l = shop.size.x(), w = shop.size.y(), h = shop.size.z(), half = l / 2;
  const Vector3f colour = Pick(kCarColours, shop.Random(1));
  const uint16_t paint = shop.Paint(colour), glass = shop.Glass(), tyre = shop.Tyre();
  const uint16_t dark = shop.Plain({0.025f, 0.025f, 0.028f}, 0.15f);
  const uint16_t rim = shop.Plain({0.35f, 0.35f, 0.36f});
  if (l < 6.3f && h < 2.3f) {  // A pickup.
    const float belt = 0.58f * h, low = 0.2f * h;
    const std::array<Section, 5> body{
        {{-half, low, 0.54f * h, 0.9f * w, 0.5f * h, 0.88f * w},
         {-0.12f * l, low, 0.54f * h, 0.93f * w, 0.5f * h, 0.9f * w},
         {-0.1f * l, low, belt, 0.93f * w, 0.5f * h, 0.88f * w},
         {half - 0.14f, low, 0.53f * h, 0.92f * w, 0.44f * h, 0.86f * w},
         {half, low + 0.1f, 0.44f * h, 0.84f * w, 0.36f * h, 0.8f * w}}};
    b.Body(body, paint, paint, std::array<uint16_t, 4>{dark, paint, paint, paint}, paint);
    for (const float s : {1.0f, -1.0f}) {  // The bed's walls.
      const float y0 = std::min(s * 0.455f * w, s * 0.41f * w), y1 = y0 + 0.045f * w;
      b.Box({-half, y0, 0.5f * h}, {-0.12f * l, y1, 0.62f * h}, paint);
    }
    b.Box({-half, -0.44f * w, 0.5f * h}, {-half + 0.07f, 0.44f * w, 0.62f * h}, paint);
    AddCabin(shop, {-0.13f * l, -0.09f * l, 0.12f * l, 0.25f * l, belt, h, 0.86f * w, 0.7f * w},
             paint, glass);
    const Wheels wheels{0.21f * h, 0.26f, 0.47f * w};
    AddAxle(shop, 0.31f * l, wheels, tyre, rim, dark);
    AddAxle(shop, -0.3f * l, wheels, tyre, rim, dark);
    b.Box({half - 0.04f, -0.3f * w, 0.3f * h}, {half + 0.01f, 0.3f * w, 0.43f * h}, dark);
    AddLamps(shop, {half - 0.03f, -half, 0.44f * w, 0.42f * h, 0.45f * h});
    AddPlates(shop, half, -half, 0.28f * h);
    AddMirrors(shop, 0.19f * l, belt + 0.06f, 0.45f * w, 0.5f * w, dark);
    return;
  }
  const float cab_rear = half - std::clamp(0.26f * l, 1.7f, 2.4f), cab_high = std::min(h, 3.1f);
  const float belt = 0.52f * cab_high, radius = std::clamp(0.15f * h, 0.38f, 0.52f);
  const std::array<Section, 4> cab{
      {{cab_rear, 0.45f, 0.97f * cab_high, 0.9f * w, belt, 0.84f * w},
       {half - 0.5f, 0.45f, cab_high, 0.9f * w, belt, 0.82f * w},
       {half - 0.06f, 0.45f, belt + 0.06f, 0.9f * w, belt - 0.02f, 0.86f * w},
       {half, 0.5f, belt - 0.12f, 0.86f * w, belt - 0.25f, 0.84f * w}}};
  b.Body(cab, paint, glass, std::array<uint16_t, 3>{paint, glass, paint}, paint);
  for (const float s : {1.0f, -1.0f}) {
    const float y = s * 0.44f * w;
    b.Beam({half - 0.1f, y, belt}, {half - 0.52f, 0.94f * y, cab_high - 0.05f}, 0.12f, 0.1f, paint);
    b.Beam({cab_rear + 0.25f, y, belt - 0.05f}, {cab_rear + 0.25f, 0.955f * y, cab_high - 0.06f},
           0.5f, 0.45f, paint);
  }
  b.Box({half - 0.05f, -0.34f * w, 0.62f}, {half + 0.01f, 0.34f * w, belt - 0.3f}, dark);
  // Chassis, tank, cargo.
  b.Box({-half + 0.05f, -0.3f * w, 0.5f}, {cab_rear + 0.2f, 0.3f * w, 0.95f}, dark);
  b.Box({-half, -0.42f * w, 0.42f}, {-half + 0.1f, 0.42f * w, 0.6f}, dark);
  b.Box({0.02f * l, -0.42f * w, 0.45f}, {0.16f * l, -0.3f * w, 0.9f}, rim);
  b.Box({0.02f * l, 0.3f * w, 0.45f}, {0.16f * l, 0.42f * w, 0.9f}, rim);
  Material cargo;
  cargo.texture = shop.Random(3) < 0.6f ? Texture::kCorrugated : Texture::kPlain;
  cargo.colour = Pick(kCargoColours, shop.Random(4));
  cargo.lidar = 0.5f;
  const uint16_t box = b.Add(cargo);
  const float rear_of_cab = cab_rear - 0.15f;
  if (shop.Random(5) < 0.2f) {  // A tipper.
    const std::array<Section, 3> tub{{{-half + 0.05f, 1.0f, 0.72f * h, 0.8f * w, 1.0f, 0.98f * w},
                                      {-half + 0.3f, 1.0f, 0.74f * h, 0.82f * w, 1.05f, 0.98f * w},
                                      {rear_of_cab, 1.0f, 0.8f * h, 0.82f * w, 1.05f, 0.98f * w}}};
    b.Body(tub, box, box, std::array<uint16_t, 2>{dark, dark}, box);
  } else {
    b.Box({-half, -0.49f * w, 0.95f}, {rear_of_cab, 0.49f * w, h}, box);
    const uint16_t frame = shop.Plain({0.3f, 0.3f, 0.3f});
    b.Box({-half - 0.01f, -0.02f, 1.05f}, {-half + 0.02f, 0.02f, h - 0.1f}, frame);
    b.Box({-half - 0.01f, -0.49f * w, h - 0.1f}, {-half + 0.05f, 0.49f * w, h}, frame);
    b.Box({-half - 0.01f, -0.49f * w, 0.95f}, {-half + 0.05f, 0.49f * w, 1.05f}, frame);
  }
  const Wheels wheels{radius, 0.3f, 0.46f * w};
  AddAxle(shop, half - 0.85f, wheels, tyre, rim, dark);
  AddAxle(shop, -half + 0.24f * l, wheels, tyre, rim, dark);
  if (l > 8) AddAxle(shop, -half + 0.24f * l + 2.3f * radius, wheels, tyre, rim, dark);
  AddLamps(shop, {half, -half - 0.01f, 0.42f * w, 0.72f, 0.72f});
  AddPlates(shop, half, -half, 0.55f);
  AddMirrors(shop, half - 0.25f, belt + 0.35f, 0.46f * w, 0.5f * w, dark);
}

void MakeBus(Workshop& shop, bool bendy) {
  auto& b = shop.builder;
  const float l = shop.size.x(), w = shop.size.y(), h = shop.size.z(), half = l / 2;
  const std::array<Vector3f, 5> colours{{{0.45f, 0.05f, 0.04f},
                                         {0.05f, 0.14f, 0.36f},
                                         {0.06f, 0.26f, 0.14f},
                                         {0.6f, 0.42f, 0.05f},
                                         {0.6f, 0.6f, 0.6f}}};
  const uint16_t paint = shop.Paint(Pick(colours, shop.Random(1))), glass = shop.Glass();
  const uint16_t roof = shop.Paint({0.6f, 0.6f, 0.6f}), tyre = shop.Tyre();
  const uint16_t dark = shop.Plain({0.025f, 0.025f, 0.028f}, 0.15f);
  const uint16_t rim = shop.Plain({0.38f, 0.38f, 0.38f});
  Material strip;
  strip.texture = Texture::kWindows;
  strip.colour = {0.02f, 0.024f, 0.028f};
  strip.second = {0.03f, 0.03f, 0.03f};
  strip.mirror = 0.1f;
  strip.lidar = 0.08f;
  strip.bay = {1.45f, 1.0f};
  const uint16_t windows = b.Add(strip);
  const float sill = 0.42f * h, lintel = 0.8f * h, y = 0.485f * w;
  const auto carriage = [&](float rear, float front) {
    b.Box({rear, -y, 0.32f}, {front, y, sill}, paint);
    b.Box({rear + 0.03f, -0.985f * y, sill}, {front - 0.03f, 0.985f * y, lintel}, windows, roof);
    const std::array<Section, 2> top{{{rear, lintel, h - 0.1f, 2 * y, lintel + 0.2f, 1.7f * y},
                                      {front, lintel, h - 0.1f, 2 * y, lintel + 0.2f, 1.7f * y}}};
    b.Body(top, paint, roof, std::array<uint16_t, 1>{roof}, paint);
    b.Box({0.75f * rear + 0.25f * front, -0.55f * y, h - 0.1f},
          {0.45f * rear + 0.55f * front, 0.55f * y, h}, roof);
  };
  const Wheels wheels{0.48f, 0.3f, y + 0.006f};
  const auto axle = [&](float x) { AddAxle(shop, x, wheels, tyre, rim, dark); };
  if (bendy) {
    const float joint = -0.08f * l;
    carriage(joint + 0.6f, half);
    carriage(-half, joint - 0.6f);
    for (int k = 0; k < 8; ++k) {  // Bellows.
      const float x = joint - 0.6f + 0.15f * static_cast<float>(k);
      b.Box({x, -0.9f * y, 0.4f}, {x + 0.1f, 0.9f * y, h - 0.25f}, dark);
      b.Box({x + 0.1f, -0.84f * y, 0.45f}, {x + 0.15f, 0.84f * y, h - 0.32f}, dark);
    }
    axle(half - 2.6f);
    axle(joint + 1.9f);
    axle(-half + 2.4f);
  } else {
    carriage(-half, half);
    axle(half - 0.22f * l);
    axle(-half + 0.24f * l);
  }
  // Windscreen, sign, doors on the right.
  b.Box({half - 0.04f, -0.92f * y, 0.36f * h}, {half + 0.01f, 0.92f * y, 0.8f * h}, glass);
  const uint16_t sign = shop.Lit({0.5f, 0.28f, 0.03f}, Lamp::kTail);
  b.Box({half - 0.04f, -0.7f * y, 0.84f * h}, {half + 0.012f, 0.7f * y, 0.92f * h}, dark);
  b.Box({half - 0.03f, -0.4f * y, 0.855f * h}, {half + 0.016f, 0.4f * y, 0.905f * h}, sign);
  b.Box({-half - 0.01f, -0.75f * y, 0.5f * h}, {-half + 0.04f, 0.75f * y, 0.78f * h}, glass);
  for (const float x : {half - 1.0f, 0.12f * l}) {
    b.Box({x - 0.6f, -y - 0.008f, 0.34f}, {x + 0.6f, -0.9f * y, 0.8f * h}, dark);
    b.Box({x - 0.52f, -y - 0.012f, 0.5f}, {x - 0.04f, -0.9f * y, 0.76f * h}, glass);
    b.Box({x + 0.04f, -y - 0.012f, 0.5f}, {x + 0.52f, -0.9f * y, 0.76f * h}, glass);
  }
  b.Box({half - 0.03f, -0.9f * y, 0.3f}, {half + 0.012f, 0.9f * y, 0.5f}, dark);
  AddLamps(shop, {half + 0.02f, -half - 0.02f, 0.92f * y, 0.68f, 0.85f, 0.36f, 0.18f});
  AddPlates(shop, half + 0.01f, -half - 0.01f, 0.42f);
  AddMirrors(shop, half - 0.05f, 0.72f * h, 0.46f * w, 0.5f * w, dark);
}

void MakeTrailer(Workshop& shop) {
  auto& b = shop.builder;
  const float l = shop.size.x(), w = shop.size.y(), h = shop.size.z(), half = l / 2;
  const uint16_t dark = shop.Plain({0.03f, 0.03f, 0.03f}, 0.2f), tyre = shop.Tyre();
  const uint16_t rim = shop.Plain({0.35f, 0.35f, 0.35f});
  Material cargo;
  cargo.texture = Texture::kCorrugated;
  cargo.colour = Pick(kCargoColours, shop.Random(2));
  cargo.lidar = 0.5f;
  const uint16_t box = b.Add(cargo);
  const bool large = h > 2.2f;
  const float floor = large ? 1.15f : 0.35f * h, radius = large ? 0.5f : 0.26f * h;
  b.Box({-half, -0.5f * w, floor}, {half - (large ? 0.0f : 0.18f * l), 0.5f * w, h}, box);
  b.Box({-half + 0.02f, -0.32f * w, 0.72f * floor}, {half - 0.1f, 0.32f * w, floor}, dark);
  if (large) {
    for (const float s : {1.0f, -1.0f}) {  // Landing legs, side guards.
      b.Box({0.22f * l, s * 0.3f * w - 0.08f, 0.1f},
            {0.22f * l + 0.16f, s * 0.3f * w + 0.08f, floor}, dark);
      b.Box({-0.1f * l, s * 0.45f * w - 0.03f, 0.6f}, {0.18f * l, s * 0.45f * w + 0.03f, 0.85f},
            rim);
    }
  } else {
    b.Beam({half - 0.2f * l, 0, 0.8f * floor}, {half, 0, 0.8f * floor}, 0.09f, 0.09f, dark);
    b.Cone({half - 0.08f * l, 0, 0.0f}, {half - 0.08f * l, 0, 0.8f * floor}, 0.05f, 0.04f, 7, rim);
  }
  const Wheels wheels{radius, large ? 0.32f : 0.18f, 0.47f * w};
  for (int k = 0; k < (large ? 3 : 1); ++k)
    AddAxle(shop, (large ? -half + 1.6f : -0.1f * l) + 2.4f * radius * static_cast<float>(k),
            wheels, tyre, rim, dark);
  AddLamps(shop, {half, -half - 0.01f, 0.46f * w, 0.85f * floor, 0.85f * floor});
}

void MakeConstructionVehicle(Workshop& shop) {
  auto& b = shop.builder;
  const float l = shop.size.x(), w = shop.size.y(), h = shop.size.z(), half = l / 2;
  const uint16_t yellow = shop.Paint({0.58f, 0.33f, 0.02f}), glass = shop.Glass();
  const uint16_t dark = shop.Plain({0.03f, 0.03f, 0.03f}, 0.2f);
  const uint16_t steel = shop.Plain({0.16f, 0.16f, 0.16f}, 0.3f), tyre = shop.Tyre();
  if (shop.Random(1) < 0.5f) {  // An excavator.
    const float belly = 0.28f * h, deck = 0.58f * h, front = 0.05f * l;
    for (const float s : {1.0f, -1.0f}) {  // Tracks, rounded at both ends.
      const float y0 = std::min(s * 0.5f * w, s * 0.3f * w), y1 = y0 + 0.2f * w;
      b.Box({-half + 0.12f * l, y0, 0.0f}, {front, y1, belly}, dark);
      for (const float x : {-half + 0.12f * l, front})
        b.Cone({x, y0, belly / 2}, {x, y1, belly / 2}, belly / 2, belly / 2, 12, dark);
      for (int k = 0; k < 5; ++k) {
        const float x = -half + 0.14f * l + 0.085f * l * static_cast<float>(k);
        b.Cone({x, y0 - 0.01f, 0.3f * belly}, {x, y1 + 0.01f, 0.3f * belly}, 0.24f * belly,
               0.24f * belly, 8, steel);
      }
    }
    b.Box({-half + 0.14f * l, -0.3f * w, 0.1f * h}, {front, 0.3f * w, belly + 0.08f}, steel);
    b.Box({-half, -0.46f * w, belly + 0.06f}, {-0.05f * l, 0.46f * w, deck}, yellow);
    b.Box({-half + 0.05f, -0.3f * w, deck}, {-0.28f * l, 0.3f * w, deck + 0.08f * h}, yellow);
    const std::array<Section, 3> cab{
        {{-0.2f * l, belly + 0.06f, 0.97f * h, 0.36f * w, deck - 0.05f, 0.34f * w},
         {-0.02f * l, belly + 0.06f, 0.97f * h, 0.36f * w, deck - 0.05f, 0.34f * w},
         {0.03f * l, belly + 0.06f, 0.7f * h, 0.36f * w, deck - 0.05f, 0.34f * w}}};
    b.Place(Eigen::Affine3f(Eigen::Translation3f(0, 0.27f * w, 0)));
    b.Body(cab, yellow, glass, std::array<uint16_t, 2>{yellow, glass}, glass);
    b.Place(Eigen::Affine3f::Identity());
    const Vector3f foot(-0.04f * l, -0.1f * w, belly + 0.15f * h),
        knee(0.22f * l, -0.1f * w, 0.92f * h), wrist(0.44f * l, -0.1f * w, 0.42f * h);
    b.Beam(foot, knee, 0.13f * w, 0.1f * w, yellow);
    b.Beam(knee + Vector3f(-0.05f * l, 0, 0.06f * h), wrist, 0.11f * w, 0.07f * w, yellow);
    b.Beam(foot + Vector3f(0.06f * l, 0, 0.0f), 0.4f * foot + 0.6f * knee, 0.05f * w, 0.05f * w,
           steel);
    const std::array<Section, 2> bucket{
        {{wrist.x() - 0.09f * l, 0.12f * h, 0.36f * h, 0.34f * w, 0.2f * h, 0.3f * w},
         {half, 0.16f * h, 0.42f * h, 0.34f * w, 0.3f * h, 0.3f * w}}};
    b.Place(Eigen::Affine3f(Eigen::Translation3f(0, -0.1f * w, 0)));
    b.Body(bucket, steel, steel, std::array<uint16_t, 1>{steel}, dark);
    b.Place(Eigen::Affine3f::Identity());
    return;
  }
  // A wheel loader.
  const float radius = 0.24f * h;
  for (const float x : {-0.26f * l, 0.16f * l})
    for (const float s : {1.0f, -1.0f})
      b.Wheel({x, s * 0.38f * w, radius}, radius, 0.22f * w, tyre, yellow);
  b.Box({-half, -0.34f * w, 0.22f * h}, {-0.1f * l, 0.34f * w, 0.6f * h}, yellow);
  b.Box({-half + 0.02f * l, -0.25f * w, 0.6f * h}, {-0.14f * l, 0.25f * w, 0.66f * h}, dark);
  b.Box({-0.1f * l, -0.2f * w, 0.2f * h}, {0.24f * l, 0.2f * w, 0.45f * h}, yellow);
  b.Box({-0.13f * l, -0.28f * w, 0.45f * h}, {0.07f * l, 0.28f * w, 0.62f * h}, yellow);
  b.Box({-0.12f * l, -0.27f * w, 0.62f * h}, {0.06f * l, 0.27f * w, 0.94f * h}, glass);
  b.Box({-0.14f * l, -0.3f * w, 0.94f * h}, {0.08f * l, 0.3f * w, h}, yellow);
  for (const float s : {1.0f, -1.0f})
    b.Beam({0.08f * l, s * 0.16f * w, 0.5f * h}, {0.4f * l, s * 0.16f * w, 0.2f * h}, 0.09f * w,
           0.08f * w, yellow);
  const std::array<Section, 3> bucket{{{0.32f * l, 0.1f * h, 0.34f * h, w, 0.2f * h, w},
                                       {0.38f * l, 0.02f * h, 0.4f * h, w, 0.2f * h, w},
                                       {half, 0.0f, 0.06f * h, w, 0.05f * h, w}}};
  b.Body(bucket, steel, steel, std::array<uint16_t, 2>{steel, dark}, steel);
  AddLamps(shop, {0.07f * l, -half - 0.01f, 0.28f * w, 0.97f * h, 0.5f * h, 0.2f, 0.12f});
}

}  // namespace occvla::world
