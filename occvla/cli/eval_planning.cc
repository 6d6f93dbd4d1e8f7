#include <CLI/Option.hpp>
#include <CLI/Validators.hpp>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/cli/dataset_flags.h"
#include "occvla/cli/verbs.h"
#include "occvla/eval/planning/run.h"
#include "occvla/eval/planning/shard_file.h"
#include "occvla/eval/planning/summary.h"
#include "occvla/eval/shard.h"

namespace occvla::cli {
namespace {

struct Flags {
  DatasetFlags dataset;
  std::string split, ground_truth, predictions, out, shard;
  std::vector<std::string> merge;
  eval::PredictionFrame frame = eval::PredictionFrame::kEgo;
  bool json = false;
};

// One way to name the inputs, and all of it.
void Check(const Flags& flags) {
  const int ways = (flags.dataset.dataroot.empty() ? 0 : 1) + (flags.ground_truth.empty() ? 0 : 1) +
                   (flags.merge.empty() ? 0 : 1);
  if (ways != 1) {
    throw ConfigError(
        "Name one of --dataroot (with --version and --split), --ground-truth and --merge: what the "
        "predictions are compared with, or the shards of a run to put together.");
  }
  if (!flags.dataset.dataroot.empty() && (flags.dataset.version.empty() || flags.split.empty()))
    throw ConfigError("--dataroot needs --version and --split too.");
  if (flags.merge.empty() == flags.predictions.empty()) {
    throw ConfigError(flags.merge.empty()
                          ? "--predictions names the file to evaluate and is missing."
                          : "--merge reads what was measured already: leave out --predictions.");
  }
  if (!flags.merge.empty() && !flags.shard.empty())
    throw ConfigError("--merge makes the whole report: leave out --shard.");
}

std::vector<eval::FrameMeasures> Measure(const Flags& flags, const eval::Shard& shard,
                                         const Context& context) {
  WorkProgress bar(context, "measuring", "frames");
  const eval::PlanningRun run{.predictions = flags.predictions,
                              .frame = flags.frame,
                              .shard = shard.index,
                              .shards = shard.of,
                              .progress = [&](uint64_t done, uint64_t total) { bar(done, total); }};
  if (!flags.ground_truth.empty())
    return eval::MeasurePlanning(std::filesystem::path(flags.ground_truth), run);
  const auto dataset = data::nuscenes::Dataset::Open(OptionsFrom(flags.dataset));
  return eval::MeasurePlanning(dataset, dataset.KeyFrames(flags.split), run);
}

// What the shards of one run have in common, as text that two runs share only by chance.
std::string RunName(const Flags& flags) {
  const std::string truth = flags.ground_truth.empty()
                                ? flags.dataset.version + " " + flags.split
                                : "ground truth " + Sha256OfFile(flags.ground_truth);
  return truth + ", predictions " + Sha256OfFile(flags.predictions) +
         (flags.frame == eval::PredictionFrame::kLidar ? ", lidar" : ", ego");
}

void Run(const Flags& flags, const Context& context) {
  Check(flags);
  if (!flags.shard.empty()) {
    const auto shard = eval::ParseShard(flags.shard);
    eval::PlanningShard part{shard.index, shard.of, RunName(flags), Measure(flags, shard, context)};
    WriteFileAtomically(flags.out, eval::ToJson(part));
    context.out << flags.out << ": " << part.frames.size() << " frames, shard " << flags.shard
                << "; `occvla eval planning --merge` puts the shards together\n";
    return;
  }
  const std::vector<std::filesystem::path> parts(flags.merge.begin(), flags.merge.end());
  const eval::PlanningSummary summary = eval::Summarise(
      parts.empty() ? Measure(flags, {}, context) : eval::MergePlanningShards(parts));
  const std::string report = eval::ToJson(summary);
  WriteFileAtomically(flags.out, report);
  context.out << (flags.json ? report : eval::ToText(summary));
  for (const std::string& warning : summary.warnings) context.err << "warning: " << warning << "\n";
}

}  // namespace

void AddEvalPlanning(CLI::App& eval, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& verb = *eval.add_subcommand(
      "planning", "L2 and collision of predicted trajectories by every published protocol");
  AddDatasetFlags(verb, flags->dataset);
  verb.get_option("--dataroot")->required(false);
  verb.get_option("--version")->required(false);
  AddSplitFlag(verb, flags->split);
  verb.add_option("--ground-truth", flags->ground_truth,
                  "Instead of a data set: what `data export-planning` wrote")
      ->type_name("JSON");
  verb.add_option("--predictions", flags->predictions,
                  "{\"<sample token>\": [[x, y] x 6]}, metres, 0.5 s apart")
      ->type_name("JSON");
  verb.add_option_function<std::string>(
          "--prediction-frame",
          [flags](const std::string& name) {
            flags->frame =
                name == "lidar" ? eval::PredictionFrame::kLidar : eval::PredictionFrame::kEgo;
          },
          "ego: the ego origin, x forward, y left; lidar: LIDAR_TOP in its own axes [ego]")
      ->check(CLI::IsMember({"ego", "lidar"}))
      ->type_name("NAME");
  verb.add_option("--out", flags->out, "The report; with --shard that shard's measurements")
      ->required()
      ->type_name("JSON");
  verb.add_option("--shard", flags->shard, "Measure only part i of n (from 0), for --merge")
      ->type_name("i/n");
  verb.add_option("--merge", flags->merge,
                  "Put the shards of a run together: exactly the unsharded report")
      ->type_name("PART.json...");
  verb.add_flag("--json", flags->json, "Print the report as JSON as well");
  verb.footer(
      "Example:\n  occvla eval planning --dataroot data/nuscenes --version v1.0-trainval --split "
      "val --predictions plans.json --out report.json");
  verb.callback([flags, &context] { Run(*flags, context); });
}

}  // namespace occvla::cli
