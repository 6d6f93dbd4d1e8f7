#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "occvla/eval/occupancy/report.h"

namespace occvla::eval {

/// One keyframe's files.
struct OccupancyCase {
  std::string name;
  std::filesystem::path truth, prediction;
  /// In E; absent: no rays are cast.
  std::optional<std::vector<Eigen::Vector3d>> origins_E;
};

/// `truth/<name>/labels.npz` with `predictions/<name>.npz`, by name, with the origins of
/// `truth/lidar_origins.json` where that is there. Throws one DataError that lists every keyframe
/// without a prediction, every prediction without a keyframe and every keyframe that lacks origins.
std::vector<OccupancyCase> PairOccupancy(const std::filesystem::path& truth,
                                         const std::filesystem::path& predictions);
/// Checks that `predictions` holds exactly the files that the cases name. As above.
void CheckPredictionFiles(std::span<const OccupancyCase> cases,
                          const std::filesystem::path& predictions);

/// What tells evaluations apart: a hash of the names.
std::string NamesOf(std::span<const OccupancyCase> cases);

struct OccupancyOptions {
  Shard shard;
  unsigned threads = 0;  ///< 0: as many as the machine runs at once.
  /// Called on the calling thread now and then with how many of how many are done; may throw.
  std::function<void(uint64_t done, uint64_t total)> progress;
};

/// Reads and counts the shard's cases. The result is the same for any number of threads. Throws one
/// DataError that lists every file that is damaged or of another shape than its partner.
OccupancyCounts EvaluateOccupancy(std::span<const OccupancyCase> cases,
                                  const OccupancyOptions& options);

}  // namespace occvla::eval
