#include <CLI/Option.hpp>
#include <algorithm>
#include <iomanip>
#include <memory>
#include <ostream>
#include <sstream>
#include <thread>

#include "occvla/base/progress.h"
#include "occvla/cli/dataset_flags.h"
#include "occvla/cli/verbs.h"
#include "occvla/data/nuscenes/dataset.h"
#include "occvla/data/pack.h"

namespace occvla::cli {
namespace {

struct Flags {
  DatasetFlags dataset;
  std::string split, out;
  data::PackOptions options;
};

std::string SizeText(uint64_t bytes) {
  const bool small = bytes < uint64_t{1} << 30;
  std::ostringstream text;
  text << std::fixed << std::setprecision(1)
       << static_cast<double>(bytes) / static_cast<double>(uint64_t{1} << (small ? 20 : 30))
       << (small ? " MiB" : " GiB");
  return text.str();
}

void PrintPlan(const data::PackPlan& plan, const std::string& folder, std::ostream& err) {
  err << folder << ": " << plan.frames << " keyframes in " << plan.shards
      << " shards: " << SizeText(plan.image_bytes) << " of images"
      << (plan.frames_with_labels == 0 ? ", no labels"
                                       : ", up to " + SizeText(plan.label_bytes) + " of labels");
  if (plan.frames_done > 0) err << "; " << plan.frames_done << " are done";
  err << "\n";
}

void Run(const Flags& flags, const Context& context) {
  using data::nuscenes::Dataset;
  const Dataset dataset = Dataset::Open(OptionsFrom(flags.dataset));
  const std::vector<data::nuscenes::Row> keyframes = dataset.KeyFrames(flags.split);
  const data::PackSource source{
      .version = flags.dataset.version,
      .split = flags.split,
      .frames = keyframes.size(),
      .frame = [&](size_t index) { return dataset.FrameOf(keyframes[index]); }};
  data::PackOptions options = flags.options;
  options.interrupt = context.interrupt;
  const data::PackPlan plan = data::PlanPack(source, options, flags.out);
  PrintPlan(plan, flags.out, context.err);
  {
    Progress bar("packing", plan.frames, "keyframes");
    bar.Add(plan.frames_done);
    options.on_done = [&](size_t frames) { bar.Add(frames); };
    data::WritePack(source, options, plan, flags.out);
  }
  const data::Pack pack = data::Pack::Open(flags.out);
  context.out << flags.out << ": " << pack.size() << " keyframes of " << flags.dataset.version
              << ", split " << flags.split << ", " << pack.size_px() << " px\n";
}

}  // namespace

void AddDataPack(CLI::App& data, const Context& context) {
  auto flags = std::make_shared<Flags>();
  flags->options.threads = std::clamp<size_t>(std::thread::hardware_concurrency(), 1, 256);
  auto& verb = *data.add_subcommand(
      "pack", "Images at training resolution and labels in shards, for fast training");
  AddDatasetFlags(verb, flags->dataset);
  AddSplitFlag(verb, flags->split)->required();
  verb.add_option("--size", flags->options.size_px, "Edge of the images in pixels")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  verb.add_option("--out", flags->out, "The pack's folder: new, empty, or of a run to go on with")
      ->required()
      ->type_name("DIR");
  verb.add_option("--shard-frames", flags->options.frames_per_shard, "Keyframes a shard")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  verb.add_option("--threads", flags->options.threads, "[all cores]")->check(CLI::Range(1, 256));
  verb.footer(
      "The same command goes on with a run that was stopped; the result has the same bytes.\n"
      "Example:\n  occvla data pack --dataroot data/nuscenes --version v1.0-trainval --split train "
      "--out data/train-224");
  verb.callback([flags, &context] { Run(*flags, context); });
}

}  // namespace occvla::cli
