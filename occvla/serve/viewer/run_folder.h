#pragma once
#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/data/prediction.h"

namespace occvla::serve::viewer {

/// What a run said about one keyframe; its occupancy stays on disk.
struct RunReply {
  data::Prediction prediction;
  std::vector<std::string> answers;  ///< One a question of the frame, in their order; may be empty.
  bool has_timings = false;
};

/// A folder of predictions, read: what `occvla eval run` leaves (`replies/`), or else its
/// `predictions/` alone. Keyframes that are not in the data set count but are not kept.
class RunFolder {
 public:
  /// `known` are the tokens of the data set, sorted. Throws DataError: one sentence for a folder
  /// that holds neither, or every complaint of a file.
  RunFolder(std::string name, const std::filesystem::path& folder,
            std::span<const std::string> known);

  const std::string& name() const { return name_; }
  const std::map<std::string, RunReply, std::less<>>& replies() const { return replies_; }
  /// Replies about other data sets' keyframes.
  size_t unknown() const { return unknown_; }
  const RunReply* Find(std::string_view token) const;

  bool HasOccupancy(std::string_view token) const;
  /// Nothing where the run predicted none. Throws DataError for a damaged file.
  std::optional<data::OccupancyGrid> ReadOccupancy(std::string_view token) const;
  /// `predictions/trajectories.json`; empty where there is none.
  const std::filesystem::path& trajectories() const { return trajectories_; }
  /// The metrics that were measured: {"planning": {...}, "occupancy": {...}, ...}, each the file of
  /// its name. Empty object without any. Throws DataError for a damaged one.
  nlohmann::ordered_json ReadReports() const;

 private:
  void ReadReplies(std::span<const std::string> known);
  void ReadPredictions(std::span<const std::string> known);

  std::string name_;
  std::filesystem::path folder_, trajectories_;
  std::map<std::string, RunReply, std::less<>> replies_;
  std::vector<std::string> with_occupancy_;  // Sorted.
  size_t unknown_ = 0;
};

}  // namespace occvla::serve::viewer
