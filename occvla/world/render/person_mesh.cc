#include <array>
#include <cmath>
#include <numbers>

#include "occvla/world/render/workshop.h"

/// People and animals.
namespace occvla::world {
namespace {

using Eigen::Vector3f;

const std::array<Vector3f, 8> kCloth{{{0.03f, 0.035f, 0.06f},
                                      {0.32f, 0.04f, 0.04f},
                                      {0.05f, 0.12f, 0.30f},
                                      {0.55f, 0.54f, 0.50f},
                                      {0.06f, 0.20f, 0.10f},
                                      {0.45f, 0.32f, 0.08f},
                                      {0.20f, 0.08f, 0.20f},
                                      {0.16f, 0.16f, 0.17f}}};
const std::array<Vector3f, 5> kTrousers{{{0.03f, 0.045f, 0.10f},
                                         {0.02f, 0.02f, 0.022f},
                                         {0.10f, 0.09f, 0.075f},
                                         {0.22f, 0.18f, 0.12f},
                                         {0.06f, 0.08f, 0.12f}}};
const std::array<Vector3f, 4> kSkin{
    {{0.55f, 0.33f, 0.24f}, {0.42f, 0.23f, 0.15f}, {0.22f, 0.11f, 0.07f}, {0.12f, 0.06f, 0.04f}}};
const std::array<Vector3f, 4> kHair{{{0.015f, 0.012f, 0.01f},
                                     {0.06f, 0.03f, 0.015f},
                                     {0.22f, 0.14f, 0.05f},
                                     {0.25f, 0.24f, 0.23f}}};

template <size_t N>
const Vector3f& Pick(const std::array<Vector3f, N>& colours, float random) {
  return colours[std::min(N - 1, static_cast<size_t>(random * N))];
}

/// Joints of somebody who walks: pose 0 has the legs together, 2 and 6 far apart.
Posture Walking(float height, int pose, bool hurry) {
  const float phase =
      2 * std::numbers::pi_v<float> * static_cast<float>(pose) / static_cast<float>(kWalkPoses);
  const float swing = (hurry ? 0.6f : 0.44f) * std::sin(phase);
  Posture p;
  p.height = height;
  p.lean = hurry ? 0.12f : 0.04f;
  const float thigh = 0.245f * height, shin = 0.235f * height, side = 0.055f * height;
  const float reach = (thigh + shin) * std::cos(swing);
  p.hips = {0, 0, reach + 0.035f * height};
  for (size_t k = 0; k < 2; ++k) {
    const float s = k == 0 ? 1.0f : -1.0f, angle = s * swing;
    // The leg behind and the leg that comes forward bend their knees.
    const float bend = 0.25f * std::abs(swing) + (s * std::cos(phase) < -0.3f ? 0.35f : 0.0f);
    p.knees[k] = {thigh * std::sin(angle + 0.5f * bend), s * side,
                  -thigh * std::cos(angle + 0.5f * bend)};
    p.feet[k] =
        p.knees[k] + Vector3f(shin * std::sin(angle - bend), 0, -shin * std::cos(angle - bend));
    const float arm = 0.17f * height, lower = 0.15f * height, back = -0.85f * angle;
    p.elbows[k] = {arm * std::sin(back), s * 0.02f * height, -arm * std::cos(back)};
    p.hands[k] = p.elbows[k] + Vector3f(lower * std::sin(back + 0.35f), -s * 0.01f * height,
                                        -lower * std::cos(back + 0.35f));
  }
  return p;
}

Posture Sitting(float height, float seat) {
  Posture p;
  p.height = height;
  p.hips = {-0.1f * height, 0, seat};
  for (size_t k = 0; k < 2; ++k) {
    const float s = k == 0 ? 1.0f : -1.0f;
    p.knees[k] = {0.24f * height, s * 0.06f * height, 0.0f};
    p.feet[k] = {0.27f * height, s * 0.06f * height, std::max(-0.22f * height, 0.04f - seat)};
    p.elbows[k] = {0.05f * height, s * 0.03f * height, -0.16f * height};
    p.hands[k] = {0.19f * height, s * 0.0f, -0.18f * height};
  }
  return p;
}

}  // namespace

Clothes MakeClothes(Workshop& shop, Dress dress, uint32_t salt) {
  const Vector3f vest(0.75f, 0.42f, 0.02f), police(0.02f, 0.03f, 0.09f);
  const Vector3f top = dress == Dress::kWorker   ? vest
                       : dress == Dress::kPolice ? police
                                                 : Pick(kCloth, shop.Random(salt));
  const Vector3f trousers =
      dress == Dress::kPolice ? police : Pick(kTrousers, shop.Random(salt + 1));
  return {shop.Plain(top, dress == Dress::kWorker ? 0.9f : 0.3f), shop.Plain(trousers, 0.25f),
          shop.Plain(Pick(kSkin, shop.Random(salt + 2)), 0.4f),
          shop.Plain(dress == Dress::kWorker   ? Vector3f(0.7f, 0.55f, 0.03f)
                     : dress == Dress::kPolice ? police
                                               : Pick(kHair, shop.Random(salt + 3)),
                     0.3f),
          shop.Plain({0.02f, 0.02f, 0.02f}, 0.2f)};
}

void AddPerson(MeshBuilder& b, const Posture& p, const Clothes& clothes, bool helmet) {
  const float h = p.height;
  const Vector3f up(std::sin(p.lean), 0, std::cos(p.lean));
  const Vector3f neck = p.hips + 0.33f * h * up, head = p.hips + 0.425f * h * up;
  for (size_t k = 0; k < 2; ++k) {
    const float s = k == 0 ? 1.0f : -1.0f;
    const Vector3f hip = p.hips + Vector3f(0, s * 0.05f * h, 0.02f * h);
    const Vector3f knee = p.hips + p.knees[k], foot = p.hips + p.feet[k];
    b.Cone(hip, knee, 0.052f * h, 0.038f * h, 6, clothes.trousers);
    b.Cone(knee, foot, 0.038f * h, 0.027f * h, 6, clothes.trousers);
    b.Box(foot + Vector3f(-0.035f * h, -0.025f * h, -0.035f * h),
          foot + Vector3f(0.095f * h, 0.025f * h, 0.01f * h), clothes.shoes);
    const Vector3f shoulder = p.hips + 0.3f * h * up + Vector3f(0, s * 0.115f * h, 0);
    const Vector3f elbow = shoulder + p.elbows[k], hand = shoulder + p.hands[k];
    b.Cone(shoulder, elbow, 0.034f * h, 0.026f * h, 6, clothes.top);
    b.Cone(elbow, hand, 0.026f * h, 0.02f * h, 6, clothes.top);
    b.Blob(hand, Vector3f::Constant(0.026f * h), 3, 5, 0, 1, clothes.skin);
  }
  // An oval trunk: a cone squeezed along x.
  const Eigen::Affine3f before = b.placement();
  Eigen::Affine3f squeeze = Eigen::Affine3f::Identity();
  squeeze.translation() = p.hips;
  squeeze.linear() = Eigen::AngleAxisf(p.lean, Vector3f::UnitY()).toRotationMatrix() *
                     Vector3f(0.62f, 1, 1).asDiagonal();
  b.Place(before * squeeze);
  b.Cone({0, 0, -0.03f * h}, {0, 0, 0.12f * h}, 0.1f * h, 0.095f * h, 9, clothes.trousers);
  b.Cone({0, 0, 0.05f * h}, {0, 0, 0.3f * h}, 0.098f * h, 0.125f * h, 9, clothes.top);
  b.Cone({0, 0, 0.3f * h}, {0, 0, 0.345f * h}, 0.125f * h, 0.05f * h, 9, clothes.top);
  b.Place(before);
  b.Cone(neck, head, 0.032f * h, 0.03f * h, 6, clothes.skin);
  b.Blob(head, {0.058f * h, 0.048f * h, 0.072f * h}, 6, 9, 0, 1, clothes.skin);
  const float big = helmet ? 1.25f : 1.0f;
  b.Blob(head + Vector3f(-0.012f * h, 0, (helmet ? 0.005f : 0.02f) * h),
         big * Vector3f(0.058f * h, 0.053f * h, 0.062f * h), 5, 9, 0, 1, clothes.hair);
}

void MakePedestrian(Workshop& shop, Dress dress, const Figure& figure) {
  const Clothes clothes = MakeClothes(shop, dress, 10);
  const float height = shop.size.z();
  const Posture posture = figure.sitting ? Sitting(height / 0.78f, 0.3f * height)
                                         : Walking(height, figure.pose, shop.Random(3) < 0.2f);
  AddPerson(shop.builder, posture, clothes, dress == Dress::kWorker || dress == Dress::kPolice);
  if (figure.sitting) {
    const uint16_t wood = shop.Plain({0.22f, 0.15f, 0.09f});
    const Vector3f at = posture.hips;
    shop.builder.Box({at.x() - 0.15f, -0.22f, 0}, {at.x() + 0.2f, 0.22f, at.z() - 0.06f}, wood);
    return;
  }
  const float bag = shop.Random(4);
  if (dress == Dress::kWorker) {  // Bands that shine.
    const uint16_t band = shop.Plain({0.75f, 0.75f, 0.7f}, 1.0f);
    for (const float z : {0.62f, 0.7f}) {
      const float r = 0.115f * height;
      shop.builder.Cone({0.02f * height, 0, z * height}, {0.02f * height, 0, (z + 0.02f) * height},
                        0.78f * r, 0.78f * r, 9, band);
    }
  } else if (bag < 0.3f && dress == Dress::kAdult) {  // A rucksack.
    const uint16_t cloth = shop.Plain(Pick(kCloth, shop.Random(5)));
    shop.builder.Box({-0.15f * height, -0.08f * height, 0.6f * height},
                     {-0.05f * height, 0.08f * height, 0.8f * height}, cloth);
  }
}

void MakePersonalMobility(Workshop& shop) {
  auto& b = shop.builder;
  const float l = shop.size.x(), h = shop.size.z();
  const uint16_t steel = shop.Plain({0.2f, 0.2f, 0.22f}), tyre = shop.Tyre();
  const float r = 0.09f;
  for (const float x : {-0.42f * l, 0.42f * l}) b.Wheel({x, 0, r}, r, 0.06f, tyre, steel);
  b.Box({-0.42f * l, -0.09f, 0.08f}, {0.36f * l, 0.09f, 0.14f}, steel);
  b.Beam({0.42f * l, 0, r}, {0.34f * l, 0, 0.6f * h}, 0.05f, 0.04f, steel);
  b.Beam({0.34f * l, -0.25f, 0.6f * h}, {0.34f * l, 0.25f, 0.6f * h}, 0.04f, 0.04f, steel);
  Posture p = Walking(h - 0.14f, 1, false);
  p.hips.z() += 0.12f;
  p.hips.x() = -0.08f * l;
  for (size_t k = 0; k < 2; ++k) {
    p.elbows[k] = {0.05f, k == 0 ? 0.06f : -0.06f, -0.2f * h * 0.8f};
    p.hands[k] = {0.34f * l, 0, -0.21f * h};
  }
  AddPerson(b, p, MakeClothes(shop, Dress::kAdult, 10), true);
}

void MakeStroller(Workshop& shop) {
  auto& b = shop.builder;
  const float l = shop.size.x(), w = shop.size.y(), h = shop.size.z();
  const uint16_t steel = shop.Plain({0.25f, 0.25f, 0.26f}), tyre = shop.Tyre();
  const uint16_t cloth = shop.Plain(Pick(kCloth, shop.Random(1)));
  const uint16_t skin = shop.Plain(Pick(kSkin, shop.Random(2)));
  for (const float x : {-0.3f * l, 0.36f * l})
    for (const float s : {1.0f, -1.0f})
      b.Wheel({x, s * 0.42f * w, 0.14f * h}, 0.14f * h, 0.05f, tyre, steel);
  for (const float s : {1.0f, -1.0f}) {
    const float y = s * 0.4f * w;
    b.Beam({0.36f * l, y, 0.14f * h}, {-0.48f * l, y, 0.98f * h}, 0.035f, 0.035f, steel);
    b.Beam({-0.3f * l, y, 0.14f * h}, {0.12f * l, y, 0.55f * h}, 0.035f, 0.035f, steel);
  }
  b.Beam({-0.48f * l, -0.42f * w, 0.98f * h}, {-0.48f * l, 0.42f * w, 0.98f * h}, 0.05f, 0.05f,
         steel);
  const std::array<Section, 3> tub{
      {{-0.28f * l, 0.42f * h, 0.62f * h, 0.7f * w, 0.5f * h, 0.76f * w},
       {0.1f * l, 0.38f * h, 0.6f * h, 0.7f * w, 0.5f * h, 0.76f * w},
       {0.42f * l, 0.46f * h, 0.58f * h, 0.6f * w, 0.5f * h, 0.66f * w}}};
  b.Body(tub, cloth, cloth, std::array<uint16_t, 2>{cloth, cloth}, cloth);
  b.Blob({-0.08f * l, 0, 0.62f * h}, {0.28f * l, 0.38f * w, 0.34f * h}, 6, 9, 0, 1, cloth);
  b.Blob({0.14f * l, 0, 0.66f * h}, Vector3f::Constant(0.11f * h), 5, 7, 0, 1, skin);
}

void MakeWheelchair(Workshop& shop) {
  auto& b = shop.builder;
  const float l = shop.size.x(), w = shop.size.y(), h = shop.size.z();
  const uint16_t steel = shop.Plain({0.3f, 0.3f, 0.32f}), tyre = shop.Tyre();
  const uint16_t seat = shop.Plain({0.03f, 0.03f, 0.04f});
  const float r = std::min(0.3f * l, 0.24f * h + 0.02f);
  for (const float s : {1.0f, -1.0f}) {
    b.Place(Eigen::Affine3f(Eigen::Translation3f(0, s * 0.46f * w, 0)));
    b.Hoop({-0.18f * l, 0, r}, r, 0.05f, 16, tyre);
    b.Hoop({-0.18f * l, 0, r}, 0.85f * r, 0.025f, 14, steel);
    b.Place(Eigen::Affine3f::Identity());
    b.Wheel({0.34f * l, s * 0.38f * w, 0.07f * h}, 0.07f * h, 0.05f, tyre, steel);
    b.Beam({0.2f * l, s * 0.36f * w, 0.4f * h}, {0.36f * l, s * 0.36f * w, 0.1f * h}, 0.04f, 0.04f,
           steel);
    b.Box({-0.2f * l, s * 0.4f * w - 0.03f, 0.5f * h}, {0.15f * l, s * 0.4f * w + 0.03f, 0.53f * h},
          steel);
  }
  b.Box({-0.26f * l, -0.38f * w, 0.34f * h}, {0.2f * l, 0.38f * w, 0.39f * h}, seat);
  b.Box({-0.32f * l, -0.38f * w, 0.36f * h}, {-0.26f * l, 0.38f * w, 0.72f * h}, seat);
  b.Box({-0.45f * l, -0.36f * w, 0.69f * h}, {-0.3f * l, -0.3f * w, 0.72f * h}, steel);
  b.Box({-0.45f * l, 0.3f * w, 0.69f * h}, {-0.3f * l, 0.36f * w, 0.72f * h}, steel);
  Posture p = Sitting(1.2f * h, 0.44f * h);
  p.hips.x() = -0.14f * l;
  AddPerson(b, p, MakeClothes(shop, Dress::kAdult, 10), false);
}

void MakeAnimal(Workshop& shop, const Figure& figure) {
  auto& b = shop.builder;
  const float l = shop.size.x(), w = shop.size.y(), h = shop.size.z();
  const std::array<Vector3f, 4> coats{
      {{0.20f, 0.11f, 0.05f}, {0.03f, 0.026f, 0.022f}, {0.5f, 0.42f, 0.3f}, {0.25f, 0.23f, 0.2f}}};
  const uint16_t coat = shop.Plain(Pick(coats, shop.Random(1)));
  const uint16_t dark = shop.Plain({0.02f, 0.018f, 0.015f});
  const float swing =
      0.5f * std::sin(2 * std::numbers::pi_v<float> * static_cast<float>(figure.pose) /
                      static_cast<float>(kWalkPoses));
  b.Blob({-0.06f * l, 0, 0.66f * h}, {0.31f * l, 0.42f * w, 0.2f * h}, 7, 9, 0, 1, coat);
  b.Beam({0.16f * l, 0, 0.7f * h}, {0.32f * l, 0, 0.88f * h}, 0.18f * h, 0.15f * h, coat);
  b.Blob({0.35f * l, 0, 0.88f * h}, {0.1f * l, 0.3f * w, 0.12f * h}, 5, 8, 0, 1, coat);
  b.Beam({0.38f * l, 0, 0.86f * h}, {0.5f * l, 0, 0.83f * h}, 0.1f * h, 0.07f * h, coat);
  b.Box({0.485f * l, -0.05f * w, 0.83f * h}, {0.505f * l, 0.05f * w, 0.87f * h}, dark);
  for (const float s : {1.0f, -1.0f}) {
    b.Cone({0.32f * l, s * 0.2f * w, 0.94f * h}, {0.3f * l, s * 0.24f * w, 1.04f * h}, 0.05f * h,
           0.01f, 5, dark);
    for (const float x : {-0.27f, 0.16f}) {
      const float angle = s * (x > 0 ? swing : -swing);
      const Vector3f hip(x * l, s * 0.24f * w, 0.58f * h);
      const Vector3f knee = hip + 0.3f * h * Vector3f(std::sin(angle), 0, -std::cos(angle));
      const Vector3f paw(knee.x() + 0.28f * h * std::sin(0.6f * angle), knee.y(), 0.02f * h);
      b.Cone(hip, knee, 0.085f * h, 0.05f * h, 6, coat);
      b.Cone(knee, paw, 0.05f * h, 0.04f * h, 6, coat);
      b.Box(paw + Vector3f(-0.05f * h, -0.04f * h, -0.02f * h),
            paw + Vector3f(0.09f * h, 0.04f * h, 0.04f * h), coat);
    }
  }
  b.Beam({-0.34f * l, 0, 0.74f * h}, {-0.5f * l, 0, 0.92f * h}, 0.07f * h, 0.04f * h, coat);
}

}  // namespace occvla::world
