#include "occvla/world/render/prop_mesh.h"

#include <array>
#include <cmath>

#include "occvla/world/render/mesh_builder.h"
#include "occvla/world/render/noise.h"

namespace occvla::world {
namespace {

using Eigen::Vector3f;

constexpr uint8_t kManmade = 28, kVegetation = 30;

uint32_t Key(const Prop& prop) {
  return Hash(static_cast<uint32_t>(prop.look), static_cast<uint32_t>(prop.look >> 32), 11);
}

/// A prop under construction: its own frame has the origin on the ground, z up.
struct Site {
  MeshBuilder builder;
  Vector3f size;
  Vector3f origin;  // Where the prop stands, in the mesh's frame.
  float cosine, sine;
  uint32_t key;

  float Random(uint32_t salt) const { return Hash01(key, salt, 3); }
  Material Base(Texture texture, const Vector3f& colour) const {
    Material material;
    material.texture = texture;
    material.colour = colour;
    material.key = key;
    material.origin = origin;
    material.axis_x = cosine;
    material.axis_y = sine;
    return material;
  }
  uint16_t Plain(const Vector3f& colour, float lidar = 0.4f) {
    Material material = Base(Texture::kPlain, colour);
    material.lidar = lidar;
    return builder.Add(material);
  }
  uint16_t Glow(const Vector3f& colour, Lamp lamp, int link) {
    Material material = Base(Texture::kPlain, colour);
    material.lamp = lamp;
    material.link = link;
    return builder.Add(material);
  }
};

const std::array<Vector3f, 8> kWalls{{{0.62f, 0.55f, 0.44f},
                                      {0.70f, 0.66f, 0.60f},
                                      {0.52f, 0.34f, 0.24f},
                                      {0.34f, 0.14f, 0.09f},
                                      {0.60f, 0.48f, 0.30f},
                                      {0.45f, 0.48f, 0.50f},
                                      {0.66f, 0.58f, 0.48f},
                                      {0.40f, 0.19f, 0.13f}}};
const std::array<Vector3f, 4> kRoofs{
    {{0.28f, 0.09f, 0.05f}, {0.12f, 0.10f, 0.10f}, {0.22f, 0.13f, 0.08f}, {0.16f, 0.17f, 0.20f}}};

/// A wall with windows; bays divide each side evenly.
uint16_t Facade(Site& site, int storeys, float wall_height, float window) {
  const auto choice = static_cast<size_t>(site.Random(1) * 8) % kWalls.size();
  Material wall = site.Base(Texture::kFacade, kWalls[choice] * (0.85f + 0.3f * site.Random(2)));
  // What a facade needs beside colours: brick or plaster, storeys with windows, a window's half
  // width as a share of the bay.
  wall.second = choice == 3 || choice == 7 || choice == 2 ? Vector3f(1, 0, 0) : Vector3f(0, 0, 0);
  wall.second.y() = static_cast<float>(storeys);
  wall.second.z() = window;
  wall.half = {site.size.x() / 2, site.size.y() / 2};
  const float bay = 2.2f + 1.3f * site.Random(4);
  for (int axis = 0; axis < 2; ++axis)
    wall.bay[axis] = site.size[axis] / std::max(1.0f, std::round(site.size[axis] / bay));
  wall.storey = wall_height / static_cast<float>(storeys);
  return site.builder.Add(wall);
}

void House(Site& site) {
  const Vector3f half = site.size / 2;
  const float eaves = std::max(2.4f, 0.62f * site.size.z()), top = site.size.z();
  const int storeys = std::max(1, static_cast<int>(std::round(eaves / 2.8f)));
  const uint16_t wall = Facade(site, storeys, eaves, 0.22f);
  const uint16_t tiles = site.builder.Add(
      site.Base(Texture::kTiles, kRoofs[static_cast<size_t>(site.Random(5) * 4) % kRoofs.size()]));
  const uint16_t trim = site.Plain({0.65f, 0.63f, 0.60f});
  const Vector3f door_colour(0.1f + 0.3f * site.Random(6), 0.08f + 0.1f * site.Random(7),
                             0.06f + 0.2f * site.Random(8));
  const uint16_t door = site.Plain(door_colour), brick = site.Plain({0.30f, 0.14f, 0.10f});
  auto& b = site.builder;
  // Walls end a little inside the roof's edge; the ridge runs along x.
  const float x = half.x() - 0.3f, y = half.y() - 0.3f;
  const float slope = (top - eaves) / half.y();
  const float gable = eaves + slope * (half.y() - 0.01f);
  const float under = eaves + 0.29f * slope;
  b.Quad({-x, -y, -0.5f}, {x, -y, -0.5f}, {x, -y, under}, {-x, -y, under}, wall);
  b.Quad({x, y, -0.5f}, {-x, y, -0.5f}, {-x, y, under}, {x, y, under}, wall);
  const std::array<Vector3f, 5> front{
      {{x, -y, -0.5f}, {x, y, -0.5f}, {x, y, under}, {x, 0, gable}, {x, -y, under}}};
  b.Polygon(front, wall);
  const std::array<Vector3f, 5> rear{
      {{-x, y, -0.5f}, {-x, -y, -0.5f}, {-x, -y, under}, {-x, 0, gable}, {-x, y, under}}};
  b.Polygon(rear, wall);
  for (const float side : {-1.0f, 1.0f}) {
    const Vector3f a(-half.x(), side * half.y(), eaves), c(half.x(), side * half.y(), eaves),
        d(half.x(), 0, top), e(-half.x(), 0, top);
    const Vector3f thick(0, 0, -0.16f);
    if (side < 0) {
      b.Quad(a, c, d, e, tiles);
      b.Quad(e + thick, d + thick, c + thick, a + thick, trim);
      b.Quad(a + thick, c + thick, c, a, trim);
      b.Quad(c + thick, d + thick, d, c, trim);
      b.Quad(e + thick, a + thick, a, e, trim);
    } else {
      b.Quad(c, a, e, d, tiles);
      b.Quad(d + thick, e + thick, a + thick, c + thick, trim);
      b.Quad(c + thick, a + thick, a, c, trim);
      b.Quad(d + thick, c + thick, c, d, trim);
      b.Quad(a + thick, e + thick, e, a, trim);
    }
  }
  const float at = site.Random(9) < 0.5f ? 0.0f : 0.25f * site.size.y();
  b.Box({x, at - 0.5f, -0.3f}, {x + 0.06f, at + 0.5f, 2.1f}, door);
  b.Box({x, at - 0.75f, -0.3f}, {x + 0.7f, at + 0.75f, 0.15f}, trim);
  const float cx = (site.Random(10) - 0.5f) * x;
  b.Box({cx - 0.3f, 0.3f * y, eaves}, {cx + 0.3f, 0.3f * y + 0.6f, std::min(top, gable)}, brick);
}

void Block(Site& site) {
  const Vector3f half = site.size / 2;
  const int storeys = std::max(1, static_cast<int>(std::round(site.size.z() / 3.3f)));
  const uint16_t wall = Facade(site, storeys, site.size.z() - 0.6f, 0.31f);
  const uint16_t roof = site.Plain({0.22f, 0.21f, 0.20f});
  const uint16_t ledge = site.Plain({0.5f, 0.49f, 0.47f});
  auto& b = site.builder;
  const float x = half.x() - 0.15f, y = half.y() - 0.15f, top = site.size.z();
  b.Box({-x, -y, -0.5f}, {x, y, top - 0.6f}, wall, roof);
  // A parapet, and a housing on the roof.
  b.Box({-half.x(), -half.y(), top - 0.9f}, {half.x(), -half.y() + 0.3f, top - 0.3f}, ledge);
  b.Box({-half.x(), half.y() - 0.3f, top - 0.9f}, {half.x(), half.y(), top - 0.3f}, ledge);
  b.Box({-half.x(), -half.y() + 0.3f, top - 0.9f}, {-half.x() + 0.3f, half.y() - 0.3f, top - 0.3f},
        ledge);
  b.Box({half.x() - 0.3f, -half.y() + 0.3f, top - 0.9f}, {half.x(), half.y() - 0.3f, top - 0.3f},
        ledge);
  b.Box({-0.3f * x, -0.3f * y, top - 0.6f}, {0.1f * x, 0.2f * y, top}, ledge, roof);
}

void Tree(Site& site, bool conifer) {
  auto& b = site.builder;
  const float height = site.size.z(), radius = std::min(site.size.x(), site.size.y()) / 2;
  b.SetCategory(kVegetation);
  const uint16_t bark = b.Add(site.Base(Texture::kBark, {0.13f, 0.09f, 0.06f}));
  const float tint = 0.75f + 0.5f * site.Random(1);
  const Vector3f green = conifer ? Vector3f(0.03f, 0.065f, 0.03f)
                                 : Vector3f(0.05f + 0.05f * site.Random(2), 0.11f, 0.025f);
  Material leaves = site.Base(Texture::kLeaves, tint * green);
  leaves.origin.z() += 0.6f * height;
  const uint16_t leaf = b.Add(leaves);
  const float trunk = std::clamp(0.035f * height, 0.08f, 0.35f);
  if (conifer) {
    b.Cone({0, 0, -0.3f}, {0, 0, 0.3f * height}, trunk, 0.8f * trunk, 7, bark);
    for (int k = 0; k < 4; ++k) {
      const float f = static_cast<float>(k) / 4;
      const float low = height * (0.16f + 0.2f * static_cast<float>(k));
      const float high = k == 3 ? height : std::min(height, low + 0.36f * height);
      b.Cone({0, 0, low}, {0, 0, high}, radius * (1 - 0.75f * f), k == 3 ? 0.02f : 0.1f * radius, 9,
             leaf);
    }
    return;
  }
  b.Cone({0, 0, -0.3f}, {0, 0, 0.5f * height}, 1.2f * trunk, 0.7f * trunk, 8, bark);
  const float crown = 0.64f * height;
  b.Blob({0, 0, crown}, {0.72f * radius, 0.72f * radius, 0.32f * height}, 7, 11, 0.12f, site.key,
         leaf);
  constexpr int kClumps = 5;
  for (int k = 0; k < kClumps; ++k) {
    const auto salt = static_cast<uint32_t>(20 + 4 * k);
    const float angle = 6.2832f * (static_cast<float>(k) + 0.7f * site.Random(salt)) / kClumps;
    const float r = radius * (0.34f + 0.12f * site.Random(salt + 1));
    const float z = height * (0.5f + 0.26f * site.Random(salt + 2));
    const Vector3f centre(0.52f * radius * std::cos(angle), 0.52f * radius * std::sin(angle), z);
    b.Beam({0, 0, 0.36f * height}, centre, 0.8f * trunk, 0.3f * trunk, bark);
    b.Blob(centre, {r, r, 0.82f * r}, 6, 9, 0.14f, site.key + salt, leaf);
  }
}

void Bush(Site& site) {
  auto& b = site.builder;
  b.SetCategory(kVegetation);
  Material leaves =
      site.Base(Texture::kLeaves, (0.8f + 0.5f * site.Random(1)) * Vector3f(0.06f, 0.11f, 0.03f));
  leaves.origin.z() += 0.2f * site.size.z();
  const uint16_t leaf = b.Add(leaves);
  const Vector3f half = site.size / 2;
  b.Blob({0, 0, 0.45f * site.size.z()}, {0.8f * half.x(), 0.8f * half.y(), 0.54f * site.size.z()},
         6, 9, 0.12f, site.key, leaf);
  b.Blob({0.4f * half.x(), 0.2f * half.y(), 0.35f * site.size.z()},
         {0.52f * half.x(), 0.6f * half.y(), 0.4f * site.size.z()}, 5, 8, 0.12f, site.key + 1,
         leaf);
  b.Blob({-0.35f * half.x(), -0.25f * half.y(), 0.3f * site.size.z()},
         {0.55f * half.x(), 0.6f * half.y(), 0.38f * site.size.z()}, 5, 8, 0.12f, site.key + 2,
         leaf);
}

void Hedge(Site& site) {
  auto& b = site.builder;
  b.SetCategory(kVegetation);
  Material leaves =
      site.Base(Texture::kLeaves, (0.8f + 0.4f * site.Random(1)) * Vector3f(0.04f, 0.085f, 0.025f));
  leaves.second.x() = 1;  // Flat: keeps its own normals.
  const uint16_t leaf = b.Add(leaves);
  const Vector3f half = site.size / 2;
  const std::array<Section, 4> sections{
      {{-half.x(), -0.2f, 0.9f * site.size.z(), 1.7f * half.y(), 0.6f * site.size.z(), half.y()},
       {-half.x() + 0.2f, -0.2f, site.size.z(), 2 * half.y(), 0.75f * site.size.z(),
        1.4f * half.y()},
       {half.x() - 0.2f, -0.2f, site.size.z(), 2 * half.y(), 0.75f * site.size.z(),
        1.4f * half.y()},
       {half.x(), -0.2f, 0.9f * site.size.z(), 1.7f * half.y(), 0.6f * site.size.z(), half.y()}}};
  const std::array<uint16_t, 3> tops{leaf, leaf, leaf};
  b.Body(sections, leaf, leaf, tops, leaf);
}

void Wall(Site& site) {
  auto& b = site.builder;
  const Vector3f half = site.size / 2;
  const bool fence = site.Random(1) < 0.35f;
  if (fence) {
    const uint16_t wood = site.Plain({0.24f, 0.17f, 0.11f});
    const float top = site.size.z();
    const int posts = std::max(2, static_cast<int>(site.size.x() / 2.0f) + 1);
    for (int k = 0; k < posts; ++k) {
      const float x =
          -half.x() + 0.05f +
          (site.size.x() - 0.1f) * static_cast<float>(k) / static_cast<float>(posts - 1);
      b.Box({x - 0.05f, -0.05f, -0.3f}, {x + 0.05f, 0.05f, top}, wood);
    }
    for (const float z : {0.12f, 0.42f, 0.72f})
      b.Box({-half.x(), -0.03f, z * top}, {half.x(), 0.03f, (z + 0.2f) * top}, wood);
    return;
  }
  const uint16_t brick =
      b.Add(site.Base(Texture::kBrick, site.Random(2) < 0.5f ? Vector3f(0.36f, 0.17f, 0.11f)
                                                             : Vector3f(0.48f, 0.44f, 0.38f)));
  const uint16_t cap = site.Plain({0.46f, 0.45f, 0.43f});
  b.Box({-half.x(), -0.8f * half.y(), -0.3f}, {half.x(), 0.8f * half.y(), site.size.z() - 0.1f},
        brick);
  b.Box({-half.x(), -half.y(), site.size.z() - 0.1f}, {half.x(), half.y(), site.size.z()}, cap);
}

void StreetLamp(Site& site) {
  auto& b = site.builder;
  const uint16_t steel = site.Plain({0.26f, 0.27f, 0.28f});
  const uint16_t bulb = site.Glow({0.8f, 0.75f, 0.6f}, Lamp::kStreet, kNoIndex);
  const float top = site.size.z(), reach = std::max(0.6f, site.size.x() - 0.3f);
  b.Cone({0, 0, -0.2f}, {0, 0, top - 0.5f}, 0.1f, 0.06f, 8, steel);
  b.Cone({0, 0, -0.2f}, {0, 0, 0.8f}, 0.14f, 0.13f, 8, steel);
  b.Beam({0, 0, top - 0.55f}, {reach, 0, top - 0.08f}, 0.1f, 0.07f, steel);
  b.Box({reach - 0.35f, -0.16f, top - 0.14f}, {reach + 0.35f, 0.16f, top}, steel);
  b.Box({reach - 0.3f, -0.13f, top - 0.19f}, {reach + 0.3f, 0.13f, top - 0.14f}, bulb);
}

void TrafficLight(Site& site, int link) {
  auto& b = site.builder;
  const uint16_t steel = site.Plain({0.20f, 0.21f, 0.20f}),
                 black = site.Plain({0.02f, 0.02f, 0.02f});
  const std::array<uint16_t, 3> lamps{site.Glow({0.45f, 0.02f, 0.02f}, Lamp::kRed, link),
                                      site.Glow({0.42f, 0.22f, 0.01f}, Lamp::kAmber, link),
                                      site.Glow({0.02f, 0.35f, 0.12f}, Lamp::kGreen, link)};
  const float top = std::max(2.8f, site.size.z());
  b.Cone({0, 0, -0.2f}, {0, 0, top - 0.1f}, 0.09f, 0.07f, 8, steel);
  b.Box({0.07f, -0.28f, top - 1.35f}, {0.12f, 0.28f, top}, black);
  b.Box({0.12f, -0.17f, top - 1.25f}, {0.3f, 0.17f, top - 0.08f}, black);
  for (size_t k = 0; k < 3; ++k) {
    const float z = top - 0.28f - 0.37f * static_cast<float>(k);
    b.Cone({0.3f, 0, z}, {0.33f, 0, z}, 0.14f, 0.14f, 10, lamps[k]);
    // A shade over each lamp.
    b.Box({0.3f, -0.15f, z + 0.13f}, {0.48f, 0.15f, z + 0.155f}, black);
  }
}

void StopSign(Site& site) {
  auto& b = site.builder;
  const uint16_t steel = site.Plain({0.35f, 0.36f, 0.37f}, 0.6f),
                 back = site.Plain({0.4f, 0.4f, 0.4f});
  Material face = site.Base(Texture::kPlain, {0.50f, 0.015f, 0.02f});
  face.lidar = 0.95f;
  const uint16_t red = b.Add(face);
  face.colour = {0.8f, 0.8f, 0.8f};
  const uint16_t white = b.Add(face);
  const float top = site.size.z();
  const float radius = 0.4f;
  b.Cone({0, 0, -0.2f}, {0, 0, top}, 0.04f, 0.04f, 7, steel);
  const auto octagon = [&](float x, float r, bool forward) {
    std::vector<Vector3f> ring;
    for (int k = 0; k < 8; ++k) {
      const float angle = 0.7853982f * (static_cast<float>(k) + 0.5f);
      ring.emplace_back(x, r * std::cos(angle), top - radius + r * std::sin(angle));
    }
    return forward ? ring : std::vector<Vector3f>(ring.rbegin(), ring.rend());
  };
  b.Polygon(octagon(0.06f, radius, true), white);
  b.Polygon(octagon(0.045f, radius, false), back);
  b.Polygon(octagon(0.065f, 0.92f * radius, true), red);
  // Four white letters, as bars.
  for (int k = 0; k < 4; ++k) {
    const float y = 0.24f - 0.16f * static_cast<float>(k), z = top - radius;
    b.Box({0.064f, y - 0.05f, z - 0.1f}, {0.072f, y - 0.02f, z + 0.1f}, white);
    b.Box({0.064f, y - 0.05f, z + 0.07f}, {0.072f, y + 0.05f, z + 0.1f}, white);
    if (k != 1) b.Box({0.064f, y - 0.05f, z - 0.015f}, {0.072f, y + 0.05f, z + 0.015f}, white);
    if (k == 0 || k == 2)
      b.Box({0.064f, y - 0.05f, z - 0.1f}, {0.072f, y + 0.05f, z - 0.07f}, white);
    if (k >= 2) b.Box({0.064f, y + 0.02f, z}, {0.072f, y + 0.05f, z + 0.1f}, white);
  }
}

void Bin(Site& site) {
  auto& b = site.builder;
  const float r = std::min(site.size.x(), site.size.y()) / 2, top = site.size.z();
  const float choice = site.Random(1);
  if (choice < 0.4f) {  // A hydrant.
    const uint16_t red = site.Plain({0.45f, 0.05f, 0.03f});
    b.Cone({0, 0, -0.1f}, {0, 0, 0.75f * top}, 0.6f * r, 0.55f * r, 9, red);
    b.Cone({0, 0, 0.75f * top}, {0, 0, top}, 0.75f * r, 0.2f * r, 9, red);
    b.Cone({0, -r, 0.55f * top}, {0, r, 0.55f * top}, 0.25f * r, 0.25f * r, 7, red);
    return;
  }
  const uint16_t body =
      site.Plain(choice < 0.7f ? Vector3f(0.04f, 0.10f, 0.06f) : Vector3f(0.12f, 0.13f, 0.15f));
  const uint16_t lid = site.Plain({0.03f, 0.03f, 0.035f});
  b.Cone({0, 0, -0.1f}, {0, 0, 0.85f * top}, 0.85f * r, 0.95f * r, 10, body);
  b.Cone({0, 0, 0.85f * top}, {0, 0, top}, r, 0.6f * r, 10, lid);
}

}  // namespace

Mesh PropMesh(const Prop& prop, const Eigen::Vector3d& origin_G) {
  const Vector3f origin = (prop.p_G - origin_G).cast<float>();
  const auto cosine = static_cast<float>(std::cos(prop.yaw)),
             sine = static_cast<float>(std::sin(prop.yaw));
  Site site{MeshBuilder(kManmade), prop.size.cast<float>(), origin, cosine, sine, Key(prop)};
  Eigen::Affine3f placement = Eigen::Affine3f::Identity();
  placement.linear() << cosine, -sine, 0, sine, cosine, 0, 0, 0, 1;
  placement.translation() = origin;
  site.builder.Place(placement);
  switch (prop.kind) {
    case PropKind::kHouse:
      House(site);
      break;
    case PropKind::kBlock:
      Block(site);
      break;
    case PropKind::kWall:
      Wall(site);
      break;
    case PropKind::kStreetLamp:
      StreetLamp(site);
      break;
    case PropKind::kTrafficLight:
      TrafficLight(site, prop.link);
      break;
    case PropKind::kStopSign:
      StopSign(site);
      break;
    case PropKind::kPole: {
      const uint16_t steel = site.Plain({0.3f, 0.3f, 0.3f});
      site.builder.Cone({0, 0, -0.2f}, {0, 0, site.size.z()}, site.size.x() / 2,
                        0.8f * site.size.x() / 2, 8, steel);
      break;
    }
    case PropKind::kBin:
      Bin(site);
      break;
    case PropKind::kTree:
      Tree(site, false);
      break;
    case PropKind::kConifer:
      Tree(site, true);
      break;
    case PropKind::kBush:
      Bush(site);
      break;
    case PropKind::kHedge:
      Hedge(site);
      break;
  }
  return site.builder.Take();
}

}  // namespace occvla::world
