#include "occvla/train/feed/feed_statistics.h"

#include <algorithm>
#include <vector>

#include "occvla/base/error.h"
#include "occvla/data/text/prompt.h"
#include "occvla/train/feed/mirror_text.h"

namespace occvla::train {
namespace {

void AddLabels(const data::Frame& frame, FeedStatistics& statistics) {
  const auto labels = data::occ3d::ReadLabels(frame.occupancy);
  for (size_t voxel = 0; voxel < labels.semantics.size(); ++voxel) {
    ++statistics.classes.at(labels.semantics[voxel]);
    statistics.classes_seen.at(labels.semantics[voxel]) += labels.mask_camera[voxel];
  }
}

}  // namespace

FeedStatistics StatisticsOf(const Feed& feed, size_t most_frames,
                            const std::stop_token& interrupt) {
  const FeedOptions& options = feed.options();
  const auto most_tokens = static_cast<size_t>(feed.config().max_text_tokens);
  FeedStatistics statistics;
  std::vector<size_t> tokens;
  for (const size_t at : EvenlySpread(feed.frames(), most_frames)) {
    if (interrupt.stop_requested())
      throw BusyError("interrupted while the training data were counted.");
    const data::Frame frame = feed.FrameOf(at);
    ++statistics.frames;
    ++statistics.meta_actions[frame.meta_action ? data::ToString(*frame.meta_action) : "none"];
    if (options.wish.occupancy) AddLabels(frame, statistics);
    bool mirrors = true;
    const auto questions =
        options.wish.text ? feed.QuestionsOf(at) : std::vector<data::QuestionAnswer>();
    for (const data::QuestionAnswer& question : questions) {
      ++statistics.dialogues[question.kind];
      tokens.push_back(data::PrefixIds(*options.tokenizer, question.question).size() +
                       data::SuffixIds(*options.tokenizer, question.answer).size());
      if (tokens.back() > most_tokens) ++statistics.dialogues_too_long;
      mirrors = mirrors && MirrorText(question.question) && MirrorText(question.answer);
    }
    if (mirrors) ++statistics.frames_to_flip;
  }
  if (tokens.empty()) return statistics;
  std::sort(tokens.begin(), tokens.end());
  // The smallest value that at least so many hundredths of them do not pass.
  const auto percentile = [&](size_t percent) {
    return tokens[(tokens.size() * percent + 99) / 100 - 1];
  };
  statistics.tokens_median = percentile(50);
  statistics.tokens_p99 = percentile(99);
  statistics.tokens_most = tokens.back();
  return statistics;
}

}  // namespace occvla::train
