#include <CLI/Option.hpp>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/progress.h"
#include "occvla/cli/dataset_flags.h"
#include "occvla/cli/eval_inputs.h"
#include "occvla/cli/predict_config.h"
#include "occvla/cli/verbs.h"
#include "occvla/eval/consistency.h"
#include "occvla/eval/language/qa_score.h"
#include "occvla/eval/meta_action.h"
#include "occvla/eval/occupancy/report.h"
#include "occvla/eval/planning/run.h"
#include "occvla/eval/planning/summary.h"
#include "occvla/eval/runner.h"
#include "occvla/eval/scene_sums.h"
#include "occvla/eval/shard.h"
#include "occvla/model/files/overlay.h"

namespace occvla::cli {
namespace {

struct Flags {
  DatasetFlags dataset;
  std::string split;
  std::filesystem::path out, config;
  std::vector<std::string> sets, shorthands;
  std::string shard;
  bool occupancy = false, no_questions = false;
};

PredictConfig ReadConfig(const Flags& flags) {
  PredictConfig config;
  auto sets = flags.sets;
  sets.insert(sets.end(), flags.shorthands.begin(), flags.shorthands.end());
  LoadConfig(config, flags.config, sets);
  config.Validate();
  return config;
}

/// What the replies depend on; not on how fast they are computed.
std::string Identity(PredictConfig config, const Flags& flags, size_t frames) {
  const auto fingerprint = model::FingerprintOf(config.model.checkpoint);
  config.model.checkpoint.clear();
  config.model.threads = 0;
  std::string questions;
  if (!flags.no_questions)
    for (const auto& path : flags.dataset.questions) questions += " " + path;
  return "checkpoint " + fingerprint + "\ndata " + flags.dataset.version + ", split " +
         flags.split + ", " + std::to_string(frames) + " keyframes\nquestions" + questions +
         "\noccupancy " + (flags.occupancy ? "yes" : "no") + "\n" + ToToml(config);
}

bool HasEntries(const std::filesystem::path& object) {
  return ReadTextFile(object, size_t{2} << 30).find(':') != std::string::npos;
}

/// Asks one engine about one frame after the other.
class Asker {
 public:
  Asker(const PredictConfig& config, const Flags& flags, const Context& context)
      : request_(config.Request()),
        flags_(flags),
        context_(context),
        engine_(config.model.checkpoint, config.EngineOptions()) {}

  eval::Reply operator()(const data::Frame& frame) {
    auto request = request_;
    request.frame = frame;
    request.frame_key = frame.token;
    request.occupancy = flags_.occupancy;
    eval::Reply reply;
    reply.prediction = Await(request);
    if (flags_.no_questions) return reply;
    request.occupancy = request.trajectory = false;
    request.text = true;
    for (const auto& question : frame.questions) {
      request.prompt = question.question;
      reply.answers.push_back(Await(request).text);
    }
    return reply;
  }

 private:
  data::Prediction Await(infer::Request& request) {
    request.cancelled = std::make_shared<std::atomic<bool>>(false);
    auto reply = engine_.Submit(request);
    while (reply.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready)
      if (context_.interrupt.stop_requested()) request.cancelled->store(true);
    return reply.get();
  }

