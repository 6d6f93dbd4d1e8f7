#include <algorithm>
#include <array>
#include <cmath>

#include "occvla/world/render/workshop.h"

/// Motorcycles and bicycles, with and without riders.
namespace occvla::world {
namespace {

using Eigen::Vector3f;

const std::array<Vector3f, 5> kFrames{{{0.40f, 0.03f, 0.03f},
                                       {0.03f, 0.08f, 0.30f},
                                       {0.02f, 0.02f, 0.025f},
                                       {0.05f, 0.22f, 0.10f},
                                       {0.5f, 0.5f, 0.5f}}};

uint16_t FramePaint(Workshop& shop) {
  return shop.Paint(kFrames[static_cast<size_t>(shop.Random(1) * kFrames.size()) % kFrames.size()]);
}

/// Somebody astride, hands on the bar.
Posture Riding(float height, const Vector3f& seat, const Vector3f& bar, const Vector3f& left_foot,
               const Vector3f& right_foot, float lean) {
  Posture p;
  p.height = height;
  p.lean = lean;
  p.hips = seat + Vector3f(0, 0, 0.04f * height);
  const std::array<Vector3f, 2> feet{left_foot, right_foot};
  const Vector3f up(std::sin(lean), 0, std::cos(lean));
  for (size_t k = 0; k < 2; ++k) {
    const float s = k == 0 ? 1.0f : -1.0f;
    p.feet[k] = feet[k] - p.hips;
    p.knees[k] = 0.5f * p.feet[k] + Vector3f(0.13f * height, s * 0.03f * height, 0.06f * height);
    const Vector3f shoulder = p.hips + 0.3f * height * up + Vector3f(0, s * 0.115f * height, 0);
    p.hands[k] = Vector3f(bar.x(), s * bar.y(), bar.z()) - shoulder;
    p.elbows[k] = 0.5f * p.hands[k] + Vector3f(0, s * 0.03f * height, -0.04f * height);
  }
  return p;
}

}  // namespace

void MakeMotorcycle(Workshop& shop, bool rider) {
  auto& b = shop.builder;
  const float l = shop.size.x(), w = shop.size.y();
  const float h = rider ? 0.68f * shop.size.z() : shop.size.z();
  const uint16_t paint = FramePaint(shop), tyre = shop.Tyre();
  const uint16_t steel = shop.Plain({0.22f, 0.22f, 0.23f}, 0.5f);
  const uint16_t dark = shop.Plain({0.025f, 0.025f, 0.025f}, 0.2f);
  const uint16_t head = shop.Lit({0.75f, 0.78f, 0.8f}, Lamp::kHead);
  const uint16_t tail = shop.Lit({0.28f, 0.01f, 0.012f}, Lamp::kBrake);
  const float r = std::min(0.29f * h, 0.17f * l);
  const float front = 0.5f * l - r, rear = -front;
  for (const float x : {rear, front}) {
    b.Hoop({x, 0, r}, r, 0.11f, 16, tyre);
    b.Cone({x, -0.03f, r}, {x, 0.03f, r}, 0.55f * r, 0.55f * r, 10, steel);
  }
  for (const float s : {1.0f, -1.0f})
    b.Beam({front, s * 0.08f, r}, {front - 0.17f * l, s * 0.07f, 0.82f * h}, 0.05f, 0.05f, steel);
  // Engine, tank, seat, tail, mudguard.
  b.Box({-0.14f * l, -0.14f, 0.22f * h}, {0.14f * l, 0.14f, 0.5f * h}, steel);
  b.Blob({0.06f * l, 0, 0.66f * h}, {0.15f * l, 0.15f, 0.12f * h}, 6, 9, 0, 1, paint);
  b.Box({-0.3f * l, -0.13f, 0.58f * h}, {-0.04f * l, 0.13f, 0.66f * h}, dark);
  b.Beam({-0.06f * l, 0, 0.52f * h}, {-0.42f * l, 0, 0.66f * h}, 0.2f, 0.12f, paint);
  b.Beam({rear, 0, r}, {-0.05f * l, 0, 0.32f * h}, 0.08f, 0.1f, dark);
  b.Cone({-0.4f * l, -0.17f, 0.3f * h}, {0.05f * l, -0.15f, 0.24f * h}, 0.05f, 0.04f, 7, steel);
  b.Beam({front + 0.55f * r, 0, 1.85f * r}, {front - 0.5f * r, 0, 2.12f * r}, 0.13f, 0.13f, paint);
  const float bar_z = 0.88f * h, bar_x = front - 0.24f * l, bar_y = 0.46f * w;
  b.Beam({bar_x, -bar_y, bar_z}, {bar_x, bar_y, bar_z}, 0.04f, 0.04f, dark);
  for (const float s : {1.0f, -1.0f})
    b.Box({bar_x - 0.02f, s * 0.38f * w - 0.06f, bar_z + 0.08f},
          {bar_x + 0.02f, s * 0.38f * w + 0.06f, h}, dark);
  b.Blob({front - 0.13f * l, 0, 0.78f * h}, {0.08f, 0.1f, 0.09f}, 5, 8, 0, 1, paint);
  b.Cone({front - 0.13f * l + 0.05f, 0, 0.78f * h}, {front - 0.13f * l + 0.09f, 0, 0.78f * h},
         0.08f, 0.08f, 9, head);
  b.Box({-0.44f * l, -0.07f, 0.62f * h}, {-0.42f * l, 0.07f, 0.68f * h}, tail);
  if (!rider) return;
  const float height = 1.18f * shop.size.z() - 0.1f;
  Clothes clothes = MakeClothes(shop, Dress::kAdult, 10);
  clothes.hair = shop.Paint({0.1f + 0.5f * shop.Random(3), 0.08f, 0.1f});
  AddPerson(b,
            Riding(height, {-0.13f * l, 0, 0.68f * h}, {bar_x, 0.36f * w, bar_z},
                   {0.02f * l, 0.19f, 0.24f * h}, {0.02f * l, -0.19f, 0.24f * h}, 0.25f),
            clothes, true);
}

void MakeBicycle(Workshop& shop, bool rider) {
  auto& b = shop.builder;
  const float l = shop.size.x(), w = shop.size.y();
  const float h = rider ? 0.6f * shop.size.z() : shop.size.z();
  const uint16_t paint = FramePaint(shop), tyre = shop.Tyre();
  const uint16_t steel = shop.Plain({0.3f, 0.3f, 0.3f}, 0.4f),
                 dark = shop.Plain({0.02f, 0.02f, 0.02f});
  const float r = std::min(0.34f * h, 0.205f * l);
  const float front = 0.5f * l - r, rear = -front;
  for (const float x : {rear, front}) {
    b.Hoop({x, 0, r}, r, 0.04f, 18, tyre);
    b.Cone({x, -0.03f, r}, {x, 0.03f, r}, 0.03f, 0.03f, 6, steel);
    for (int k = 0; k < 4; ++k) {  // Spokes, seen from afar.
      const float angle = 0.785f * static_cast<float>(k) + 0.2f;
      const Vector3f out(0.96f * r * std::cos(angle), 0, 0.96f * r * std::sin(angle));
      b.Beam(Vector3f(x, 0, r) - out, Vector3f(x, 0, r) + out, 0.009f, 0.009f, steel);
    }
  }
  const Vector3f crank(-0.04f * l, 0, 0.9f * r), saddle(-0.16f * l, 0, 0.88f * h),
      head(0.23f * l, 0, 0.86f * h), neck(0.25f * l, 0, 0.72f * h);
  b.Beam(crank, saddle, 0.035f, 0.03f, paint);
  b.Beam(crank, neck, 0.04f, 0.04f, paint);
  b.Beam(0.25f * crank + 0.75f * saddle, head, 0.035f, 0.035f, paint);
  b.Beam(crank, {rear, 0, r}, 0.03f, 0.025f, paint);
  b.Beam(0.25f * crank + 0.75f * saddle, {rear, 0, r}, 0.025f, 0.025f, paint);
  b.Beam({front, 0, r}, head + Vector3f(0, 0, 0.08f * h), 0.035f, 0.03f, paint);
  b.Box(saddle + Vector3f(-0.1f, -0.07f, 0), saddle + Vector3f(0.14f, 0.07f, 0.06f * h), dark);
  const Vector3f bar = head + Vector3f(0.02f * l, 0, 0.11f * h);
  b.Beam(bar - Vector3f(0, 0.48f * w, 0), bar + Vector3f(0, 0.48f * w, 0), 0.03f, 0.03f, dark);
  b.Cone(crank - Vector3f(0, 0.04f, 0), crank + Vector3f(0, 0.02f, 0), 0.1f, 0.1f, 10, steel);
  for (const float s : {1.0f, -1.0f})
    b.Beam(crank, crank + Vector3f(s * 0.12f, s * 0.1f, -s * 0.11f), 0.025f, 0.025f, dark);
  b.Beam({rear - 0.8f * r, 0, 1.75f * r}, {rear + 0.5f * r, 0, 2.05f * r}, 0.04f, 0.04f, dark);
  if (!rider) return;
  const float height = 1.03f * shop.size.z();
  AddPerson(
      b,
      Riding(height, saddle + Vector3f(0, 0, 0.06f * h), {bar.x(), 0.4f * w, bar.z()},
             crank + Vector3f(0.12f, 0.1f, -0.08f), crank + Vector3f(-0.12f, -0.1f, 0.14f), 0.35f),
      MakeClothes(shop, Dress::kAdult, 10), shop.Random(5) < 0.6f);
}

void MakeBicycleRack(Workshop& shop) {
  auto& b = shop.builder;
  const float h = shop.size.z();
  const uint16_t steel = shop.Plain({0.35f, 0.36f, 0.37f}, 0.5f);
  // Hoops in a row along the longer side, bicycles between some of them.
  const bool turned = shop.size.y() > shop.size.x();
  const float l = turned ? shop.size.y() : shop.size.x(),
              w = turned ? shop.size.x() : shop.size.y();
  Eigen::Affine3f turn = Eigen::Affine3f::Identity();
  if (turned) turn.linear() = Eigen::AngleAxisf(1.5707963f, Vector3f::UnitZ()).toRotationMatrix();
  const int hoops = std::max(2, static_cast<int>(l / 0.8f));
  for (int k = 0; k < hoops; ++k) {
    const float x = l * ((static_cast<float>(k) + 0.5f) / static_cast<float>(hoops) - 0.5f);
    b.Place(turn);
    const float reach = 0.3f * w, top = 0.75f * h;
    b.Beam({x, -reach, 0}, {x, -reach, top}, 0.05f, 0.05f, steel);
    b.Beam({x, reach, 0}, {x, reach, top}, 0.05f, 0.05f, steel);
    b.Beam({x, -reach, top}, {x, reach, top}, 0.05f, 0.05f, steel);
    if (shop.Random(static_cast<uint32_t>(30 + k)) < 0.35f) continue;
    // A bicycle across the row.
    Actor bicycle;
    bicycle.category = 13;
    bicycle.look = shop.key + static_cast<uint32_t>(k);
    bicycle.size = {std::min(1.7, static_cast<double>(w)), 0.5, h};
    Workshop other(bicycle);
    MakeBicycle(other, false);
    Eigen::Affine3f across = turn * Eigen::Translation3f(x + 0.14f, 0, 0);
    across.linear() *= Eigen::AngleAxisf(1.5707963f, Vector3f::UnitZ()).toRotationMatrix();
    b.Place(across);
    b.Add(other.builder.Take());
  }
  b.Place(turn);
  b.Beam({-0.5f * l, 0, 0.03f}, {0.5f * l, 0, 0.03f}, 0.06f, 0.06f, steel);
}

}  // namespace occvla::world
