#include "occvla/cli/train_hooks.h"

#include <algorithm>

#include "occvla/base/error.h"
#include "occvla/base/progress.h"
#include "occvla/data/nuscenes/dataset.h"
#include "occvla/data/text/prompt.h"
#include "occvla/data/text/questions.h"
#include "occvla/eval/meta_action.h"
#include "occvla/eval/occupancy/report.h"
#include "occvla/eval/runner.h"
#include "occvla/infer/engine.h"
#include "occvla/train/feed/feed.h"
#include "occvla/train/recipe/stage.h"

namespace occvla::cli {
namespace {

using data::nuscenes::Dataset;
using data::nuscenes::Row;

constexpr int64_t kAnswerTokens = 256;

Dataset OpenDataset(const train::FeedConfig& config, size_t set) {
  data::nuscenes::DatasetOptions options;
  options.dataroot = config.dataroots[set];
  options.version = config.versions[set];
  return Dataset::Open(options);
}

data::Prediction Ask(infer::Engine& engine, const Context& context, infer::Request request) {
  const auto cancelled = std::make_shared<std::atomic<bool>>(false);
  request.cancelled = cancelled;
  auto reply = engine.Submit(std::move(request));
  while (reply.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready)
    if (context.interrupt.stop_requested()) cancelled->store(true);
  return reply.get();
}

// Every frame of the split is asked for its meta action; an interrupted run goes on.
std::map<std::string, data::MetaAction> PredictActions(const train::TrainConfig& config,
                                                       const Context& context,
                                                       const std::filesystem::path& checkpoint,
                                                       const std::filesystem::path& scratch) {
  std::map<std::string, data::MetaAction> actions;
  for (size_t set = 0; set < config.data.dataroots.size(); ++set) {
    const auto dataset = OpenDataset(config.data, set);
    // As the feed takes them.
    const auto all = dataset.KeyFrames(config.data.splits[set]);
    std::vector<Row> keyframes;
    for (const size_t i :
         train::EvenlySpread(all.size(), static_cast<size_t>(config.data.most_frames)))
      keyframes.push_back(all[i]);
    const auto& samples = dataset.tables().rows().sample;
    const eval::RunSource source{
        .frames = keyframes.size(),
        .frame = [&](size_t i) { return dataset.FrameOf(keyframes[i]); },
        .token = [&](size_t i) { return samples[keyframes[i]].token.ToString(); },
        .identity = "meta actions of " + checkpoint.string() + "\n" + config.data.dataroots[set]};
    const auto folder = scratch / std::to_string(set);
    Progress bar("meta actions", keyframes.size(), "keyframes");
    eval::RunOptions run;
    run.on_done = [&](size_t more) { bar.Add(more); };
    run.interrupt = context.interrupt;
    auto engine = std::make_shared<infer::Engine>(checkpoint);
    eval::RunModel(
        source,
        [&](const data::Frame& frame) {
          infer::Request request;
          request.frame = frame;
          if (!config.data.with_past_actions) request.prompt = data::ChainOfThoughtPrompt({});
          request.trajectory = false;
          request.max_new_tokens = kAnswerTokens;
          return eval::Reply{.prediction = Ask(*engine, context, std::move(request)),
                             .answers = {}};
        },
        run, folder);
    eval::VisitReplies(source, folder, [&](const data::Prediction& prediction) {
      if (prediction.meta_action) actions[prediction.token] = *prediction.meta_action;
    });
  }
  return actions;
}

}  // namespace

train::TrainHooks TrainHooksOf(const train::TrainConfig& config, const Context& context) {
  train::TrainHooks hooks;
  hooks.interrupt = context.interrupt;
  hooks.predict_actions = [&config, &context](const auto& checkpoint, const auto& scratch) {
    return PredictActions(config, context, checkpoint, scratch);
  };
  return hooks;
}

}  // namespace occvla::cli
