#include <ostream>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/cli/dataset_flags.h"
#include "occvla/cli/eval_inputs.h"
#include "occvla/cli/verbs.h"
#include "occvla/eval/meta_action.h"

namespace occvla::cli {
namespace {

struct Flags {
  std::string truth, predictions, out;
  DatasetFlags dataset;
  std::string split = "all";
};

MetaActionTruth LabelsOf(const Flags& flags, const Context& context) {
  const auto dataset = data::nuscenes::Dataset::Open(OptionsFrom(flags.dataset));
  auto truth = MetaActionTruthOf(dataset, flags.split, context);
  if (truth.labels.empty()) {
    throw DataError(flags.dataset.dataroot + "/" + flags.dataset.version +
                    "/meta_actions.json: no label for split " + flags.split +
                    ". Make them with `occvla label meta-actions`.");
  }
  context.err << truth.unlabelled.size() << " of " << truth.labels.size() + truth.unlabelled.size()
              << " keyframes have no label and are not counted\n";
  return truth;
}

void Run(const Flags& flags, const Context& context) {
  if (flags.truth.empty() == flags.dataset.dataroot.empty())
    throw ConfigError("eval meta-action needs either --truth or --dataroot with --version.");
  auto answers = eval::ReadAnswers(flags.predictions);
  const MetaActionTruth truth = flags.truth.empty()
                                    ? LabelsOf(flags, context)
                                    : MetaActionTruth{eval::ReadMetaActions(flags.truth), {}, {}};
  for (const auto& token : truth.unlabelled) answers.erase(token);
  const eval::MetaActionScore score = eval::ScoreMetaActions(truth.labels, answers, truth.past);
  WriteFileAtomically(flags.out, eval::MetaActionReportJson(score));
  context.out << eval::MetaActionReportText(score);
}

}  // namespace

void AddEvalMetaAction(CLI::App& eval, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& verb = *eval.add_subcommand("meta-action", "Speed and direction of the next three seconds");
  verb.add_option("--truth", flags->truth,
                  "The labels: {TOKEN: \"VELOCITY, DIRECTION\"}; every one must be answered")
      ->type_name("JSON");
  AddDatasetFlags(verb, flags->dataset);
  verb.get_option("--dataroot")->required(false)->excludes("--truth");
  verb.get_option("--version")->required(false)->needs("--dataroot");
  verb.get_option("--dataroot")->needs("--version");
  AddSplitFlag(verb, flags->split)->capture_default_str();
  verb.add_option("--predictions", flags->predictions,
                  "{TOKEN: text}: a meta action alone or a chain of thought")
      ->required()
      ->type_name("JSON");
  verb.add_option("--out", flags->out, "The report")->required()->type_name("JSON");
  verb.footer(
      "Example:\n  occvla eval meta-action --dataroot data/nuscenes --version v1.0-trainval "
      "--split val --predictions actions.json --out meta_action.json");
  verb.callback([flags, &context] { Run(*flags, context); });
}

}  // namespace occvla::cli
