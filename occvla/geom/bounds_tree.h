#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "occvla/geom/polygon.h"

namespace occvla::geom {

/// Finds which of many rectangles meet a rectangle: a packed R-tree, built once. Immutable; any
/// thread may use it. Memory goes with the number of rectangles, not with how far apart they lie.
class BoundsTree {
 public:
  BoundsTree() = default;
  /// Empty rectangles are never found.
  explicit BoundsTree(std::span<const Bounds2> bounds);

  /// Indices of the rectangles that share a point with `query`, ascending.
  std::vector<uint32_t> Meeting(const Bounds2& query) const;

 private:
  static constexpr size_t kFan = 8;

  std::vector<uint32_t> items_;  ///< The rectangles' indices, neighbours together.
  std::vector<std::vector<Bounds2>>
      levels_;  ///< 0: of items_; then of each kFan of the level below.
};

}  // namespace occvla::geom
