#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "occvla/data/nuscenes/dataset.h"
#include "occvla/data/pack.h"
#include "occvla/data/text/questions.h"
#include "occvla/train/feed/feed.h"

/// What Feed::Open finds out before the first example is made.
namespace occvla::train {

struct OpenedSet {
  data::nuscenes::Dataset dataset;
  std::optional<data::Pack> pack;
};

struct IndexedFrame {
  uint32_t set = 0;
  data::nuscenes::Row row = 0;  ///< Of its data set's samples.
  std::string token;
};

struct FeedIndex {
  std::vector<OpenedSet> sets;
  data::QuestionStore questions;
  std::vector<IndexedFrame> frames;  ///< By data set, scene and time.
  std::vector<uint32_t> first;       ///< Of each data set's frames.
  std::vector<FrameCounts> counts;
  std::string fingerprint;
};

/// Throws as Feed::Open does. The config is valid.
FeedIndex OpenIndex(const FeedConfig& config, const FeedOptions& options);

/// trajectory_E and valid from the next keyframes' places.
void FillTrajectory(const data::Frame& frame, Example& example);

}  // namespace occvla::train
