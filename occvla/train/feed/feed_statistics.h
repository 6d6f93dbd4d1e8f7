#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "occvla/train/feed/feed.h"

namespace occvla::train {

/// What a run is about to learn from, counted over frames that are evenly spread.
struct FeedStatistics {
  size_t frames = 0;
  std::map<std::string, size_t> dialogues;  ///< By kind.
  size_t dialogues_too_long = 0;            ///< Of them, longer than max_text_tokens.
  /// Ids of prefix and suffix together, over all dialogues.
  size_t tokens_median = 0, tokens_p99 = 0, tokens_most = 0;
  /// Frames whose texts can all be mirrored.
  size_t frames_to_flip = 0;
  /// Voxels by class, all and those that the camera's mask shows; zeros where occupancy is not
  /// wished.
  std::array<int64_t, 18> classes{}, classes_seen{};
  std::map<std::string, size_t> meta_actions;  ///< By name; "none" = without a label.
};

/// At most `most_frames` frames; 0 = all. Throws DataError for a damaged label file, BusyError once
/// an interruption is asked for.
FeedStatistics StatisticsOf(const Feed& feed, size_t most_frames,
                            const std::stop_token& interrupt = {});

}  // namespace occvla::train
