#include "occvla/world/render/vehicle_parts.h"

namespace occvla::world {

using Eigen::Vector3f;

const std::array<Vector3f, 10> kCarColours{{{0.50f, 0.50f, 0.50f},
                                            {0.36f, 0.37f, 0.39f},
                                            {0.12f, 0.125f, 0.135f},
                                            {0.018f, 0.018f, 0.02f},
                                            {0.33f, 0.022f, 0.02f},
                                            {0.025f, 0.06f, 0.22f},
                                            {0.05f, 0.13f, 0.27f},
                                            {0.47f, 0.45f, 0.40f},
                                            {0.03f, 0.10f, 0.05f},
                                            {0.38f, 0.16f, 0.02f}}};
void AddLamps(Workshop& shop, const LampPlaces& at) {
  auto& b = shop.builder;
  const uint16_t head = shop.Lit({0.75f, 0.78f, 0.8f}, Lamp::kHead);
  const uint16_t brake = shop.Lit({0.28f, 0.01f, 0.012f}, Lamp::kBrake);
  const float h = at.height / 2;
  for (const float side : {1.0f, -1.0f}) {
    const uint16_t amber = shop.Lit({0.45f, 0.17f, 0.01f}, side > 0 ? Lamp::kLeft : Lamp::kRight);
    const auto box = [&](float x, float from, float to, float z, uint16_t material) {
      const float y0 = side * (at.y - from * at.width), y1 = side * (at.y - to * at.width);
      b.Box({x - 0.05f, std::min(y0, y1), z - h}, {x + 0.05f, std::max(y0, y1), z + h}, material);
    };
    box(at.front - 0.05f, 0.25f, 1, at.front_z, head);
    box(at.front - 0.06f, 0, 0.25f, at.front_z, amber);
    box(at.rear + 0.05f, 0.25f, 1, at.rear_z, brake);
    box(at.rear + 0.06f, 0, 0.25f, at.rear_z, amber);
  }
}

void AddPlates(Workshop& shop, float front, float rear, float z) {
  const uint16_t plate = shop.Plain({0.75f, 0.75f, 0.7f}, 0.9f);
  shop.builder.Box({front - 0.04f, -0.26f, z - 0.06f}, {front + 0.01f, 0.26f, z + 0.06f}, plate);
  shop.builder.Box({rear - 0.01f, -0.26f, z - 0.06f}, {rear + 0.04f, 0.26f, z + 0.06f}, plate);
}

void AddAxle(Workshop& shop, float x, const Wheels& wheels, uint16_t tyre, uint16_t rim,
             uint16_t arch) {
  for (const float side : {1.0f, -1.0f}) {
    const float y = side * (wheels.y - wheels.width / 2);
    shop.builder.Wheel({x, y, wheels.radius}, wheels.radius, wheels.width, tyre, rim);
    const float outer = side * (wheels.y - 0.03f), inner = side * (wheels.y - 0.3f);
    shop.builder.Cone({x, std::min(outer, inner), wheels.radius + 0.02f},
                      {x, std::max(outer, inner), wheels.radius + 0.02f}, 1.17f * wheels.radius,
                      1.17f * wheels.radius, 14, arch);
  }
}

void AddLightBar(Workshop& shop, float x, float z, float half_width) {
  auto& b = shop.builder;
  const uint16_t blue = shop.Lit({0.02f, 0.06f, 0.6f}, Lamp::kBeacon);
  const uint16_t red = shop.Lit({0.5f, 0.02f, 0.02f}, Lamp::kBeacon);
  const uint16_t dark = shop.Plain({0.03f, 0.03f, 0.03f});
  b.Box({x - 0.14f, -half_width, z}, {x + 0.14f, -0.1f, z + 0.12f}, blue);
  b.Box({x - 0.12f, -0.1f, z}, {x + 0.12f, 0.1f, z + 0.09f}, dark);
  b.Box({x - 0.14f, 0.1f, z}, {x + 0.14f, half_width, z + 0.12f}, red);
}

void AddCabin(Workshop& shop, const Cabin& c, uint16_t paint, uint16_t glass) {
  auto& b = shop.builder;
  const float low = c.belt - 0.05f;
  const std::array<Section, 4> sections{
      {{c.rear, low, c.belt, c.width, low, 0.97f * c.width},
       {c.roof_rear, low, c.roof - 0.03f, c.width, low, c.roof_width},
       {c.roof_front, low, c.roof, c.width, low, c.roof_width},
       {c.front, low, c.belt, c.width, low, 0.97f * c.width}}};
  const std::array<uint16_t, 3> tops{glass, paint, glass};
  b.Body(sections, glass, glass, tops, glass);
  const float w = 0.5f * c.width - 0.015f, r = 0.5f * c.roof_width - 0.01f;
  const float middle = 0.5f * (c.roof_rear + c.roof_front) - 0.05f;
  for (const float s : {1.0f, -1.0f}) {
    b.Beam({c.front, s * w, c.belt}, {c.roof_front, s * r, c.roof - 0.03f}, 0.07f, 0.07f, paint);
    b.Beam({middle, s * w, c.belt}, {middle, s * r, c.roof - 0.03f}, 0.1f, 0.09f, paint);
    b.Beam({c.rear, s * w, c.belt}, {c.roof_rear, s * r, c.roof - 0.05f}, 0.14f, 0.12f, paint);
    b.Beam({c.roof_rear - 0.02f, s * r, c.roof - 0.04f}, {c.roof_front, s * r, c.roof - 0.02f},
           0.07f, 0.07f, paint);
  }
}

void AddMirrors(Workshop& shop, float x, float z, float inner, float outer, uint16_t material) {
  for (const float s : {1.0f, -1.0f}) {
    const float a = s * inner, c = s * outer;
    shop.builder.Box({x - 0.06f, std::min(a, c), z - 0.07f}, {x + 0.06f, std::max(a, c), z + 0.07f},
                     material);
  }
}

}  // namespace occvla::world
