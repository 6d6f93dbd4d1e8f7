#include "occvla/world/render/ground_mesh.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace occvla::world {
namespace {

using Eigen::Vector2d, Eigen::Vector3d, Eigen::Vector3f;
using Ring = std::vector<Vector2d>;

constexpr double kCell = 2;
// A cut closer to a corner than this is no cut.
constexpr double kTiny = 1e-7;

double Cross(const Vector2d& a, const Vector2d& b) { return a.x() * b.y() - a.y() * b.x(); }

bool Inside(const std::vector<Vector2d>& points, const Vector2d& p) {
  bool inside = false;
  for (size_t i = 0, j = points.size() - 1; i < points.size(); j = i++) {
    const Vector2d &a = points[i], &b = points[j];
    if ((a.y() > p.y()) != (b.y() > p.y()) &&
        p.x() < (b.x() - a.x()) * (p.y() - a.y()) / (b.y() - a.y()) + a.x())
      inside = !inside;
  }
  return inside;
}

/// The part of a segment inside a convex ring, as parameters from 0 to 1; empty if `from >= to`.
struct Part {
  double from = 0, to = 1;
};
Part Clip(const Ring& ring, const Vector2d& a, const Vector2d& b) {
  Part part;
  for (size_t i = 0; i < ring.size(); ++i) {
    const Vector2d& p = ring[i];
    const Vector2d along = (ring[(i + 1) % ring.size()] - p).normalized();
    const double da = Cross(along, a - p), db = Cross(along, b - p);  // Positive inside.
    if (da <= kTiny && db <= kTiny) return {1, 0};
    if (da < kTiny) part.from = std::max(part.from, (kTiny - da) / (db - da));
    if (db < kTiny) part.to = std::min(part.to, (da - kTiny) / (da - db));
  }
  return part;
}

/// Both sides of a convex ring cut by the line through a and b: left, right.
std::array<Ring, 2> Split(const Ring& ring, const Vector2d& a, const Vector2d& b) {
  const Vector2d along = (b - a).normalized();
  std::array<Ring, 2> sides;
  for (size_t i = 0; i < ring.size(); ++i) {
    const Vector2d &p = ring[i], &q = ring[(i + 1) % ring.size()];
    double dp = Cross(along, p - a), dq = Cross(along, q - a);
    if (std::abs(dp) < kTiny) dp = 0;
    if (std::abs(dq) < kTiny) dq = 0;
    if (dp >= 0) sides[0].push_back(p);
    if (dp <= 0) sides[1].push_back(p);
    if (dp * dq < 0) {
      const Vector2d cut = p + dp / (dp - dq) * (q - p);
      sides[0].push_back(cut);
      sides[1].push_back(cut);
    }
  }
  return sides;
}

Vector2d Middle(const Ring& ring) {
  Vector2d sum = Vector2d::Zero();
  for (const Vector2d& p : ring) sum += p;
  return sum / static_cast<double>(ring.size());
}

double AreaOf(const Ring& ring) {
  double area = 0;
  for (size_t i = 2; i < ring.size(); ++i)
    area += Cross(ring[i - 1] - ring[0], ring[i] - ring[0]) / 2;
  return area;
}

/// Cuts a convex ring along every segment that runs through it, until none does.
template <typename Edges>
void CutAll(Ring ring, const Edges& edges, size_t next, std::vector<Ring>& out) {
  for (; next < edges.size(); ++next) {
    const auto& edge = edges[next];
    const Part part = Clip(ring, edge.a, edge.b);
    if ((part.to - part.from) * (edge.b - edge.a).norm() < 1e-5) continue;
    const auto sides = Split(ring, edge.a, edge.b);
    if (sides[0].size() < 3 || sides[1].size() < 3) continue;
    CutAll(sides[0], edges, next + 1, out);
    CutAll(sides[1], edges, next + 1, out);
    return;
  }
  if (AreaOf(ring) > 1e-9) out.push_back(std::move(ring));
}

Material GroundMaterial(Texture texture, Vector3f colour, float lidar) {
  Material material;
  material.texture = texture;
  material.colour = colour;
  material.lidar = lidar;
  return material;
}

constexpr uint16_t kKerbMaterial = 5;

}  // namespace

uint8_t CategoryOf(Surface surface) {
  switch (surface) {
    case Surface::kTerrain:
      return 27;
    case Surface::kSidewalk:
      return 26;
    case Surface::kOtherFlat:
      return 25;
    case Surface::kRoad:
    case Surface::kCarpark:
      return 24;
  }
  return 27;
}

