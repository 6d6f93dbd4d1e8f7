#include "occvla/cli/train_hooks.h"

#include <algorithm>
#include <cmath>

#include "occvla/base/error.h"
#include "occvla/base/progress.h"
#include "occvla/data/nuscenes/dataset.h"
#include "occvla/data/text/prompt.h"
#include "occvla/eval/meta_action.h"
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

// The real engine and metrics on frames of a split that are spread evenly over it.
std::map<std::string, double> Validate(const train::TrainConfig& config, const Context& context,
                                       const std::filesystem::path& checkpoint) {
  const auto dataset = OpenDataset(config.data, 0);
  const auto all = dataset.KeyFrames(config.keep.validate_split);
  const auto& stage = train::StageOf(config.run.stage);
  infer::Engine engine(checkpoint);
  eval::MetaActionScore actions;
  double distance = 0;
  int64_t steps = 0;
  Progress bar("validation", static_cast<uint64_t>(config.keep.validate_frames), "keyframes");
  for (const size_t i :
       train::EvenlySpread(all.size(), static_cast<size_t>(config.keep.validate_frames))) {
    const auto frame = dataset.FrameOf(all[i]);
    infer::Request request;
    request.frame = frame;
    if (!config.data.with_past_actions) request.prompt = data::ChainOfThoughtPrompt({});
    request.max_new_tokens = kAnswerTokens;
    request.trajectory = stage.trajectory;
    const auto prediction = Ask(engine, context, std::move(request));
    if (frame.meta_action)
      actions.AddText(frame.token, *frame.meta_action, prediction.text,
                      frame.ego.past_meta_actions);
    for (size_t step = 0; prediction.trajectory_E && step < frame.future.size(); ++step) {
      if (!frame.now || !frame.future[step]) continue;
      const Eigen::Vector3d p_G = frame.future[step]->X_GE.translation();
      const Eigen::Vector3d p_E = frame.now->X_GE.inverse() * p_G;
      const auto& planned = (*prediction.trajectory_E)[step];
      distance += std::hypot(planned[0] - p_E.x(), planned[1] - p_E.y());
      ++steps;
    }
    bar.Add();
  }
  std::map<std::string, double> values;
  if (const auto both = actions.BothAccuracy()) values["meta_action_both"] = *both;
  if (const auto speed = actions.SpeedAccuracy()) values["meta_action_speed"] = *speed;
  if (const auto direction = actions.DirectionAccuracy())
    values["meta_action_direction"] = *direction;
  if (steps > 0) values["l2"] = distance / static_cast<double>(steps);
  return values;
}

}  // namespace

train::TrainHooks TrainHooksOf(const train::TrainConfig& config, const Context& context) {
  train::TrainHooks hooks;
  hooks.interrupt = context.interrupt;
  // The VQ-VAE alone says nothing.
  if (config.run.stage != train::StageName::kVqvae) {
    hooks.validate = [&config, &context](const auto& checkpoint) {
      return Validate(config, context, checkpoint);
    };
  }
  hooks.predict_actions = [&config, &context](const auto& checkpoint, const auto& scratch) {
    return PredictActions(config, context, checkpoint, scratch);
  };
  return hooks;
}

}  // namespace occvla::cli
