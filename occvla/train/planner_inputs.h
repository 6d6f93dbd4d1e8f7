#pragma once
#include <filesystem>
#include <functional>
#include <map>
#include <stop_token>
#include <string>

#include "occvla/train/feed/feed.h"
#include "occvla/train/frame_losses.h"
#include "occvla/train/frame_threads.h"

namespace occvla::train {

/// What the planning head reads of every frame of a feed, made once (facts C.2: with predicted, not
/// true meta actions) and kept: [frames, C] and an action each.
class PlannerInputs {
 public:
  using PredictActions = std::function<std::map<std::string, data::MetaAction>()>;

  /// Reads `file` where an earlier run left it under the same `identity`; else predicts the
  /// actions, runs the model over every frame of `images` and writes it. Throws DataError for a
  /// frame that has no predicted action, BusyError when interrupted.
  static PlannerInputs Make(const std::filesystem::path& file, const std::string& identity,
                            const Feed& images, const model::OccVla& model,
                            const PredictActions& predict, FrameThreads& threads,
                            const std::stop_token& interrupt);

  /// Throws DataError for a token that is not of the feed.
  const PlannerInput& Of(const std::string& token) const;

 private:
  std::map<std::string, PlannerInput, std::less<>> inputs_;
};

}  // namespace occvla::train
