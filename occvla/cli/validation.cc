#include "occvla/cli/validation.h"

#include <cmath>

#include "occvla/base/progress.h"
#include "occvla/cli/beside_truth.h"
#include "occvla/data/image/image.h"
#include "occvla/data/occ3d/labels.h"
#include "occvla/data/text/prompt.h"
#include "occvla/eval/language/qa_score.h"
#include "occvla/eval/meta_action.h"
#include "occvla/eval/occupancy/confusion.h"
#include "occvla/train/feed/feed.h"
#include "occvla/train/feed/question_files.h"
#include "occvla/train/recipe/stage.h"

namespace occvla::cli {
namespace {

using data::nuscenes::Dataset;

constexpr std::string_view kQa = "nuscenes-qa/";
constexpr int64_t kQaTokens = 16;

infer::EngineOptions OptionsOf(const train::TrainConfig& config) {
  infer::EngineOptions options;
  options.device = config.compute.device;
  return options;
}

/// Sums over the frames of a validation.
class Scores {
 public:
  Scores(const train::TrainConfig& config, const Context& context,
         const std::filesystem::path& checkpoint)
      : config_(config),
        context_(context),
        stage_(train::StageOf(config.run.stage)),
        engine_(checkpoint, OptionsOf(config)) {}

  /// What the model says of the frame, counted.
  data::Prediction Add(const data::Frame& frame) {
    infer::Request request;
    request.frame = frame;
    request.frame_key = frame.token;
    if (!config_.data.with_past_actions) request.prompt = data::ChainOfThoughtPrompt({});
    request.max_new_tokens = kMetaActionTokens;
    request.trajectory = stage_.trajectory;
    request.occupancy = stage_.occupancy && !frame.occupancy.empty();
    auto prediction = AskEngine(engine_, context_, std::move(request));
    if (frame.meta_action)
      actions_.AddText(frame.token, *frame.meta_action, prediction.text,
                       frame.ego.past_meta_actions);
    AddDistance(frame, prediction);
    AddOccupancy(frame, prediction);
    if (stage_.text) AddQuestions(frame);
    return prediction;
  }

  std::map<std::string, double> Values() const {
    std::map<std::string, double> values;
    const auto put = [&](const std::string& name, const std::optional<double>& value) {
      if (value) values[name] = *value;
    };
    put("meta_action_both", actions_.BothAccuracy());
    put("meta_action_speed", actions_.SpeedAccuracy());
    put("meta_action_direction", actions_.DirectionAccuracy());
    if (steps_ > 0) values["l2"] = distance_ / static_cast<double>(steps_);
    put("qa", questions_.overall.Share());
    for (const auto& [type, hops] : questions_.types) {
      const eval::Tally both{hops[0].right + hops[1].right, hops[0].total + hops[1].total};
      put("qa_" + type, both.Share());
    }
    put("occupancy_miou", eval::IouOf(voxels_).mean);
    put("occupancy_iou", OccupiedIou());
    return values;
  }

 private:
  void AddDistance(const data::Frame& frame, const data::Prediction& prediction) {
    for (size_t step = 0; prediction.trajectory_E && step < frame.future.size(); ++step) {
      if (!frame.now || !frame.future[step]) continue;
      const Eigen::Vector3d p_G = frame.future[step]->X_GE.translation();
      const Eigen::Vector3d p_E = frame.now->X_GE.inverse() * p_G;
      const auto& planned = (*prediction.trajectory_E)[step];
      distance_ += std::hypot(planned[0] - p_E.x(), planned[1] - p_E.y());
      ++steps_;
    }
  }

  void AddOccupancy(const data::Frame& frame, const data::Prediction& prediction) {
    if (!prediction.occupancy) return;
    const auto truth = data::occ3d::ReadLabels(frame.occupancy);
    voxels_.Merge(eval::CountVoxels({.truth = truth.semantics,
                                     .mask_lidar = truth.mask_lidar,
                                     .mask_camera = truth.mask_camera,
                                     .prediction = prediction.occupancy->labels})
                      .camera);
  }

