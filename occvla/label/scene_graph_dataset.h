#pragma once
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "occvla/data/nuscenes/dataset.h"
#include "occvla/data/nuscenes/parallel.h"
#include "occvla/label/scene_graph.h"

/// Scene graphs of a data set's keyframes, and what the makers of whole files share.
namespace occvla::label {

/// Keyframes by the split that published files know: "train", "val", "test".
struct SplitPart {
  std::string name;
  std::vector<data::nuscenes::Row> keyframes;  ///< By scene name, then by time.
};
/// The parts of a split that have keyframes, in that order. A scene belongs where the data set's
/// own splits put it; without any, to the official val or test if it is named there, else to train
/// (so mini_train has keyframes of val).
std::vector<SplitPart> PartsOf(const data::nuscenes::Dataset& dataset, const std::string& split);

/// What the description of a keyframe's scene says.
SceneNotes NotesOf(const data::nuscenes::Dataset& dataset, data::nuscenes::Row sample);

/// What every maker of a file is told.
struct MakeOptions {
  std::string split = "all";
  uint64_t seed = 0;
  std::filesystem::path out;  ///< Empty: the maker's usual place beside the tables.
  bool overwrite = false;
  int threads = 0;  ///< 0 = all cores; the result is the same for any.
  /// Called now and then; what it throws ends the work and leaves no file.
  std::function<void(uint64_t done, uint64_t total)> progress = {};
};

/// Throws ConfigError, naming each, when any of the paths is there and must not be overwritten.
void RefuseToOverwrite(const std::vector<std::filesystem::path>& paths, const MakeOptions& options);

/// Calls `make(row)` for each keyframe on several threads, and `take(its result)` in the keyframes'
/// order on this one.
template <typename Make, typename Take>
void ForKeyFrames(const std::vector<data::nuscenes::Row>& keyframes, const MakeOptions& options,
                  const Make& make, const Take& take) {
  constexpr size_t kBlock = 64;
  const auto cores = std::max(1u, std::thread::hardware_concurrency());
  const size_t threads = options.threads > 0 ? static_cast<size_t>(options.threads) : cores;
  std::vector<decltype(make(data::nuscenes::Row{}))> results;
  for (size_t first = 0; first < keyframes.size(); first += kBlock) {
    const size_t count = std::min(kBlock, keyframes.size() - first);
    results.clear();
    results.resize(count);
    data::nuscenes::ForEachIndex(count, threads, [&](size_t, size_t index) {
      results[index] = make(keyframes[first + index]);
    });
    for (auto& result : results) take(std::move(result));
  }
}

}  // namespace occvla::label
