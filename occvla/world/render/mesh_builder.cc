#include "occvla/world/render/mesh_builder.h"

#include <array>
#include <cmath>
#include <numbers>

#include "occvla/world/render/noise.h"

namespace occvla::world {
namespace {

using Eigen::Vector3f;
constexpr float kTurn = 2 * std::numbers::pi_v<float>;

/// Two unit vectors that with `axis` make a right-handed frame (u, v, axis).
std::array<Vector3f, 2> Across(const Vector3f& axis) {
  const Vector3f other = std::abs(axis.z()) < 0.9f ? Vector3f::UnitZ() : Vector3f::UnitX();
  const Vector3f u = other.cross(axis).normalized();
  return {u, axis.cross(u)};
}

}  // namespace

uint16_t MeshBuilder::Add(const Material& material) {
  mesh_.palette.push_back(material);
  return static_cast<uint16_t>(mesh_.palette.size() - 1);
}

void MeshBuilder::Add(const Mesh& part) {
  const size_t vertices = mesh_.vertices.size(), triangles = mesh_.triangles.size();
  Append(mesh_, part);
  for (size_t i = vertices; i < mesh_.vertices.size(); ++i)
    mesh_.vertices[i] = placement_ * mesh_.vertices[i];
  for (size_t i = triangles; i < mesh_.categories.size(); ++i) mesh_.categories[i] = category_;
}

uint32_t MeshBuilder::Vertex(const Vector3f& p) {
  mesh_.vertices.push_back(placement_ * p);
  return static_cast<uint32_t>(mesh_.vertices.size() - 1);
}

void MeshBuilder::Triangle(uint32_t a, uint32_t b, uint32_t c, uint16_t material) {
  const Vector3f &p = mesh_.vertices[a], &q = mesh_.vertices[b], &r = mesh_.vertices[c];
  if ((q - p).cross(r - p).squaredNorm() < 1e-14f) return;
  mesh_.triangles.push_back({a, b, c});
  mesh_.categories.push_back(category_);
  mesh_.materials.push_back(material);
  mesh_.props.push_back(-1);
}

void MeshBuilder::Polygon(std::span<const Vector3f> corners, uint16_t material) {
  const auto first = static_cast<uint32_t>(mesh_.vertices.size());
  for (const Vector3f& corner : corners) Vertex(corner);
  for (uint32_t i = 2; i < corners.size(); ++i) Triangle(first, first + i - 1, first + i, material);
}

void MeshBuilder::Quad(const Vector3f& a, const Vector3f& b, const Vector3f& c, const Vector3f& d,
                       uint16_t material) {
  const std::array<Vector3f, 4> corners{a, b, c, d};
  Polygon(corners, material);
}

void MeshBuilder::Box(const Vector3f& low, const Vector3f& high, uint16_t material, uint16_t top) {
  const auto corner = [&](int x, int y, int z) {
    return Vector3f(x ? high.x() : low.x(), y ? high.y() : low.y(), z ? high.z() : low.z());
  };
  Quad(corner(0, 0, 1), corner(1, 0, 1), corner(1, 1, 1), corner(0, 1, 1), top);
  Quad(corner(0, 0, 0), corner(0, 1, 0), corner(1, 1, 0), corner(1, 0, 0), material);
  Quad(corner(0, 0, 0), corner(1, 0, 0), corner(1, 0, 1), corner(0, 0, 1), material);
  Quad(corner(1, 1, 0), corner(0, 1, 0), corner(0, 1, 1), corner(1, 1, 1), material);
  Quad(corner(1, 0, 0), corner(1, 1, 0), corner(1, 1, 1), corner(1, 0, 1), material);
  Quad(corner(0, 1, 0), corner(0, 0, 0), corner(0, 0, 1), corner(0, 1, 1), material);
}

void MeshBuilder::Beam(const Vector3f& from, const Vector3f& to, float from_width, float to_width,
                       uint16_t material) {
  const auto [u, v] = Across((to - from).normalized());
  const auto ring = [&, u = u, v = v](const Vector3f& centre, float width) {
    const float h = width / 2;
    return std::array<Vector3f, 4>{centre - h * u - h * v, centre + h * u - h * v,
                                   centre + h * u + h * v, centre - h * u + h * v};
  };
  const auto a = ring(from, from_width), b = ring(to, to_width);
  for (size_t i = 0; i < 4; ++i) Quad(a[i], a[(i + 1) % 4], b[(i + 1) % 4], b[i], material);
  Quad(a[3], a[2], a[1], a[0], material);
  Quad(b[0], b[1], b[2], b[3], material);
}

void MeshBuilder::Cone(const Vector3f& from, const Vector3f& to, float from_radius, float to_radius,
                       int sides, uint16_t material) {
  const auto [u, v] = Across((to - from).normalized());
  std::vector<Vector3f> a, b;
  for (int i = 0; i < sides; ++i) {
    const float angle = kTurn * static_cast<float>(i) / static_cast<float>(sides);
    const Vector3f out = std::cos(angle) * u + std::sin(angle) * v;
    a.push_back(from + from_radius * out);
    b.push_back(to + to_radius * out);
  }
  for (size_t i = 0; i < a.size(); ++i) {
    const size_t next = (i + 1) % a.size();
    Quad(a[i], a[next], b[next], b[i], material);
  }
  Polygon(b, material);
  Polygon(std::vector<Vector3f>(a.rbegin(), a.rend()), material);
}

void MeshBuilder::Wheel(const Vector3f& centre, float radius, float width, uint16_t tyre,
                        uint16_t rim) {
  const Vector3f half(0, width / 2, 0);
  Cone(centre - half, centre + half, radius, radius, 14, tyre);
  const Vector3f proud(0, width / 2 + 0.01f, 0);
  Cone(centre - proud, centre + proud, 0.62f * radius, 0.62f * radius, 10, rim);
}

void MeshBuilder::Blob(const Vector3f& centre, const Vector3f& radii, int rings, int sides,
                       float bump, uint32_t key, uint16_t material) {
  const auto first = static_cast<uint32_t>(mesh_.vertices.size());
  for (int i = 0; i <= rings; ++i) {
    const float polar = kTurn / 2 * static_cast<float>(i) / static_cast<float>(rings);
    for (int j = 0; j < sides; ++j) {
      const float angle = kTurn * (static_cast<float>(j) + 0.5f * static_cast<float>(i % 2)) /
                          static_cast<float>(sides);
      const Vector3f out(std::sin(polar) * std::cos(angle), std::sin(polar) * std::sin(angle),
                         -std::cos(polar));
      // The poles are one point each, whatever `j` says.
      const uint32_t where = i == 0 || i == rings ? static_cast<uint32_t>(i)
                                                  : static_cast<uint32_t>(i * sides + j + 97);
      const float scale = 1 + bump * (2 * Hash01(key, where, 7) - 1);
      Vertex(centre + scale * radii.cwiseProduct(out));
    }
  }
  for (int i = 0; i < rings; ++i) {
    for (int j = 0; j < sides; ++j) {
      const auto at = [&](int ring, int side) {
        return first + static_cast<uint32_t>(ring * sides + side % sides);
      };
      const int lean = i % 2;  // Odd rings stand half a side further round.
      if (lean == 0) {
        Triangle(at(i, j), at(i, j + 1), at(i + 1, j), material);
        Triangle(at(i, j + 1), at(i + 1, j + 1), at(i + 1, j), material);
      } else {
        Triangle(at(i, j), at(i, j + 1), at(i + 1, j + 1), material);
        Triangle(at(i, j), at(i + 1, j + 1), at(i + 1, j), material);
      }
    }
  }
}

void MeshBuilder::Hoop(const Vector3f& centre, float radius, float thickness, int sides,
                       uint16_t material) {
  const float h = thickness / 2;
  const auto at = [&](int side, float r, float y) {
    const float angle = kTurn * static_cast<float>(side) / static_cast<float>(sides);
    return Vector3f(centre + Vector3f(r * std::cos(angle), y, r * std::sin(angle)));
  };
  const float in = radius - thickness;
  for (int i = 0; i < sides; ++i) {
    Quad(at(i, radius, -h), at(i, radius, h), at(i + 1, radius, h), at(i + 1, radius, -h),
         material);
    Quad(at(i, in, h), at(i, in, -h), at(i + 1, in, -h), at(i + 1, in, h), material);
    Quad(at(i, in, -h), at(i, radius, -h), at(i + 1, radius, -h), at(i + 1, in, -h), material);
    Quad(at(i, radius, h), at(i, in, h), at(i + 1, in, h), at(i + 1, radius, h), material);
  }
}

void MeshBuilder::Body(std::span<const Section> sections, uint16_t sides, uint16_t upper,
                       std::span<const uint16_t> tops, uint16_t ends) {
  const auto ring = [](const Section& s) {
    const float w = s.width / 2, t = s.top_width / 2;
    return std::array<Vector3f, 6>{Vector3f(s.x, -w, s.low),     Vector3f(s.x, w, s.low),
                                   Vector3f(s.x, w, s.shoulder), Vector3f(s.x, t, s.high),
                                   Vector3f(s.x, -t, s.high),    Vector3f(s.x, -w, s.shoulder)};
  };
  for (size_t i = 0; i + 1 < sections.size(); ++i) {
    const auto a = ring(sections[i]), b = ring(sections[i + 1]);
    const std::array<uint16_t, 6> materials{sides, sides, upper, tops[i], upper, sides};
    for (size_t k = 0; k < 6; ++k) Quad(a[k], a[(k + 1) % 6], b[(k + 1) % 6], b[k], materials[k]);
  }
  const auto rear = ring(sections.front()), front = ring(sections.back());
  Polygon(std::vector<Vector3f>(rear.rbegin(), rear.rend()), ends);
  Polygon(front, ends);
}

void Fit(Mesh& mesh, const Extent& from, const Vector3f& size) {
  const Vector3f low(-size.x() / 2, -size.y() / 2, 0);
  const Vector3f scale = size.cwiseQuotient((from.high - from.low).cwiseMax(1e-6f));
  for (Vector3f& p : mesh.vertices) {
    p = low + scale.cwiseProduct(p - from.low);
    // Rounding must not carry a corner out of the box.
    p = p.cwiseMax(low).cwiseMin(low + size);
  }
}

}  // namespace occvla::world
