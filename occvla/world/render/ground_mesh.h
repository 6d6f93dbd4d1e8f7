#pragma once
#include <Eigen/Core>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "occvla/world/render/cut.h"
#include "occvla/world/render/mesh.h"
#include "occvla/world/town.h"

/// The ground as a mesh: flat triangles two metres wide that follow the town's heights, cut exactly
/// where one surface ends and the next begins.
namespace occvla::world {

/// A rectangle of the town, in G.
struct Region {
  Eigen::Vector2d low_G = Eigen::Vector2d::Zero(), high_G = Eigen::Vector2d::Zero();
};

struct SurfacePoint {
  uint8_t category = 27;                ///< lidarseg index: 24 to 27.
  Surface surface = Surface::kTerrain;  //
  double height = 0;                    ///< z in G.
};

class GroundMap {
 public:
  /// `town` must outlive the map.
  GroundMap(const Town& town, const Region& region);

  /// What lies on top at a point of G, at the height at which the mesh has it; outside the region
  /// the town's own height.
  SurfacePoint At(double x_G, double y_G) const;

  /// Ground, kerbs, and outside the region a coarse plain up to the horizon. Vertices are relative
  /// to `origin_G`. The palette has one material a surface, in the order of `Surface`, then the
  /// kerb.
  Mesh MakeMesh(const Eigen::Vector3d& origin_G) const;

 private:
  struct Cell {
    int32_t base = kNoIndex;        ///< Topmost area that covers the cell whole.
    uint32_t first = 0, count = 0;  ///< Of `edges_`: those of areas above `base`.
  };
  struct AreaBounds {
    Eigen::Vector2d low, high;
  };

  void IndexAreas();
  int TopmostArea(const Eigen::Vector2d& p_G, const Cell& cell) const;
  const Cell* CellAt(double x_G, double y_G) const;
  double PlaneHeight(double x_G, double y_G) const;
  double RaisedAt(const Eigen::Vector2d& p_G) const;
  void CutCell(int i, int j, const Eigen::Vector3d& origin_G, Mesh& mesh) const;
  void AddPiece(const Ring& ring, int area, const Eigen::Vector3d& origin_G, Mesh& mesh) const;
  void AddKerbs(const Ring& ring, int area, std::span<const Segment2> edges,
                const Eigen::Vector3d& origin_G, Mesh& mesh) const;
  void AddHorizon(const Eigen::Vector3d& origin_G, Mesh& mesh) const;

  const Town& town_;                  // Not owned.
  static constexpr double kCell = 2;  // Metres.

  Eigen::Vector2d low_G_;
  int columns_ = 0, rows_ = 0;
  std::vector<Cell> cells_;
  std::vector<Segment2> edges_;
  std::vector<AreaBounds> bounds_;
  std::vector<double> heights_;  // [rows + 1][columns + 1].
};

/// lidarseg index of a surface.
uint8_t CategoryOf(Surface surface);

}  // namespace occvla::world
