#include <CLI/Option.hpp>
#include <iomanip>
#include <memory>
#include <ostream>

#include "occvla/cli/dataset_flags.h"
#include "occvla/cli/label_flags.h"
#include "occvla/cli/verbs.h"
#include "occvla/label/conversations_files.h"

namespace occvla::cli {
namespace {

struct Flags {
  DatasetFlags dataset;
  std::string meta_actions;
  label::MakeOptions make;
};

/// Shares of their sum.
void Print(const std::string& title, const std::map<std::string, uint64_t>& counts,
           std::ostream& out) {
  uint64_t total = 0;
  for (const auto& [name, count] : counts) total += count;
  PrintShares(title, counts, total, out);
}

void Run(const Flags& flags, const Context& context) {
  data::nuscenes::DatasetOptions options = OptionsFrom(flags.dataset);
  options.meta_actions = flags.meta_actions;
  const auto dataset = data::nuscenes::Dataset::Open(options);
  WorkProgress bar(context, "writing", "keyframes");
  label::MakeOptions make = flags.make;
  make.progress = [&](uint64_t done, uint64_t total) { bar(done, total); };
  const auto report = label::WriteConversations(dataset, make);
  auto& out = context.out;
  out << std::fixed << std::setprecision(1) << report.folder.string() << ": " << report.keyframes
      << " keyframes, " << report.described
      << " of them with description and action (the others have no meta action)\n";
  Print("texts", report.texts, out);
  Print("what-ifs by outcome", report.verdicts, out);
}

}  // namespace

void AddLabelConversations(CLI::App& label, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& verb = *label.add_subcommand(
      "conversations", "OmniDrive-format texts: description, attention, what-ifs, planning");
  AddDatasetFlags(verb, flags->dataset);
  AddMakeFlags(verb, flags->make, "DIR", "Default: DATAROOT/VERSION/omnidrive");
  verb.add_option("--meta-actions", flags->meta_actions,
                  "Labels that descriptions tell; default: DATAROOT/VERSION/meta_actions.json")
      ->type_name("FILE");
  verb.footer(
      "What-ifs are tried against the annotated boxes of the next three seconds and the map.\n"
      "Example:\n  occvla label conversations --dataroot data/town --version v1.0-synth");
  verb.callback([flags, &context] { Run(*flags, context); });
}

}  // namespace occvla::cli
