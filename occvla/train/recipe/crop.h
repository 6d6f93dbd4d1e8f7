#pragma once
#include <cstdint>

#include "occvla/train/recipe/config.h"

namespace occvla::train {

/// The part of the occupancy grid that a frame's loss looks at, in cells: of the queries' grid, or
/// voxels.
struct Crop {
  int64_t x = 0, y = 0, size = 0;  ///< From (x, y) on, `size` on each side.
};

/// loss.crop voxels on each side of a grid of `cells` x `cells`, of `voxels_a_cell` voxels each; at
/// a place that is drawn by seed and position alone. Without a crop the whole grid.
Crop CropAt(const LossConfig& config, uint64_t seed, uint64_t position, int64_t cells,
            int64_t voxels_a_cell);

}  // namespace occvla::train
