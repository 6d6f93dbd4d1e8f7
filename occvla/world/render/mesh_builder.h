#pragma once
#include <Eigen/Core>
#include <Eigen/Geometry>
#include <cstdint>
#include <span>
#include <vector>

#include "occvla/world/render/mesh.h"

namespace occvla::world {

/// A cross section of a body across x: a rectangle with its upper corners drawn in.
struct Section {
  float x = 0;
  float low = 0, high = 1;  ///< z.
  float width = 1;          ///< At `low` up to `shoulder`.
  float shoulder = 1;       ///< z from which the sides lean in.
  float top_width = 1;      ///< At `high`.
};

/// Builds a mesh from simple solids. Every solid's faces look outwards.
class MeshBuilder {
 public:
  explicit MeshBuilder(uint8_t category) : category_(category) {}

  uint16_t Add(const Material& material);
  /// A finished part, placed as it is, in this builder's category.
  void Add(const Mesh& part);
  /// What follows belongs to this category.
  void SetCategory(uint8_t category) { category_ = category; }
  /// What follows is placed so; identity at first.
  void Place(const Eigen::Affine3f& placement) { placement_ = placement; }
  const Eigen::Affine3f& placement() const { return placement_; }

  /// A flat convex polygon, counter-clockwise seen from outside.
  void Polygon(std::span<const Eigen::Vector3f> corners, uint16_t material);
  void Quad(const Eigen::Vector3f& a, const Eigen::Vector3f& b, const Eigen::Vector3f& c,
            const Eigen::Vector3f& d, uint16_t material);
  /// An axis-aligned box; `top` is the material of its upper face.
  void Box(const Eigen::Vector3f& low, const Eigen::Vector3f& high, uint16_t material,
           uint16_t top);
  void Box(const Eigen::Vector3f& low, const Eigen::Vector3f& high, uint16_t material) {
    Box(low, high, material, material);
  }
  /// A beam with a square cross section from one point to another, tapering.
  void Beam(const Eigen::Vector3f& from, const Eigen::Vector3f& to, float from_width,
            float to_width, uint16_t material);
  /// A (cut) cone from one point to another.
  void Cone(const Eigen::Vector3f& from, const Eigen::Vector3f& to, float from_radius,
            float to_radius, int sides, uint16_t material);
  /// A wheel: its axle along y, its rim facing both sides.
  void Wheel(const Eigen::Vector3f& centre, float radius, float width, uint16_t tyre, uint16_t rim);
  /// An ellipsoid with bumps of relative height `bump`.
  void Blob(const Eigen::Vector3f& centre, const Eigen::Vector3f& radii, int rings, int sides,
            float bump, uint32_t key, uint16_t material);
  /// A flat ring around `normal` (a thin bicycle tyre, a loop).
  void Hoop(const Eigen::Vector3f& centre, float radius, float thickness, int sides,
            uint16_t material);
  /// A body along x through sections with growing x. `sides` below the shoulders, `upper` above
  /// them, `tops[i]` the upper face between section i and i + 1, `ends` front and rear.
  void Body(std::span<const Section> sections, uint16_t sides, uint16_t upper,
            std::span<const uint16_t> tops, uint16_t ends);

  Mesh Take() { return std::move(mesh_); }

 private:
  uint32_t Vertex(const Eigen::Vector3f& p);
  void Triangle(uint32_t a, uint32_t b, uint32_t c, uint16_t material);

  uint8_t category_;
  Eigen::Affine3f placement_ = Eigen::Affine3f::Identity();
  Mesh mesh_;
};

/// Scales and shifts a mesh along the axes so that it fills [-length/2, length/2] x
/// [-width/2, width/2] x [0, height].
void Fit(Mesh& mesh, const Extent& from, const Eigen::Vector3f& size);

}  // namespace occvla::world