  /// At most keep.validate_questions of the frame, evenly spread.
  void AddQuestions(const data::Frame& frame) {
    std::vector<const data::QuestionAnswer*> asked;
    for (const auto& question : frame.questions)
      if (question.kind.starts_with(kQa)) asked.push_back(&question);
    if (config_.keep.validate_questions == 0) return;
    for (const size_t i :
         train::EvenlySpread(asked.size(), static_cast<size_t>(config_.keep.validate_questions))) {
      infer::Request request;
      request.frame = frame;
      request.frame_key = frame.token;
      request.prompt = asked[i]->question;
      request.max_new_tokens = kQaTokens;
      request.trajectory = false;
      const auto answer = AskEngine(engine_, context_, std::move(request)).text;
      // nuscenes-qa/TYPE/HOPS
      const auto kind = std::string_view(asked[i]->kind).substr(kQa.size());
      const auto slash = kind.find('/');
      const int hops = slash != kind.npos && kind.substr(slash + 1) == "1" ? 1 : 0;
      questions_.Add(kind.substr(0, slash), hops, asked[i]->answer, answer);
    }
  }

  /// Occupied against free.
  std::optional<double> OccupiedIou() const {
    int64_t both = 0, either = 0;
    for (size_t truth = 0; truth < eval::kVoxelClasses; ++truth) {
      for (size_t said = 0; said < eval::kVoxelClasses; ++said) {
        const bool is = truth < eval::kOccupiedClasses, seems = said < eval::kOccupiedClasses;
        both += is && seems ? voxels_.counts[truth][said] : 0;
        either += is || seems ? voxels_.counts[truth][said] : 0;
      }
    }
    if (either == 0) return std::nullopt;
    return static_cast<double>(both) / static_cast<double>(either);
  }

  const train::TrainConfig& config_;
  const Context& context_;
  const train::Stage& stage_;
  infer::Engine engine_;
  eval::MetaActionScore actions_;
  eval::QaScore questions_;
  eval::Confusion voxels_;  // Those that the cameras see.
  double distance_ = 0;
  int64_t steps_ = 0;
};

}  // namespace

Dataset OpenTrainingSet(const train::FeedConfig& config, size_t set,
                        const std::vector<std::filesystem::path>& questions) {
  data::nuscenes::DatasetOptions options;
  options.dataroot = config.dataroots[set];
  options.version = config.versions[set];
  options.questions = questions;
  return Dataset::Open(options);
}

data::Prediction AskEngine(infer::Engine& engine, const Context& context, infer::Request request) {
  const auto cancelled = std::make_shared<std::atomic<bool>>(false);
  request.cancelled = cancelled;
  auto reply = engine.Submit(std::move(request));
  while (reply.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready)
    if (context.interrupt.stop_requested()) cancelled->store(true);
  return reply.get();
}

train::Validation ValidateCheckpoint(const train::TrainConfig& config, const Context& context,
                                     const std::filesystem::path& checkpoint) {
  const auto tables = std::filesystem::path(config.data.dataroots[0]) / config.data.versions[0];
  std::vector<std::filesystem::path> questions;
  for (const auto& path : config.data.questions)
    for (const auto& file : train::FilesOf(path)) questions.push_back(file);
  if (questions.empty()) questions = train::QuestionFilesBeside(tables);
  const auto dataset = OpenTrainingSet(config.data, 0, questions);
  const auto all = dataset.KeyFrames(config.keep.validate_split);
  const auto chosen =
      train::EvenlySpread(all.size(), static_cast<size_t>(config.keep.validate_frames));
  Scores scores(config, context, checkpoint);
  train::Validation validation;
  Progress bar("validation", chosen.size(), "keyframes");
  for (size_t i = 0; i < chosen.size(); ++i) {
    const auto frame = dataset.FrameOf(all[chosen[i]]);
    const auto prediction = scores.Add(frame);
    if (static_cast<int64_t>(i) < config.keep.validate_pictures) {
      const auto picture = PictureBesideTruth(frame, prediction, TruthOf(frame));
      validation.pictures["prediction-and-truth-" + std::to_string(i)] = data::EncodePng(picture);
    }
    bar.Add();
  }
  validation.values = scores.Values();
  return validation;
}

}  // namespace occvla::cli
