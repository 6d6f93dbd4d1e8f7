#pragma once
#include <cstddef>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "occvla/data/frame.h"
#include "occvla/data/prediction.h"

/// Asks a model about the keyframes of a split and keeps each answer on disk at once. A run that
/// was stopped goes on; shards of a run, in any number of processes, share one folder.
namespace occvla::eval {

/// What a model said about one keyframe.
struct Reply {
  data::Prediction prediction;
  std::vector<std::string> answers;  ///< One a question of the frame, in their order.
};

/// The keyframes to ask about. `frame` and `token` may be called for any index.
struct RunSource {
  size_t frames = 0;
  std::function<data::Frame(size_t)> frame;
  std::function<std::string(size_t)> token;
  /// Everything that the replies depend on (checkpoint, settings, data set, split), as text. A
  /// folder holds replies of one identity.
  std::string identity;
};

struct RunOptions {
  size_t shard = 0, shards = 1;              ///< Keyframes whose index is `shard` modulo `shards`.
  std::function<void(size_t)> on_done = {};  ///< Called with how many more are done.
  std::stop_token interrupt = {};
};

/// Asks about every keyframe of the shard that the folder has no reply for; returns how many those
/// were. Predicted occupancy goes to `occupancy/<token>.npz`. Throws ConfigError when the folder
/// belongs to another identity, BusyError soon after an interruption; what was answered stays.
size_t RunModel(const RunSource& source, const std::function<Reply(const data::Frame&)>& ask,
                const RunOptions& options, const std::filesystem::path& folder);

/// What the metrics read, in the folder `predictions`, in the order of the keyframes:
///   trajectories.json     {"<token>": [[x, y] x 6]}    of frames that have one
///   meta_actions.json     {"<token>": "<velocity>, <direction>"}
///   texts.json            {"<token>": "<answer to the chain-of-thought question>"}
///   questions.json, answers.json     NuScenes-QA's form, where frames have such questions
/// Throws DataError while keyframes lack a reply: how many of how many.
void CollectReplies(const RunSource& source, const std::filesystem::path& folder);

/// Calls `visit` with each keyframe's prediction, its occupancy read back where it has one.
void VisitReplies(const RunSource& source, const std::filesystem::path& folder,
                  const std::function<void(const data::Prediction&)>& visit);

}  // namespace occvla::eval
