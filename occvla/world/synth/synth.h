#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>

#include "occvla/world/synth/config.h"
#include "occvla/world/synth/estimate.h"

/// Makes a synthetic data set in nuScenes format, or goes on with one.
namespace occvla::world::synth {

struct Request {
  std::filesystem::path out;
  uint64_t scenes = 0, seed = 0;
  Config config;
  int threads = 1;
  std::stop_token stop = {};
  /// Called once, before the first scene; may be empty.
  std::function<void(const Estimate&)> on_estimate = {};
  /// Called after each keyframe, by one thread at a time; may be empty.
  std::function<void()> on_keyframe = {};
};

struct Report {
  size_t made = 0, kept = 0;  ///< Scenes.
  size_t keyframes = 0;       ///< Of the whole data set.
  size_t train = 0, val = 0, test = 0;
};

/// Makes the data set whole: scenes that are there already are checked (every file present, of its
/// size) and kept. The same config, number of scenes and seed give the same bytes, for any number
/// of threads and of interruptions. Throws ConfigError for a config out of range or a folder that
/// holds something else, DeviceError when the disk will not hold the data set, BusyError soon after
/// `stop` was requested or while another process works in the folder.
Report Synthesise(const Request& request);

}  // namespace occvla::world::synth
