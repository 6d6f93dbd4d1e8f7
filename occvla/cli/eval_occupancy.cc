#include <malloc.h>

#include <ostream>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/cli/dataset_flags.h"
#include "occvla/cli/eval_inputs.h"
#include "occvla/cli/verbs.h"
#include "occvla/eval/occupancy/evaluate.h"
#include "occvla/eval/occupancy/lidar_origins.h"

namespace occvla::cli {
namespace {

struct Flags {
  std::string ground_truth, predictions, out, shard;
  DatasetFlags dataset;
  std::string split;
  std::vector<std::string> merge;
};

std::vector<eval::OccupancyCase> CasesOf(const Flags& flags) {
  const auto dataset = data::nuscenes::Dataset::Open(OptionsFrom(flags.dataset));
  const auto cases = OccupancyCasesOf(dataset, flags.split, flags.predictions);
  if (cases.empty()) {
    throw DataError(flags.dataset.dataroot + ": no keyframe of split " + flags.split +
                    " has occupancy labels. Name their folder with --occupancy.");
  }
  eval::CheckPredictionFiles(cases, flags.predictions);
  return cases;
}

void Finish(const Flags& flags, const eval::OccupancyCounts& counts, const Context& context) {
  WriteFileAtomically(flags.out, eval::OccupancyReportJson(counts));
  context.out << eval::OccupancyReportText(counts);
}

void Run(const Flags& flags, const Context& context) {
  if (!flags.merge.empty()) {
    std::vector<eval::NamedText> parts;
    for (const std::string& path : flags.merge) parts.push_back({path, ReadTextFile(path)});
    Finish(flags, eval::MergeOccupancyParts(parts), context);
    return;
  }
  if (flags.predictions.empty() || flags.ground_truth.empty() == flags.dataset.dataroot.empty()) {
    throw ConfigError(
        "eval occupancy needs --predictions and either --ground-truth or --dataroot (or --merge "
        "alone).");
  }
  eval::OccupancyOptions options;
  options.shard = eval::ParseShard(flags.shard);
  const std::vector<eval::OccupancyCase> cases =
      flags.ground_truth.empty() ? CasesOf(flags)
                                 : eval::PairOccupancy(flags.ground_truth, flags.predictions);
  // Volumes come and go thousands of times: given back to the system each time, clearing their
  // pages costs as much as inflating them.
  (void)mallopt(M_MMAP_THRESHOLD, 64 << 20);
  (void)mallopt(M_TRIM_THRESHOLD, 256 << 20);
  WorkProgress bar(context, "counting", "keyframes");
  options.progress = [&](uint64_t done, uint64_t total) { bar(done, total); };
  const eval::OccupancyCounts counts = eval::EvaluateOccupancy(cases, options);
  if (flags.shard.empty()) {
    Finish(flags, counts, context);
    return;
  }
  WriteFileAtomically(flags.out,
                      eval::OccupancyPartJson(counts, options.shard, eval::NamesOf(cases)));
  context.out << flags.out << ": " << counts.frames << " of " << cases.size()
              << " keyframes counted, part " << flags.shard << "\n";
}

}  // namespace

void AddEvalOccupancy(CLI::App& eval, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& verb =
      *eval.add_subcommand("occupancy", "IoU under three masks and RayIoU of predicted occupancy");
  verb.add_option("--ground-truth", flags->ground_truth,
                  "NAME/labels.npz for each keyframe; lidar_origins.json for RayIoU")
      ->type_name("DIR");
  AddDatasetFlags(verb, flags->dataset);
  verb.get_option("--dataroot")->required(false);
  verb.get_option("--version")->required(false)->needs("--dataroot");
  verb.get_option("--dataroot")->needs("--version")->excludes("--ground-truth");
  flags->split = "all";
  AddSplitFlag(verb, flags->split)->capture_default_str();
  verb.add_option("--predictions", flags->predictions, "NAME.npz (or TOKEN.npz) with `pred`")
      ->type_name("DIR");
  verb.add_option("--out", flags->out, "The report, or a part of it")
      ->required()
      ->type_name("JSON");
  verb.add_option("--shard", flags->shard, "Count part i of n only (from 0); writes a part")
      ->type_name("i/n");
  verb.add_option("--merge", flags->merge, "Parts of --shard, all of them, to the whole report")
      ->type_name("PART")
      ->excludes("--ground-truth")
      ->excludes("--dataroot")
      ->excludes("--shard");
  verb.footer(
      "Example:\n  occvla eval occupancy --dataroot data/nuscenes --version v1.0-trainval --split "
      "val --predictions predicted --out occupancy.json");
  verb.callback([flags, &context] { Run(*flags, context); });
}

}  // namespace occvla::cli
