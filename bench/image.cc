// One camera image from a JPEG in memory to training resolution, on one thread. Times are of the
// processor; bench/peers/image_pillow.py does the same with Pillow. OCCVLA_BENCH_IMAGES names a
// folder of JPEGs (real ones are not in the repository); without it an image made here is decoded.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "occvla/base/files.h"
#include "occvla/data/image/image.h"

namespace occvla::data {
namespace {

constexpr int kSize = 224;

std::vector<std::vector<std::byte>> Files() {
  std::vector<std::filesystem::path> paths;
  const char* folder = std::getenv("OCCVLA_BENCH_IMAGES");
  if (folder != nullptr) {
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      if (entry.path().extension() == ".jpg") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::vector<std::byte>> files;
  for (const auto& path : paths) files.push_back(ReadFile(path, 64 << 20));
  return files;
}

// Smooth shades with fine grain, as a street has.
Image MadeImage() {
  Image image{.width_px = 1600, .height_px = 900, .rgb = {}};
  uint32_t state = 1;
  for (int v = 0; v < image.height_px; ++v) {
    for (int u = 0; u < image.width_px * 3; ++u) {
      state = state * 1664525 + 1013904223;
      const double shade = 120 + 80 * std::sin(u * 0.002) * std::cos(v * 0.01);
      image.rgb.push_back(static_cast<uint8_t>(shade + (state >> 28)));
    }
  }
  return image;
}

void BM_Decode(benchmark::State& state) {
  const auto files = Files();
  if (files.empty()) return state.SkipWithError("OCCVLA_BENCH_IMAGES names no JPEGs");
  size_t at = 0;
  for (auto _ : state)
    benchmark::DoNotOptimize(DecodeImage(files[at++ % files.size()], "bench").rgb.data());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Decode)->Unit(benchmark::kMillisecond)->MinTime(2);

void BM_DecodeAndResize(benchmark::State& state) {
  const auto files = Files();
  if (files.empty()) return state.SkipWithError("OCCVLA_BENCH_IMAGES names no JPEGs");
  size_t at = 0;
  for (auto _ : state) {
    const Image image = DecodeImage(files[at++ % files.size()], "bench");
    benchmark::DoNotOptimize(Resize(image, kSize, kSize).rgb.data());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_DecodeAndResize)->Unit(benchmark::kMillisecond)->MinTime(2);

void BM_Resize(benchmark::State& state) {
  const Image image = MadeImage();
  for (auto _ : state) benchmark::DoNotOptimize(Resize(image, kSize, kSize).rgb.data());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Resize)->Unit(benchmark::kMillisecond)->MinTime(1);

void BM_Normalise(benchmark::State& state) {
  const Image image = Resize(MadeImage(), kSize, kSize);
  for (auto _ : state) benchmark::DoNotOptimize(Normalise(image).data());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Normalise)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace occvla::data

BENCHMARK_MAIN();
