#include <array>
#include <cmath>

#include "occvla/world/render/vehicle_parts.h"

/// Cars, police cars, ambulances.
namespace occvla::world {

using Eigen::Vector3f;

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

}  // namespace occvla::world
