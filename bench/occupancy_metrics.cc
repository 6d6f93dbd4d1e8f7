// Occupancy's metrics on one thread, with a made-up street: a ground, walls along it, boxes on it.
// Files are bench/occupancy_metrics/compare's part.
#include <benchmark/benchmark.h>

#include <vector>

#include "occvla/base/rng.h"
#include "occvla/data/prediction.h"
#include "occvla/eval/occupancy/confusion.h"
#include "occvla/eval/occupancy/rays.h"
#include "occvla/geom/voxel_grid.h"

namespace occvla::eval {
namespace {

using geom::VoxelGrid;

// Labels of a street; another seed moves the boxes.
std::vector<uint8_t> Street(uint64_t seed) {
  Rng rng(seed, "bench");
  std::vector<uint8_t> labels(VoxelGrid::kCount, data::kFreeClass);
  const auto fill = [&](int x, int y, int dx, int dy, int dz, uint8_t label) {
    for (int i = x; i < std::min(x + dx, VoxelGrid::kX); ++i) {
      for (int j = y; j < std::min(y + dy, VoxelGrid::kY); ++j) {
        for (int k = 1; k < dz; ++k) labels[VoxelGrid::Index(i, j, k)] = label;
      }
    }
  };
  for (int i = 0; i < VoxelGrid::kX; ++i) {
    for (int j = 0; j < VoxelGrid::kY; ++j)
      labels[VoxelGrid::Index(i, j, 0)] = j < 70 || j > 130 ? 13 : 11;
  }
  fill(0, 40, VoxelGrid::kX, 3, 16, 15);
  fill(0, 160, VoxelGrid::kX, 3, 14, 16);
  const auto below = [&](int n) { return static_cast<int>(rng.Below(static_cast<uint64_t>(n))); };
  for (int box = 0; box < 25; ++box) {
    const int x = below(190), y = 70 + below(60);
    if (std::abs(x - 100) > 12) fill(x, y, 10, 5, 5, 4);
  }
  return labels;
}

// One item is a keyframe: its voxels counted under three masks.
void BM_CountVoxels(benchmark::State& state) {
  const auto truth = Street(1), prediction = Street(2);
  std::vector<uint8_t> mask(truth.size());
  for (size_t i = 0; i < mask.size(); ++i) mask[i] = i % 16 < 4;
  for (auto _ : state) benchmark::DoNotOptimize(CountVoxels({truth, mask, mask, prediction}));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_CountVoxels)->Unit(benchmark::kMillisecond);

// One item is a ray through truth and prediction at once, from eight origins along the street.
void BM_CountRays(benchmark::State& state) {
  const auto truth = Street(1), prediction = Street(2);
  std::vector<Eigen::Vector3d> origins_E;
  for (int i = 0; i < 8; ++i) origins_E.emplace_back(0.985793 + 0.5 * i, 0.1 * i, 1.84);
  for (auto _ : state) benchmark::DoNotOptimize(CountRays(origins_E, truth, prediction));
  state.SetItemsProcessed(state.iterations() *
                          static_cast<int64_t>(origins_E.size() * RayDirections().size()));
}
BENCHMARK(BM_CountRays)->Unit(benchmark::kMillisecond)->Threads(1)->Threads(2)->UseRealTime();

}  // namespace
}  // namespace occvla::eval

BENCHMARK_MAIN();
