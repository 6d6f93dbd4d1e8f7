#include "occvla/world/render/ground_mesh.h"

#include <algorithm>
#include <cmath>

#include "occvla/world/render/cut.h"

namespace occvla::world {
namespace {

using Eigen::Vector2d, Eigen::Vector3d, Eigen::Vector3f;

Material GroundMaterial(Texture texture, Vector3f colour, float lidar) {
  Material material;
  material.texture = texture;
  material.colour = colour;
  material.lidar = lidar;
  return material;
}

constexpr uint16_t kKerbMaterial = 5;

}  // namespace

void GroundMap::AddPiece(const Ring& ring, int area, const Vector3d& origin_G, Mesh& mesh) const {
  const Surface surface =
      area == kNoIndex ? Surface::kTerrain : town_.areas[static_cast<size_t>(area)].surface;
  const double raised = area == kNoIndex ? 0 : town_.areas[static_cast<size_t>(area)].raised;
  const auto first = static_cast<uint32_t>(mesh.vertices.size());
  for (const Vector2d& p : ring) {
    const Vector3d p_G(p.x(), p.y(), PlaneHeight(p.x(), p.y()) + raised);
    mesh.vertices.push_back((p_G - origin_G).cast<float>());
  }
  for (uint32_t k = 2; k < ring.size(); ++k) {
    mesh.triangles.push_back({first, first + k - 1, first + k});
    mesh.categories.push_back(CategoryOf(surface));
    mesh.materials.push_back(static_cast<uint16_t>(surface));
    mesh.props.push_back(-1);
  }
}

void GroundMap::AddKerbs(const Ring& ring, int area, std::span<const Segment2> edges,
                         const Vector3d& origin_G, Mesh& mesh) const {
  const double raised = area == kNoIndex ? 0 : town_.areas[static_cast<size_t>(area)].raised;
  const Surface surface =
      area == kNoIndex ? Surface::kTerrain : town_.areas[static_cast<size_t>(area)].surface;
  for (size_t k = 0; k < ring.size(); ++k) {
    const Vector2d &a = ring[k], &b = ring[(k + 1) % ring.size()];
    const Vector2d along = b - a;
    if (along.norm() < 1e-5) continue;
    const Vector2d out = Vector2d(along.y(), -along.x()).normalized();
    // The neighbours change where an outline crosses this side of the piece.
    std::vector<double> cuts{0, 1};
    for (const Segment2& edge : edges) {
      const double da = Cross(edge.b - edge.a, a - edge.a), db = Cross(edge.b - edge.a, b - edge.a);
      if (da * db < 0) cuts.push_back(da / (da - db));
    }
    std::sort(cuts.begin(), cuts.end());
    for (size_t c = 0; c + 1 < cuts.size(); ++c) {
      if (cuts[c + 1] - cuts[c] < 1e-6) continue;
      const Vector2d p = a + cuts[c] * along, q = a + cuts[c + 1] * along;
      const double beside = RaisedAt((p + q) / 2 + 1e-4 * out);
      if (beside > raised - 1e-3) continue;
      const auto first = static_cast<uint32_t>(mesh.vertices.size());
      const auto add = [&](const Vector2d& at, double lift) {
        const Vector3d p_G(at.x(), at.y(), PlaneHeight(at.x(), at.y()) + lift);
        mesh.vertices.push_back((p_G - origin_G).cast<float>());
      };
      add(p, beside);
      add(q, beside);
      add(q, raised);
      add(p, raised);
      for (const auto& corners : {std::array<uint32_t, 3>{0, 1, 2}, {0, 2, 3}}) {
        mesh.triangles.push_back({first + corners[0], first + corners[1], first + corners[2]});
        mesh.categories.push_back(CategoryOf(surface));
        mesh.materials.push_back(kKerbMaterial);
        mesh.props.push_back(-1);
      }
    }
  }
}

void GroundMap::CutCell(int i, int j, const Vector3d& origin_G, Mesh& mesh) const {
  const Cell& cell = cells_[static_cast<size_t>(j * columns_ + i)];
  const Vector2d a = low_G_ + kCell * Vector2d(i, j), b = a + Vector2d(kCell, 0),
                 c = a + Vector2d(kCell, kCell), d = a + Vector2d(0, kCell);
  const std::span<const Segment2> edges(edges_.data() + cell.first, cell.count);
  for (const Ring& half : {Ring{a, b, c}, Ring{a, c, d}}) {
    if (edges.empty()) {
      AddPiece(half, cell.base, origin_G, mesh);
      continue;
    }
    for (const Ring& piece : Cut(half, edges)) {
      const int area = TopmostArea(Middle(piece), cell);
      AddPiece(piece, area, origin_G, mesh);
      AddKerbs(piece, area, edges, origin_G, mesh);
    }
  }
}

void GroundMap::AddHorizon(const Vector3d& origin_G, Mesh& mesh) const {
  // A frame of coarse squares that grow outwards, a little below the ground that it passes under.
  constexpr double kReach = 1500, kStep = 40, kGrowth = 1.5, kUnder = 4, kBelow = 0.4;
  const Vector2d low = low_G_ + Vector2d::Constant(kUnder),
                 high = low_G_ + kCell * Vector2d(columns_, rows_) - Vector2d::Constant(kUnder);
  struct Lines {
    std::vector<double> at;
    size_t inner_first = 0,
           inner_end = 0;  // Squares from the first to before the end are left out.
  };
  const auto lines = [&](double inner_low, double inner_high) {
    std::vector<double> outwards;
    double step = kStep;
    for (double reach = step; reach < kReach; reach += step) {
      outwards.push_back(reach);
      step *= kGrowth;
    }
    Lines result;
    for (size_t k = outwards.size(); k-- > 0;) result.at.push_back(inner_low - outwards[k]);
    result.inner_first = result.at.size();
    const int count = std::max(1, static_cast<int>(std::ceil((inner_high - inner_low) / kStep)));
    for (int k = 0; k < count; ++k)
      result.at.push_back(inner_low + (inner_high - inner_low) * k / count);
    result.inner_end = result.at.size();
    result.at.push_back(inner_high);
    for (const double reach : outwards) result.at.push_back(inner_high + reach);
    return result;
  };
  const Lines xs = lines(low.x(), high.x()), ys = lines(low.y(), high.y());
  const auto first = static_cast<uint32_t>(mesh.vertices.size());
  for (const double y : ys.at) {
    for (const double x : xs.at) {
      const Vector3d p_G(x, y, town_.ground.Height(x, y) - kBelow);
      mesh.vertices.push_back((p_G - origin_G).cast<float>());
    }
  }
  const auto row = static_cast<uint32_t>(xs.at.size());
  for (uint32_t j = 0; j + 1 < ys.at.size(); ++j) {
    for (uint32_t i = 0; i + 1 < row; ++i) {
      if (i >= xs.inner_first && i < xs.inner_end && j >= ys.inner_first && j < ys.inner_end)
        continue;
      const uint32_t corner = first + j * row + i;
      for (const auto& corners : {std::array<uint32_t, 3>{0, 1, row + 1}, {0, row + 1, row}}) {
        mesh.triangles.push_back({corner + corners[0], corner + corners[1], corner + corners[2]});
        mesh.categories.push_back(CategoryOf(Surface::kTerrain));
        mesh.materials.push_back(static_cast<uint16_t>(Surface::kTerrain));
        mesh.props.push_back(-1);
      }
    }
  }
}

Mesh GroundMap::MakeMesh(const Vector3d& origin_G) const {
  Mesh mesh;
  mesh.palette = {GroundMaterial(Texture::kGrass, {0.075f, 0.115f, 0.03f}, 0.35f),
                  GroundMaterial(Texture::kPaving, {0.25f, 0.24f, 0.225f}, 0.3f),
                  GroundMaterial(Texture::kGravel, {0.30f, 0.26f, 0.20f}, 0.25f),
                  GroundMaterial(Texture::kAsphalt, {0.085f, 0.085f, 0.09f}, 0.1f),
                  GroundMaterial(Texture::kParking, {0.11f, 0.11f, 0.11f}, 0.12f),
                  GroundMaterial(Texture::kKerb, {0.33f, 0.32f, 0.31f}, 0.35f)};
  for (int j = 0; j < rows_; ++j)
    for (int i = 0; i < columns_; ++i) CutCell(i, j, origin_G, mesh);
  AddHorizon(origin_G, mesh);
  return mesh;
}

}  // namespace occvla::world
