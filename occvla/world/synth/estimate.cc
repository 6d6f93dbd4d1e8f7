#include "occvla/world/synth/estimate.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <vector>

#include "occvla/base/error.h"

namespace occvla::world::synth {
namespace {

namespace fs = std::filesystem;

uint64_t BytesBelow(const fs::path& folder) {
  uint64_t bytes = 0;
  if (!fs::exists(folder)) return bytes;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) bytes += entry.file_size();
  return bytes;
}

/// CAN messages come with time, not with keyframes.
double CanSeconds(int64_t keyframes) {
  return 0.1 + kInterval * static_cast<double>(keyframes - 1);
}

}  // namespace

Costs TypicalCosts(const Config& config) {
  constexpr double kImageBytesPerPixel = 0.16, kSweepBytes = 650e3, kLabelBytes = 110e3,
                   kRowBytes = 65e3, kCanBytesPerSecond = 210e3;
  constexpr double kSecondsPerPixel = 0.35e-6, kOtherSeconds = 0.4, kSceneSeconds = 3;
  const double pixels = 6.0 * config.image_width_px() * config.image_height_px();
  Costs costs;
  costs.keyframe_bytes = kImageBytesPerPixel * pixels + kLabelBytes + kRowBytes +
                         kSweepBytes * static_cast<double>(1 + config.set.sweeps);
  costs.keyframe_s = kSecondsPerPixel * pixels + kOtherSeconds;
  costs.scene_bytes = kCanBytesPerSecond * CanSeconds(config.set.keyframes);
  costs.scene_s = kSceneSeconds;
  return costs;
}

Costs MeasureCosts(const SceneInput& input, const fs::path& stage, double drive_s,
                   std::stop_token stop) {
  const auto start = std::chrono::steady_clock::now();
  const auto since_start = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  Config config = input.config;
  config.set.keyframes = std::min<int64_t>(2, config.set.keyframes);
  const SceneInput probe{.config = config,
                         .seed = input.seed,
                         .index = input.index,
                         .plan = input.plan,
                         .town = input.town,
                         .props = input.props,
                         .drive = input.drive,
                         .workers = input.workers};
  std::vector<double> marks;
  const auto record = WriteScene(probe, stage, stop, [&] { marks.push_back(since_start()); });
  const auto made = static_cast<double>(marks.size());
  Costs costs;
  costs.keyframe_s = marks.size() > 1 ? marks[1] - marks[0] : 0;
  costs.scene_s = drive_s + std::max(0.0, since_start() - made * costs.keyframe_s);
  // A row stands in the scene's record and in its table.
  const double rows = 2.0 * static_cast<double>(ToText(record).size());
  const auto can = static_cast<double>(BytesBelow(stage / "can_bus"));
  // No sweep precedes the first keyframe.
  const double sweeps = marks.size() > 1 ? static_cast<double>(BytesBelow(stage / "sweeps")) : 0;
  costs.keyframe_bytes = (static_cast<double>(BytesBelow(stage)) - can - sweeps + rows) / made +
                         sweeps / std::max(1.0, made - 1);
  costs.scene_bytes =
      can * CanSeconds(input.config.set.keyframes) / CanSeconds(config.set.keyframes);
  return costs;
}

void AddCosts(const Costs& costs, const Config& config, size_t scenes, size_t maps, int threads,
              Estimate* estimate) {
  constexpr double kMargin = 1.2, kMapBytesPerSquareMetre = 7;
  const auto n = static_cast<double>(scenes);
  const auto keyframes = static_cast<double>(config.set.keyframes);
  const double map_bytes = kMapBytesPerSquareMetre * config.town.size_m * config.town.size_m;
  estimate->bytes +=
      static_cast<uint64_t>(kMargin * (n * (costs.scene_bytes + keyframes * costs.keyframe_bytes) +
                                       static_cast<double>(maps) * map_bytes));
  estimate->seconds += n * (costs.scene_s + keyframes * costs.keyframe_s) / std::max(1, threads);
}

std::string SizeText(uint64_t bytes) {
  const auto value = static_cast<double>(bytes);
  char text[32];
  if (value >= 1e9) {
    std::snprintf(text, sizeof text, "%.1f GB", value / 1e9);
  } else if (value >= 1e6) {
    std::snprintf(text, sizeof text, "%.0f MB", value / 1e6);
  } else {
    std::snprintf(text, sizeof text, "%.0f kB", std::ceil(value / 1e3));
  }
  return text;
}

void CheckDisk(const fs::path& out, const Estimate& estimate, uint64_t free_bytes) {
  if (estimate.bytes <= free_bytes) return;
  throw DeviceError(out.string() + ": " + std::to_string(estimate.keyframes) +
                    " keyframes need about " + SizeText(estimate.bytes) + " (" +
                    std::to_string(estimate.bytes) + " bytes), and the disk has " +
                    SizeText(free_bytes) + " free (" + std::to_string(free_bytes) +
                    " bytes). Free space, choose another --out, or make fewer scenes or smaller "
                    "images.");
}

}  // namespace occvla::world::synth
