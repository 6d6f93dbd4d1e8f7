#include <algorithm>
#include <array>
#include <cmath>

#include "occvla/world/render/workshop.h"

/// Cars, trucks, buses, trailers.
namespace occvla::world {
namespace {

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
const std::array<Vector3f, 6> kCargoColours{{{0.66f, 0.66f, 0.65f},
                                             {0.60f, 0.60f, 0.58f},
                                             {0.05f, 0.13f, 0.32f},
                                             {0.45f, 0.07f, 0.04f},
                                             {0.08f, 0.24f, 0.14f},
                                             {0.62f, 0.42f, 0.06f}}};

template <size_t N>
const Vector3f& Pick(const std::array<Vector3f, N>& colours, float random) {
  return colours[std::min(N - 1, static_cast<size_t>(random * N))];
}

/// Lamps at both ends: `x` front and rear faces, `y` the outer edge, `z` their middle.
struct LampPlaces {
  float front, rear, y, front_z, rear_z, width = 0.32f, height = 0.14f;
};
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

struct Wheels {
  float radius, width, y;  // y of the outer face.
};
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

/// The glass house of a car and its pillars.
struct Cabin {
  float rear, roof_rear, roof_front, front;  // x.
  float belt, roof;                          // z.
  float width, roof_width;
};
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

}  // namespace

void MakeCar(Workshop& shop, bool police) {
  auto& b = shop.builder;
  const float l = shop.size.x(), w = shop.size.y(), h = shop.size.z() - (police ? 0.12f : 0.0f);
  const Vector3f colour =
      police ? Vector3f(0.62f, 0.63f, 0.65f) : Pick(kCarColours, shop.Random(1));
  const uint16_t paint = shop.Paint(colour), glass = shop.Glass(), tyre = shop.Tyre();
  const uint16_t dark = shop.Plain({0.02f, 0.02f, 0.022f}, 0.15f);
  const uint16_t rim = shop.Plain({0.38f, 0.38f, 0.4f}, 0.5f);
  const bool van = h > 1.72f && !police;
  const bool sedan = police || (!van && shop.Random(2) < 0.5f);
  const float belt = (van ? 0.56f : 0.60f) * h, low = 0.13f * h + 0.03f, half = l / 2;
  const float body = 0.93f * w, narrow = 0.84f * w;
  const float nose = van ? 0.9f : 0.8f;  // Height of the bonnet's front.
  const float tail = sedan ? 0.93f : 1.0f;
  const std::array<Section, 6> sections{
      {{-half, low + 0.12f, 0.78f * tail * belt, narrow, 0.6f * belt, 0.94f * narrow},
       {-half + 0.14f, low, tail * belt, body, 0.86f * belt * tail, 0.93f * body},
       {-0.3f * l, low, belt, body, 0.84f * belt, 0.93f * body},
       {0.2f * l, low, belt, body, 0.84f * belt, 0.93f * body},
       {half - 0.16f, low, nose * belt, body, 0.72f * belt, 0.9f * body},
       {half, low + 0.1f, 0.62f * belt, narrow, 0.5f * belt, 0.9f * narrow}}};
  const std::array<uint16_t, 5> tops{paint, paint, paint, paint, paint};
  b.Body(sections, paint, paint, tops, paint);
  Cabin cabin{sedan ? -0.36f * l : -0.475f * l,
              sedan ? -0.2f * l : (van ? -0.46f * l : -0.38f * l),
              van ? 0.16f * l : 0.06f * l,
              van ? 0.33f * l : 0.24f * l,
              belt,
              h,
              0.91f * body,
              0.74f * body};
  AddCabin(shop, cabin, paint, glass);
  const Wheels wheels{0.195f * h + 0.02f, 0.2f, 0.5f * body + 0.008f};
  AddAxle(shop, 0.31f * l, wheels, tyre, rim, dark);
  AddAxle(shop, -0.3f * l, wheels, tyre, rim, dark);
  // Grille, bumpers, sills.
  b.Box({half - 0.06f, -0.2f * w, 0.3f * belt}, {half + 0.005f, 0.2f * w, 0.56f * belt}, dark);
  b.Box({-half - 0.005f, -0.4f * w, low + 0.02f}, {-half + 0.1f, 0.4f * w, 0.4f * belt}, dark);
  b.Box({-0.22f * l, -0.47f * w, low - 0.02f}, {0.22f * l, 0.47f * w, low + 0.05f}, dark);
  AddLamps(shop, {half + 0.0f, -half - 0.03f, 0.45f * w, 0.66f * belt, 0.72f * tail * belt});
  AddPlates(shop, half, -half, 0.42f * belt);
  AddMirrors(shop, cabin.front - 0.12f * l, belt + 0.04f, 0.45f * w, 0.5f * w, paint);
  if (police) {
    const uint16_t blue = shop.Paint({0.02f, 0.05f, 0.28f});
    for (const float s : {1.0f, -1.0f}) {
      const float y = s * (0.5f * body + 0.004f), in = s * 0.4f * body;
      b.Box({-0.2f * l, std::min(y, in), 0.42f * belt}, {0.2f * l, std::max(y, in), 0.8f * belt},
            blue);
    }
    b.Box({0.26f * l, -0.3f * w, 0.9f * belt}, {0.42f * l, 0.3f * w, 0.905f * belt}, blue);
    AddLightBar(shop, -0.06f * l, h, 0.36f * w);
  }
}

void MakeAmbulance(Workshop& shop) {
  auto& b = shop.builder;
  const float l = shop.size.x(), w = shop.size.y(), h = shop.size.z() - 0.12f, half = l / 2;
  const uint16_t white = shop.Paint({0.7f, 0.7f, 0.7f}), glass = shop.Glass(), tyre = shop.Tyre();
  const uint16_t red = shop.Paint({0.5f, 0.02f, 0.02f}), dark = shop.Plain({0.02f, 0.02f, 0.02f});
  const uint16_t rim = shop.Plain({0.4f, 0.4f, 0.4f});
  const float bonnet = 0.45f * h, cab = 0.8f * h, cab_rear = half - 0.38f * l;
  const std::array<Section, 5> front{
      {{cab_rear, 0.3f, cab, 0.9f * w, 0.5f * h, 0.8f * w},
       {cab_rear + 0.35f, 0.3f, cab, 0.9f * w, 0.5f * h, 0.78f * w},
       {half - 0.19f * l, 0.3f, bonnet + 0.05f, 0.9f * w, 0.4f * h, 0.86f * w},
       {half - 0.1f, 0.3f, 0.9f * bonnet, 0.88f * w, 0.34f * h, 0.8f * w},
       {half, 0.36f, 0.7f * bonnet, 0.8f * w, 0.28f * h, 0.76f * w}}};
  b.Body(front, white, glass, std::array<uint16_t, 4>{white, glass, white, white}, white);
  b.Box({-half, -0.47f * w, 0.42f}, {cab_rear + 0.02f, 0.47f * w, h}, white);
  const float y = 0.47f * w + 0.006f;
  for (const float s : {1.0f, -1.0f}) {
    const float a = std::min(s * y, s * 0.4f * w), c = std::max(s * y, s * 0.4f * w);
    b.Box({-half + 0.02f, a, 0.36f * h}, {cab_rear, c, 0.46f * h}, red);
    // A cross.
    const float x = -0.2f * l;
    b.Box({x - 0.1f, a, 0.58f * h}, {x + 0.1f, c, 0.86f * h}, red);
    b.Box({x - 0.3f, a, 0.67f * h}, {x + 0.3f, c, 0.77f * h}, red);
  }
  b.Box({-half - 0.005f, -0.38f * w, 0.62f * h}, {-half + 0.1f, -0.04f * w, 0.84f * h}, glass);
  b.Box({-half - 0.005f, 0.04f * w, 0.62f * h}, {-half + 0.1f, 0.38f * w, 0.84f * h}, glass);
  b.Box({-half - 0.005f, -0.46f * w, 0.36f * h}, {-half + 0.1f, 0.46f * w, 0.44f * h}, red);
  b.Box({-half, -0.42f * w, 0.3f}, {half - 0.1f, 0.42f * w, 0.44f}, dark);
  const Wheels wheels{0.36f, 0.26f, 0.46f * w};
  AddAxle(shop, 0.3f * l, wheels, tyre, rim, dark);
  AddAxle(shop, -0.27f * l, wheels, tyre, rim, dark);
  AddLamps(shop, {half - 0.02f, -half, 0.42f * w, 0.3f * h, 0.3f * h});
  AddPlates(shop, half, -half, 0.45f);
  AddMirrors(shop, half - 0.2f * l, 0.52f * h, 0.45f * w, 0.5f * w, dark);
  AddLightBar(shop, cab_rear - 0.2f, h, 0.4f * w);
}

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