  infer::Request request_;
  const Flags& flags_;
  const Context& context_;
  infer::Engine engine_;
};

void Report(const std::filesystem::path& path, const std::string& json, const std::string& text,
            const Context& context) {
  WriteFileAtomically(path, std::string_view(json));
  context.out << "\n" << path.string() << "\n" << text;
}

/// For `occvla view RUN`, which otherwise has to be told.
void WriteDatasetNote(const Flags& flags) {
  const auto root = std::filesystem::absolute(flags.dataset.dataroot).lexically_normal();
  const nlohmann::ordered_json note{
      {"dataroot", root.string()}, {"version", flags.dataset.version}, {"split", flags.split}};
  WriteFileAtomically(flags.out / "dataset.json", std::string_view(note.dump(1) + "\n"));
}

/// Every metric that the data set has a truth for, into the folder that `eval report` reads.
void Measure(const data::nuscenes::Dataset& dataset,
             const std::vector<data::nuscenes::Row>& keyframes, const eval::RunSource& source,
             const Flags& flags, const Context& context) {
  const auto predictions = flags.out / "predictions";
  const auto texts = eval::ReadAnswers(predictions / "texts.json");
  eval::SceneSums sums;
  if (HasEntries(predictions / "trajectories.json")) {
    WorkProgress bar(context, "planning", "frames");
    const eval::PlanningRun run{
        .predictions = predictions / "trajectories.json",
        .progress = [&](uint64_t done, uint64_t total) { bar(done, total); }};
    const auto measures = eval::MeasurePlanning(dataset, keyframes, run);
    eval::AddPlanning(measures, &sums);
    const auto summary = eval::Summarise(measures);
    Report(flags.out / "planning.json", eval::ToJson(summary), eval::ToText(summary), context);
  }
  const auto truth = MetaActionTruthOf(dataset, flags.split, context);
  if (!truth.labels.empty()) {
    auto answers = texts;
    for (const auto& token : truth.unlabelled) answers.erase(token);
    const auto score = eval::ScoreMetaActions(truth.labels, answers, truth.past);
    std::map<std::string, eval::MetaActionScore> by_scene;
    for (const auto& [token, label] : truth.labels) {
      by_scene[dataset.FrameOf(token).scene].AddText(token, label, answers.at(token),
                                                     truth.past.at(token));
    }
    eval::AddMetaActions(by_scene, &sums);
    Report(flags.out / "meta_action.json", eval::MetaActionReportJson(score),
           eval::MetaActionReportText(score), context);
  }
  if (std::filesystem::exists(predictions / "questions.json")) {
    const auto score = eval::ScoreQa(predictions / "questions.json", predictions / "answers.json");
    Report(flags.out / "qa.json", eval::QaReportJson(score), eval::QaReportText(score), context);
  }
  WriteFileAtomically(flags.out / "scenes.json", std::string_view(eval::ToJson(sums)));
  std::vector<eval::FrameConsistency> consistency;
  eval::VisitReplies(source, flags.out, [&](const data::Prediction& prediction) {
    consistency.push_back(eval::CheckConsistency(prediction));
  });
  const auto rates = eval::ConsistencyRates(consistency);
  Report(flags.out / "consistency.json", eval::ConsistencyReportJson(rates),
         eval::ConsistencyReportText(rates), context);
  if (!flags.occupancy) return;
  const auto cases = OccupancyCasesOf(dataset, flags.split, flags.out / "occupancy");
  if (cases.empty()) return;
  WorkProgress bar(context, "occupancy", "keyframes");
  eval::OccupancyOptions options;
  options.progress = [&](uint64_t done, uint64_t total) { bar(done, total); };
  const auto counts = eval::EvaluateOccupancy(cases, options);
  Report(flags.out / "occupancy.json", eval::OccupancyReportJson(counts),
         eval::OccupancyReportText(counts), context);
}

void Run(const Flags& flags, const Context& context) {
  const auto config = ReadConfig(flags);
  const auto shard = eval::ParseShard(flags.shard);
  auto options = OptionsFrom(flags.dataset);
  if (flags.no_questions) options.questions.clear();
  const auto dataset = data::nuscenes::Dataset::Open(options);
  const auto keyframes = dataset.KeyFrames(flags.split);
  const auto& samples = dataset.tables().rows().sample;
  const eval::RunSource source{
      .frames = keyframes.size(),
      .frame = [&](size_t index) { return dataset.FrameOf(keyframes[index]); },
      .token = [&](size_t index) { return samples[keyframes[index]].token.ToString(); },
      .identity = Identity(config, flags, keyframes.size())};
  size_t asked = 0;
  {
    const size_t mine = (keyframes.size() + shard.of - 1 - shard.index) / shard.of;
    Progress bar("eval run", mine, "keyframes");
    eval::RunOptions run{.shard = shard.index, .shards = shard.of};
    run.on_done = [&](size_t more) { bar.Add(more); };
    run.interrupt = context.interrupt;
    auto asker = std::make_shared<Asker>(config, flags, context);
    asked = eval::RunModel(
        source, [asker](const data::Frame& f) { return (*asker)(f); }, run, flags.out);
  }
  context.out << flags.out.string() << ": " << asked << " keyframes asked about now";
  if (shard.of > 1) {
    context.out << "; when every shard is done, the same command without --shard gathers them\n";
    return;
  }
  eval::CollectReplies(source, flags.out);
  WriteDatasetNote(flags);
  context.out << "; all " << keyframes.size() << " are in predictions/\n";
  Measure(dataset, keyframes, source, flags, context);
}

}  // namespace

void AddEvalRun(CLI::App& eval, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& verb = *eval.add_subcommand(
      "run", "Asks a checkpoint about every keyframe of a split, and measures its replies");
  AddDatasetFlags(verb, flags->dataset);
  AddSplitFlag(verb, flags->split)->required();
  verb.add_option_function<std::string>(
          "--checkpoint",
          [flags](const std::string& value) {
            flags->shorthands.push_back("model.checkpoint=" + value);
          },
          "Checkpoint folder, ours or Hugging Face's")
      ->type_name("DIR");
  verb.add_option("--out", flags->out, "Folder to make or to go on with")
      ->required()
      ->type_name("DIR");
  verb.add_option("--shard", flags->shard, "Ask about part i of n only (from 0)")->type_name("i/n");
  verb.add_flag("--predict-occupancy", flags->occupancy,
                "Predict occupancy too, into OUT/occupancy/");
  verb.add_flag("--no-questions", flags->no_questions,
                "Ask for the meta action alone, not the data set's questions");
  verb.add_option("--config", flags->config, "TOML file, such as configs/predict.toml")
      ->type_name("FILE");
  verb.add_option("--set", flags->sets, "Changes a field of the config; repeatable")
      ->type_name("FIELD=VALUE");
  verb.footer(
      "Example:\n  occvla eval run --checkpoint build/nano --dataroot data/town --version "
      "v1.0-synth --split val --predict-occupancy --out results/nano\n\nThe same command goes on "
      "where a run was stopped. OUT/predictions\nholds what was said, OUT/*.json the metrics, "
      "which `occvla eval report --model OUT` puts into tables."
      "\n\nFields of the config:\n" +
      HelpText(PredictConfig()));
  verb.callback([flags, &context] { Run(*flags, context); });
}

}  // namespace occvla::cli
