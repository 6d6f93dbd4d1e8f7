// The loader feeding a trainer: samples a second with two threads, the processor time it took (200
// % is both cores full), and how its memory moved. Images are JPEGs made here at a quarter of the
// real size, so that ten thousand samples pass in about a minute; a few files are read over and
// over.
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <turbojpeg.h>

#include "occvla/base/error.h"
#include "occvla/data/image/image.h"
#include "occvla/data/loader.h"
#include "occvla/data/sample.h"

namespace occvla::data {
namespace {

constexpr int kWidth = 400, kHeight = 225, kSize = 224;
constexpr size_t kFrames = 8;
constexpr uint64_t kSamples = 10'000;

std::string MadeJpeg(uint32_t seed) {
  std::vector<unsigned char> rgb;
  uint32_t state = seed;
  for (int v = 0; v < kHeight; ++v) {
    for (int u = 0; u < kWidth * 3; ++u) {
      state = state * 1664525 + 1013904223;
      const double shade = 120 + 80 * std::sin(u * 0.008) * std::cos(v * 0.04);
      rgb.push_back(static_cast<unsigned char>(shade + (state >> 28)));
    }
  }
  const tjhandle handle = tjInitCompress();
  unsigned char* jpeg = nullptr;
  unsigned long size = 0;
  if (handle == nullptr || tjCompress2(handle, rgb.data(), kWidth, 0, kHeight, TJPF_RGB, &jpeg,
                                       &size, TJSAMP_420, 90, 0) != 0)
    throw std::runtime_error("libturbojpeg made no JPEG");
  std::string bytes(reinterpret_cast<const char*>(jpeg), size);
  tjFree(jpeg);
  tjDestroy(handle);
  return bytes;
}

std::vector<Frame> MadeFrames() {
  std::vector<Frame> frames(kFrames);
  for (size_t index = 0; index < kFrames; ++index) {
    frames[index].token = std::to_string(index);
    for (size_t camera = 0; camera < 6; ++camera)
      frames[index].images[camera].bytes = MadeJpeg(static_cast<uint32_t>(index * 6 + camera + 1));
  }
  return frames;
}

double WallSeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double ProcessorSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double ResidentMiB() {
  std::ifstream file("/proc/self/statm");
  double total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

void Measure(size_t threads) {
  const std::vector<Frame> frames = MadeFrames();
  Loader<Sample> loader({.count = frames.size(), .end = kSamples, .threads = threads, .ahead = 8},
                        [&](uint32_t index) { return MakeSample(frames[index], kSize); });
  const double wall = WallSeconds(), processor = ProcessorSeconds();
  std::printf("%zu threads, six %d x %d JPEGs to %d px a sample\n", threads, kWidth, kHeight,
              kSize);
  std::printf("%10s %12s %12s %14s\n", "samples", "samples/s", "processor", "resident MiB");
  uint64_t done = 0;
  unsigned long sum = 0;  // The samples are looked at, as a trainer would.
  while (const auto item = loader.Next()) {
    sum += item->sample.rgb[sum % item->sample.rgb.size()];
    if (++done % (kSamples / 5) != 0 && done != 500) continue;
    const double seconds = WallSeconds() - wall;
    std::printf("%10llu %12.1f %11.0f%% %14.1f\n", static_cast<unsigned long long>(done),
                static_cast<double>(done) / seconds,
                (ProcessorSeconds() - processor) / seconds * 100, ResidentMiB());
  }
  std::printf("checksum %lu\n", sum);
}

}  // namespace
}  // namespace occvla::data

int main(int argc, char** argv) try {
  occvla::data::Measure(argc > 1 ? std::stoul(argv[1]) : 2);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "bench_loader: %s\n", error.what());
  return 1;
}
