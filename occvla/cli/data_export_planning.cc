#include <ostream>

#include "occvla/cli/dataset_flags.h"
#include "occvla/cli/verbs.h"
#include "occvla/data/nuscenes/dataset.h"
#include "occvla/data/nuscenes/planning_export.h"

namespace occvla::cli {
namespace {

struct Flags {
  DatasetFlags dataset;
  std::string split, out;
};

void Run(const Flags& flags, const Context& context) {
  using data::nuscenes::Dataset;
  const Dataset dataset = Dataset::Open(OptionsFrom(flags.dataset));
  const std::vector<data::nuscenes::Row> keyframes = dataset.KeyFrames(flags.split);
  WorkProgress bar(context, "exporting", "keyframes");
  data::nuscenes::ExportPlanning(dataset.tables(), keyframes, flags.out,
                                 [&](uint64_t done) { bar(done, keyframes.size()); });
  context.out << flags.out << ": " << keyframes.size() << " keyframes of " << flags.dataset.version
              << ", split " << flags.split << "\n";
}

}  // namespace

void AddDataExportPlanning(CLI::App& data, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& verb = *data.add_subcommand(
      "export-planning", "The ground truth of planning that `eval planning` compares with");
  AddDatasetFlags(verb, flags->dataset);
  AddSplitFlag(verb, flags->split)->required();
  verb.add_option("--out", flags->out, "The file: a record for each keyframe's token")
      ->required()
      ->type_name("JSON");
  verb.footer(
      "Example:\n  occvla data export-planning --dataroot data/nuscenes --version v1.0-trainval "
      "--split val --out planning_val.json");
  verb.callback([flags, &context] { Run(*flags, context); });
}

}  // namespace occvla::cli
