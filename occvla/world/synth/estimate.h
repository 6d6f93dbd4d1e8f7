#pragma once
#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>

#include "occvla/world/synth/scene_writer.h"

namespace occvla::world::synth {

/// What is left to do, before it is begun.
struct Estimate {
  size_t scenes = 0, kept = 0;  ///< Of the data set; of those, whole already.
  size_t keyframes = 0;         ///< Still to make.
  uint64_t bytes = 0;           ///< That they and the maps will take on the disk.
  double seconds = 0;           ///< With the threads asked for.
};

/// What a scene takes.
struct Costs {
  double keyframe_bytes = 0, keyframe_s = 0;  ///< Each keyframe.
  double scene_bytes = 0, scene_s = 0;        ///< Beside its keyframes.
};

/// Measured once on a scene of ten keyframes, for runs so small that a probe is not worth its time.
Costs TypicalCosts(const Config& config);
/// Makes the first two keyframes of a scene in `stage` and looks at what they took. `drive_s` is
/// how long its drive took to simulate.
Costs MeasureCosts(const SceneInput& input, const std::filesystem::path& stage, double drive_s,
                   std::stop_token stop);

/// Adds `scenes` scenes and `maps` maps at these costs, with a margin on the bytes: scenes differ.
void AddCosts(const Costs& costs, const Config& config, size_t scenes, size_t maps, int threads,
              Estimate* estimate);

/// Throws DeviceError, naming both numbers, when a disk with `free_bytes` cannot hold the estimate.
void CheckDisk(const std::filesystem::path& out, const Estimate& estimate, uint64_t free_bytes);

/// "1.2 GB", "340 MB", "12 kB".
std::string SizeText(uint64_t bytes);

}  // namespace occvla::world::synth
