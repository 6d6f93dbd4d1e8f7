#include "occvla/cli/train_hooks.h"

#include "occvla/base/progress.h"
#include "occvla/cli/validation.h"
#include "occvla/data/nuscenes/dataset.h"
#include "occvla/data/text/prompt.h"
#include "occvla/eval/runner.h"
#include "occvla/infer/engine.h"
#include "occvla/train/feed/feed.h"
#include "occvla/train/recipe/stage.h"

namespace occvla::cli {
namespace {

using data::nuscenes::Dataset;
using data::nuscenes::Row;

// Every frame of the split is asked for its meta action; an interrupted run goes on.
std::map<std::string, data::MetaAction> PredictActions(const train::TrainConfig& config,
                                                       const Context& context,
                                                       const std::filesystem::path& checkpoint,
                                                       const std::filesystem::path& scratch) {
  std::map<std::string, data::MetaAction> actions;
  for (size_t set = 0; set < config.data.dataroots.size(); ++set) {
    const auto dataset = OpenTrainingSet(config.data, set);
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
          request.max_new_tokens = kMetaActionTokens;
          return eval::Reply{.prediction = AskEngine(*engine, context, std::move(request)),
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
  // The VQ-VAE alone says nothing.
  if (config.run.stage != train::StageName::kVqvae) {
    hooks.validate = [&config, &context](const auto& checkpoint) {
      return ValidateCheckpoint(config, context, checkpoint);
    };
  }
  hooks.predict_actions = [&config, &context](const auto& checkpoint, const auto& scratch) {
    return PredictActions(config, context, checkpoint, scratch);
  };
  return hooks;
}

}  // namespace occvla::cli
