#include <CLI/Option.hpp>
#include <iomanip>
#include <memory>
#include <ostream>

#include "occvla/base/config.h"
#include "occvla/cli/dataset_flags.h"
#include "occvla/cli/label_cot_endpoint.h"
#include "occvla/cli/label_flags.h"
#include "occvla/cli/verbs.h"
#include "occvla/label/cot_endpoint.h"
#include "occvla/label/cot_template_file.h"

namespace occvla::cli {
namespace {

struct Flags {
  DatasetFlags dataset;
  std::string meta_actions;
  label::MakeOptions make;
  std::shared_ptr<CotEndpointFlags> endpoint = std::make_shared<CotEndpointFlags>();
};

void RunTemplate(const Flags& flags, const data::nuscenes::Dataset& dataset,
                 const Context& context) {
  WorkProgress bar(context, "writing", "keyframes");
  label::MakeOptions make = flags.make;
  make.progress = [&](uint64_t done, uint64_t total) { bar(done, total); };
  const auto report = label::WriteTemplateCot(dataset, make);
  auto& out = context.out;
  out << std::fixed << std::setprecision(1) << report.file.string() << ": " << report.labels
      << " of " << report.keyframes << " keyframes (" << report.keyframes - report.labels
      << " have no meta action), " << report.texts << " different texts\n";
  PrintShares("meta actions", report.actions, report.labels, out);
  PrintShares("reasons given", report.reasons, report.labels, out);
}

void Run(const Flags& flags, const Context& context) {
  data::nuscenes::DatasetOptions options = OptionsFrom(flags.dataset);
  options.meta_actions = flags.meta_actions;
  const auto dataset = data::nuscenes::Dataset::Open(options);
  if (flags.endpoint->endpoint) {
    RunCotEndpoint(*flags.endpoint, dataset, flags.make, context);
  } else {
    RunTemplate(flags, dataset, context);
  }
}

}  // namespace

void AddLabelCot(CLI::App& label, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& verb = *label.add_subcommand(
      "cot", "Chain of thought: scene, intent and meta action of each keyframe");
  AddDatasetFlags(verb, flags->dataset);
  AddMakeFlags(verb, flags->make, "FILE", "Default: DATAROOT/VERSION/chain_of_thought.json");
  verb.add_option("--meta-actions", flags->meta_actions,
                  "The labels to explain; default: DATAROOT/VERSION/meta_actions.json")
      ->type_name("FILE");
  AddCotEndpointFlags(verb, flags->endpoint);
  verb.footer(
      "Examples:\n  occvla label cot --dataroot data/town --version v1.0-synth\n"
      "  OCCVLA_CHAT_URL=http://localhost:8000/v1 occvla label cot --dataroot data/town --version "
      "v1.0-synth \\\n    --endpoint --model eyes --cache answers --max-requests 1000\n\n"
      "Fields of --config and --set:\n" +
      HelpText(label::CotEndpointConfig{}));
  verb.callback([flags, &context] { Run(*flags, context); });
}

}  // namespace occvla::cli