GroundMap::GroundMap(const Town& town, const Region& region) : town_(town) {
  // Off the round numbers on which towns like to put their corners.
  low_G_ = region.low_G - Vector2d(0.3717, 0.2389);
  const Vector2d span = region.high_G - low_G_;
  columns_ = std::max(1, static_cast<int>(std::ceil(span.x() / kCell)));
  rows_ = std::max(1, static_cast<int>(std::ceil(span.y() / kCell)));
  heights_.reserve(static_cast<size_t>(columns_ + 1) * static_cast<size_t>(rows_ + 1));
  for (int j = 0; j <= rows_; ++j)
    for (int i = 0; i <= columns_; ++i)
      heights_.push_back(town.ground.Height(low_G_.x() + kCell * i, low_G_.y() + kCell * j));
  IndexAreas();
}

void GroundMap::IndexAreas() {
  cells_.resize(static_cast<size_t>(columns_) * static_cast<size_t>(rows_));
  std::vector<std::vector<Edge>> touching(cells_.size());
  for (size_t index = 0; index < town_.areas.size(); ++index) {
    const auto area = static_cast<int32_t>(index);
    const auto& points = town_.areas[index].outline.points;
    AreaBounds bounds{Vector2d::Constant(1e30), Vector2d::Constant(-1e30)};
    for (const Vector2d& p : points) {
      bounds.low = bounds.low.cwiseMin(p);
      bounds.high = bounds.high.cwiseMax(p);
    }
    bounds_.push_back(bounds);
    if (points.size() < 3) continue;
    const auto column = [&](double x) {
      return std::clamp(static_cast<int>(std::floor((x - low_G_.x()) / kCell)), 0, columns_ - 1);
    };
    const auto row = [&](double y) {
      return std::clamp(static_cast<int>(std::floor((y - low_G_.y()) / kCell)), 0, rows_ - 1);
    };
    const Vector2d high_G = low_G_ + kCell * Vector2d(columns_, rows_);
    if ((bounds.low.array() > high_G.array()).any() || (bounds.high.array() < low_G_.array()).any())
      continue;

    // Cells that the outline runs through.
    for (size_t k = 0; k < points.size(); ++k) {
      const Edge edge{points[k], points[(k + 1) % points.size()], area};
      const Vector2d low = edge.a.cwiseMin(edge.b), high = edge.a.cwiseMax(edge.b);
      if ((low.array() > high_G.array()).any() || (high.array() < low_G_.array()).any()) continue;
      for (int j = row(low.y()); j <= row(high.y()); ++j) {
        for (int i = column(low.x()); i <= column(high.x()); ++i) {
          const Vector2d corner = low_G_ + kCell * Vector2d(i, j);
          const Ring square{corner, corner + Vector2d(kCell, 0), corner + Vector2d(kCell, kCell),
                            corner + Vector2d(0, kCell)};
          const Part part = Clip(square, edge.a, edge.b);
          if (part.to > part.from) touching[static_cast<size_t>(j * columns_ + i)].push_back(edge);
        }
      }
    }
    // Cells that lie wholly inside, row by row from the outline's crossings.
    for (int j = row(bounds.low.y()); j <= row(bounds.high.y()); ++j) {
      const double y = low_G_.y() + kCell * (j + 0.5);
      std::vector<double> crossings;
      for (size_t k = 0; k < points.size(); ++k) {
        const Vector2d &a = points[k], &b = points[(k + 1) % points.size()];
        if ((a.y() > y) != (b.y() > y))
          crossings.push_back((b.x() - a.x()) * (y - a.y()) / (b.y() - a.y()) + a.x());
      }
      std::sort(crossings.begin(), crossings.end());
      for (size_t k = 0; k + 1 < crossings.size(); k += 2) {
        for (int i = column(crossings[k]); i <= column(crossings[k + 1]); ++i) {
          const double x = low_G_.x() + kCell * (i + 0.5);
          auto& edges = touching[static_cast<size_t>(j * columns_ + i)];
          if (x < crossings[k] || x > crossings[k + 1] ||
              (!edges.empty() && edges.back().area == area))
            continue;
          cells_[static_cast<size_t>(j * columns_ + i)].base = area;
          edges.clear();  // Of areas below.
        }
      }
    }
  }
  for (size_t k = 0; k < cells_.size(); ++k) {
    cells_[k].first = static_cast<uint32_t>(edges_.size());
    cells_[k].count = static_cast<uint32_t>(touching[k].size());
    edges_.insert(edges_.end(), touching[k].begin(), touching[k].end());
  }
}

const GroundMap::Cell* GroundMap::CellAt(double x_G, double y_G) const {
  const double u = (x_G - low_G_.x()) / kCell, v = (y_G - low_G_.y()) / kCell;
  if (!(u >= 0 && v >= 0 && u < columns_ && v < rows_)) return nullptr;
  return &cells_[static_cast<size_t>(static_cast<int>(v) * columns_ + static_cast<int>(u))];
}

