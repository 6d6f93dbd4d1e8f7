#include <algorithm>
#include <array>

#include "occvla/world/render/workshop.h"

/// Barriers, cones, what lies or is pushed about.
namespace occvla::world {
namespace {

using Eigen::Vector3f;

/// Turns the builder so that x runs along the box's longer side; returns the sides in that order.
std::array<float, 2> AlongLongerSide(Workshop& shop) {
  if (shop.size.x() >= shop.size.y()) return {shop.size.x(), shop.size.y()};
  Eigen::Affine3f turn = Eigen::Affine3f::Identity();
  turn.linear() = Eigen::AngleAxisf(1.5707963f, Vector3f::UnitZ()).toRotationMatrix();
  shop.builder.Place(turn);
  return {shop.size.y(), shop.size.x()};
}

}  // namespace

void MakeBarrier(Workshop& shop) {
  auto& b = shop.builder;
  const float h = shop.size.z();
  const auto [l, w] = AlongLongerSide(shop);
  if (shop.Random(1) < 0.5f) {  // Plastic or concrete with a broad foot.
    Material side;
    const bool concrete = shop.Random(2) < 0.4f;
    side.texture = concrete ? Texture::kPlain : Texture::kStripes;
    side.colour = concrete ? Vector3f(0.42f, 0.41f, 0.38f) : Vector3f(0.55f, 0.06f, 0.03f);
    side.second = {0.65f, 0.65f, 0.63f};
    side.bay = {0.55f, 0};
    side.lidar = 0.5f;
    const uint16_t material = b.Add(side);
    const auto section = [&](float x, float low, float shoulder, float high, float width,
                             float top) { return Section{x, low, high, width, shoulder, top}; };
    const std::array<Section, 2> foot{section(-l / 2, 0, 0.12f * h, 0.42f * h, w, 0.5f * w),
                                      section(l / 2, 0, 0.12f * h, 0.42f * h, w, 0.5f * w)};
    const std::array<Section, 2> wall{section(-l / 2, 0.4f * h, 0.42f * h, h, 0.5f * w, 0.32f * w),
                                      section(l / 2, 0.4f * h, 0.42f * h, h, 0.5f * w, 0.32f * w)};
    const std::array<uint16_t, 1> top{material};
    b.Body(foot, material, material, top, material);
    b.Body(wall, material, material, top, material);
    return;
  }
  // Boards on trestles.
  Material board;
  board.texture = Texture::kStripes;
  board.colour = {0.55f, 0.04f, 0.03f};
  board.second = {0.7f, 0.7f, 0.68f};
  board.bay = {0.3f, 1};
  board.lidar = 0.85f;
  const uint16_t stripes = b.Add(board);
  const uint16_t steel = shop.Plain({0.25f, 0.25f, 0.25f});
  const uint16_t lamp = shop.Lit({0.6f, 0.3f, 0.02f}, Lamp::kTail);
  for (const float x : {-0.42f * l, 0.42f * l}) {
    b.Beam({x, -0.5f * w, 0.02f}, {x, 0, h}, 0.06f, 0.05f, steel);
    b.Beam({x, 0.5f * w, 0.02f}, {x, 0, h}, 0.06f, 0.05f, steel);
  }
  for (const float z : {0.3f, 0.7f})
    b.Box({-l / 2, -0.03f - 0.16f * w * (1 - z), z * h},
          {l / 2, 0.03f + 0.16f * w * (1 - z), (z + 0.22f) * h}, stripes);
  b.Blob({0.42f * l, 0, 0.96f * h}, {0.07f, 0.05f, 0.07f}, 5, 8, 0, 1, lamp);
}

void MakeDebris(Workshop& shop) {
  auto& b = shop.builder;
  const float l = shop.size.x(), w = shop.size.y(), h = shop.size.z();
  const uint16_t wood = shop.Plain({0.28f, 0.19f, 0.11f}), card = shop.Plain({0.36f, 0.26f, 0.15f});
  const uint16_t bag = shop.Plain({0.03f, 0.03f, 0.035f});
  b.Blob({-0.2f * l, 0.1f * w, 0.35f * h}, {0.28f * l, 0.36f * w, 0.42f * h}, 6, 8, 0.15f, shop.key,
         bag);
  b.Place(Eigen::Affine3f(Eigen::Translation3f(0.2f * l, -0.12f * w, 0) *
                          Eigen::AngleAxisf(0.5f, Vector3f::UnitZ())));
  b.Box({-0.2f * l, -0.2f * w, 0}, {0.2f * l, 0.2f * w, 0.6f * h}, card);
  b.Place(Eigen::Affine3f::Identity());
  b.Beam({-0.45f * l, -0.4f * w, 0.05f * h}, {0.45f * l, 0.3f * w, 0.75f * h}, 0.12f * h + 0.03f,
         0.12f * h + 0.03f, wood);
  b.Beam({-0.4f * l, 0.42f * w, 0.05f * h}, {0.45f * l, -0.35f * w, 0.3f * h}, 0.1f * h + 0.03f,
         0.1f * h + 0.03f, wood);
}

void MakePushable(Workshop& shop) {
  auto& b = shop.builder;
  const float l = shop.size.x(), w = shop.size.y(), h = shop.size.z();
  const uint16_t tyre = shop.Tyre(), steel = shop.Plain({0.3f, 0.3f, 0.31f});
  if (shop.Random(1) < 0.5f) {  // A wheeled bin.
    const std::array<Vector3f, 3> colours{
        {{0.03f, 0.12f, 0.06f}, {0.05f, 0.09f, 0.22f}, {0.10f, 0.10f, 0.11f}}};
    const uint16_t body = shop.Plain(colours[static_cast<size_t>(shop.Random(2) * 3) % 3]);
    const uint16_t lid = shop.Plain({0.03f, 0.03f, 0.035f});
    const std::array<Section, 2> tub{
        {{-0.44f * l, 0.06f * h, 0.86f * h, 0.78f * w, 0.07f * h, 0.94f * w},
         {0.46f * l, 0.06f * h, 0.86f * h, 0.78f * w, 0.07f * h, 0.94f * w}}};
    b.Body(tub, body, body, std::array<uint16_t, 1>{body}, body);
    const std::array<Section, 3> cover{{{-0.5f * l, 0.86f * h, 0.93f * h, w, 0.88f * h, 0.9f * w},
                                        {-0.1f * l, 0.86f * h, h, w, 0.9f * h, 0.85f * w},
                                        {0.5f * l, 0.86f * h, 0.9f * h, w, 0.87f * h, 0.9f * w}}};
    b.Body(cover, lid, lid, std::array<uint16_t, 2>{lid, lid}, lid);
    for (const float s : {1.0f, -1.0f})
      b.Wheel({-0.36f * l, s * 0.4f * w, 0.1f * h}, 0.1f * h, 0.06f, tyre, steel);
    return;
  }
  // A hand cart with parcels.
  const uint16_t board = shop.Plain({0.26f, 0.18f, 0.10f}),
                 card = shop.Plain({0.40f, 0.29f, 0.17f});
  const float r = std::min(0.13f * h, 0.16f);
  for (const float x : {-0.32f * l, 0.34f * l})
    for (const float s : {1.0f, -1.0f}) b.Wheel({x, s * 0.4f * w, r}, r, 0.07f, tyre, steel);
  b.Box({-0.44f * l, -0.48f * w, 1.6f * r}, {0.5f * l, 0.48f * w, 2.1f * r}, board);
  b.Beam({-0.44f * l, -0.44f * w, 2 * r}, {-0.5f * l, -0.44f * w, h}, 0.05f, 0.05f, steel);
  b.Beam({-0.44f * l, 0.44f * w, 2 * r}, {-0.5f * l, 0.44f * w, h}, 0.05f, 0.05f, steel);
  b.Beam({-0.5f * l, -0.46f * w, 0.97f * h}, {-0.5f * l, 0.46f * w, 0.97f * h}, 0.05f, 0.05f,
         steel);
  b.Box({-0.36f * l, -0.42f * w, 2.1f * r}, {0.05f * l, 0.4f * w, 0.72f * h}, card);
  b.Box({0.09f * l, -0.36f * w, 2.1f * r}, {0.46f * l, 0.42f * w, 0.58f * h}, card);
  b.Box({-0.3f * l, -0.3f * w, 0.72f * h}, {-0.02f * l, 0.25f * w, 0.9f * h}, card);
}

void MakeCone(Workshop& shop) {
  auto& b = shop.builder;
  const float l = shop.size.x(), w = shop.size.y(), h = shop.size.z();
  const uint16_t orange = shop.Plain({0.68f, 0.13f, 0.01f}, 0.5f);
  const uint16_t white = shop.Plain({0.75f, 0.75f, 0.75f}, 1.0f);
  const uint16_t dark = shop.Plain({0.05f, 0.05f, 0.05f}, 0.2f);
  b.Box({-l / 2, -w / 2, 0}, {l / 2, w / 2, 0.06f * h}, dark);
  const float r = 0.4f * std::min(l, w);
  const std::array<float, 6> z{0.06f, 0.34f, 0.5f, 0.66f, 0.8f, 1.0f};
  for (size_t k = 0; k + 1 < z.size(); ++k) {
    const auto radius = [&](float at) { return r * (1 - 0.86f * (at - 0.06f) / 0.94f); };
    b.Cone({0, 0, z[k] * h}, {0, 0, z[k + 1] * h}, radius(z[k]), radius(z[k + 1]), 12,
           k == 1 || k == 3 ? white : orange);
  }
}

}  // namespace occvla::world
