#include "occvla/train/recipe/crop.h"

#include <algorithm>

#include "occvla/base/rng.h"

namespace occvla::train {

Crop CropAt(const LossConfig& config, uint64_t seed, uint64_t position, int64_t cells,
            int64_t voxels_a_cell) {
  if (config.crop == 0) return {0, 0, cells};
  const int64_t size = std::max<int64_t>(1, config.crop / voxels_a_cell);
  Rng rng(seed, "crop", 0, position);
  const auto last = static_cast<uint64_t>(cells - size + 1);
  const auto x = static_cast<int64_t>(rng.Below(last));
  return {x, static_cast<int64_t>(rng.Below(last)), size};
}

}  // namespace occvla::train
