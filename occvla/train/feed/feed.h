#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/data/loader.h"
#include "occvla/data/text/tokenizer.h"
#include "occvla/train/feed/example.h"
#include "occvla/train/feed/feed_config.h"

/// What a training step reads. An example is a function of (config, options, position) alone, so a
/// run goes on exactly at a position, for any number of ranks and threads.
namespace occvla::train {

struct FeedOptions {
  Wish wish;
  int size_px = 224;  ///< Of the model's images.
  /// Needed where text is wished; outlives the feed.
  const data::Tokenizer* tokenizer = nullptr;
  uint64_t seed = 0;
  /// kAsGiven for validation: by data set, scene and time, the same in every epoch.
  data::SampleOrder order = data::SampleOrder::kShuffled;
  bool augment = true;  ///< False for validation: nothing of config.augment.
};

/// The frames of one data set's split.
struct FrameCounts {
  size_t keyframes = 0;  ///< Of the split (after most_frames).
  size_t used = 0;       ///< Those that have all that is wished.
  size_t without_occupancy = 0, without_text = 0, without_trajectory = 0, without_meta_action = 0;
  size_t an_epoch = 0;  ///< Positions that an epoch gives to it: round(weight * used).
};

/// Which part of the walk over positions to read.
struct FeedRange {
  uint64_t begin = 0;            ///< Resume: where the walk left off.
  uint64_t end = UINT64_MAX;     ///< Of all ranks.
  uint64_t rank = 0, ranks = 1;  ///< This rank takes begin + rank, begin + rank + ranks, ...
  std::stop_token interrupt = {};
};

using FeedLoader = data::Loader<Example>;

/// Opened data sets with their questions. Any thread may use it.
class Feed {
 public:
  /// Throws ConfigError, DataError with every complaint; DataError when no frame has all that is
  /// wished.
  static Feed Open(const FeedConfig& config, const FeedOptions& options);
  Feed(Feed&&) noexcept;
  Feed& operator=(Feed&&) noexcept;
  ~Feed();

  const FeedConfig& config() const;
  const FeedOptions& options() const;

  /// Frames that have all that is wished, of all data sets, by data set, scene and time.
  size_t frames() const;
  /// Positions of an epoch: of each data set round(weight * frames), every frame floor(weight)
  /// times and the rest by lot.
  size_t positions_an_epoch() const;
  const std::vector<FrameCounts>& counts() const;  ///< By data set.
  std::string_view Token(size_t frame) const;
  /// Of what is learned from: versions, splits, weights, tokens, motion, names and sizes of images
  /// and labels, content of questions and meta actions. 64 hex digits.
  const std::string& fingerprint() const;

  /// All that the data set knows of a frame, but for map and questions.
  data::Frame FrameOf(size_t frame) const;
  /// The questions that may be asked about it, with the prompts of this config.
  std::vector<data::QuestionAnswer> QuestionsOf(size_t frame) const;

  /// An epoch's frames in their order: a function of seed and epoch.
  std::vector<uint32_t> EpochOrder(uint64_t epoch) const;
  /// The frame that a position shows. Computes its epoch's order: for questions, not for the loop.
  size_t FrameAt(uint64_t position) const;
  /// A frame as this position sees it. Throws DataError naming the token for damaged files.
  Example Make(size_t frame, uint64_t position) const;

  /// Makes examples ahead on threads and hands them out by position; `index` of an item is the
  /// frame. The feed outlives it.
  std::unique_ptr<FeedLoader> Walk(const FeedRange& range) const;

 private:
  struct Impl;
  explicit Feed(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

/// At most `most` of `count` indices, evenly spread, ascending; 0 = all. The validation frames of a
/// split: the same in every run.
std::vector<size_t> EvenlySpread(size_t count, size_t most);

}  // namespace occvla::train