int GroundMap::TopmostArea(const Vector2d& p_G, const Cell& cell) const {
  int tried = kNoIndex;
  for (uint32_t k = cell.first + cell.count; k-- > cell.first;) {
    const int area = edges_[k].area;
    if (area == tried) continue;
    tried = area;
    if (Inside(town_.areas[static_cast<size_t>(area)].outline.points, p_G)) return area;
  }
  return cell.base;
}

double GroundMap::PlaneHeight(double x_G, double y_G) const {
  const double u = std::clamp((x_G - low_G_.x()) / kCell, 0.0, static_cast<double>(columns_)),
               v = std::clamp((y_G - low_G_.y()) / kCell, 0.0, static_cast<double>(rows_));
  const int i = std::min(static_cast<int>(u), columns_ - 1),
            j = std::min(static_cast<int>(v), rows_ - 1);
  const double fu = u - i, fv = v - j;
  const auto at = [&](int di, int dj) {
    return heights_[static_cast<size_t>((j + dj) * (columns_ + 1) + i + di)];
  };
  // The square's diagonal runs from (0, 0) to (1, 1).
  if (fu >= fv) return at(0, 0) + fu * (at(1, 0) - at(0, 0)) + fv * (at(1, 1) - at(1, 0));
  return at(0, 0) + fv * (at(0, 1) - at(0, 0)) + fu * (at(1, 1) - at(0, 1));
}

SurfacePoint GroundMap::At(double x_G, double y_G) const {
  const Cell* cell = CellAt(x_G, y_G);
  int area = kNoIndex;
  SurfacePoint point;
  if (cell) {
    area = TopmostArea({x_G, y_G}, *cell);
    point.height = PlaneHeight(x_G, y_G);
  } else {
    for (size_t k = town_.areas.size(); k-- > 0 && area == kNoIndex;) {
      if (x_G < bounds_[k].low.x() || x_G > bounds_[k].high.x() || y_G < bounds_[k].low.y() ||
          y_G > bounds_[k].high.y())
        continue;
      if (Inside(town_.areas[k].outline.points, {x_G, y_G})) area = static_cast<int>(k);
    }
    point.height = town_.ground.Height(x_G, y_G);
  }
  if (area != kNoIndex) {
    const Area& top = town_.areas[static_cast<size_t>(area)];
    point.surface = top.surface;
    point.height += top.raised;
  }
  point.category = CategoryOf(point.surface);
  return point;
}

double GroundMap::RaisedAt(const Vector2d& p_G) const {
  const Cell* cell = CellAt(p_G.x(), p_G.y());
  const int area = cell ? TopmostArea(p_G, *cell) : kNoIndex;
  return area == kNoIndex ? 0 : town_.areas[static_cast<size_t>(area)].raised;
}

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

void GroundMap::AddKerbs(const Ring& ring, int area, std::span<const Edge> edges,
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
    for (const Edge& edge : edges) {
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
  const std::span<const Edge> edges(edges_.data() + cell.first, cell.count);
  for (const Ring& half : {Ring{a, b, c}, Ring{a, c, d}}) {
    if (edges.empty()) {
      AddPiece(half, cell.base, origin_G, mesh);
      continue;
    }
    std::vector<Ring> pieces;
    CutAll(half, edges, 0, pieces);
    for (const Ring& piece : pieces) {
      const int area = TopmostArea(Middle(piece), cell);
      AddPiece(piece, area, origin_G, mesh);
      AddKerbs(piece, area, edges, origin_G, mesh);
    }
  }
}

void GroundMap::AddHorizon(const Vector3d& origin_G, Mesh& mesh) const {
  // A frame of coarse squares, a little below the ground that it passes under.
  constexpr double kReach = 1500, kStep = 40, kUnder = 4, kBelow = 0.4;
  const Vector2d low = low_G_ + Vector2d::Constant(kUnder),
                 high = low_G_ + kCell * Vector2d(columns_, rows_) - Vector2d::Constant(kUnder);
  struct Lines {
    std::vector<double> at;
    size_t inner_first = 0,
           inner_end = 0;  // Squares from the first to before the end are left out.
  };
  const auto lines = [&](double inner_low, double inner_high) {
    Lines result;
    const auto add = [&](double from, double to) {
      const int count = std::max(1, static_cast<int>(std::ceil((to - from) / kStep)));
      for (int k = 0; k < count; ++k) result.at.push_back(from + (to - from) * k / count);
    };
    add(inner_low - kReach, inner_low);
    result.inner_first = result.at.size();
    add(inner_low, inner_high);
    result.inner_end = result.at.size();
    add(inner_high, inner_high + kReach);
    result.at.push_back(inner_high + kReach);
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
