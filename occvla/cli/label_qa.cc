#include <CLI/Option.hpp>
#include <algorithm>
#include <iomanip>
#include <memory>
#include <ostream>

#include "occvla/cli/dataset_flags.h"
#include "occvla/cli/label_flags.h"
#include "occvla/cli/verbs.h"
#include "occvla/label/qa_files.h"

namespace occvla::cli {
namespace {

struct Flags {
  DatasetFlags dataset;
  label::MakeOptions make;
  size_t most = label::QaOptions{}.most;
};

void Run(const Flags& flags, const Context& context) {
  const auto dataset = data::nuscenes::Dataset::Open(OptionsFrom(flags.dataset));
  WorkProgress bar(context, "asking", "keyframes");
  label::MakeOptions make = flags.make;
  make.progress = [&](uint64_t done, uint64_t total) { bar(done, total); };
  const auto report = label::WriteQuestions(dataset, make, flags.most);
  auto& out = context.out;
  out << std::fixed << std::setprecision(1);
  for (const auto& file : report.files) out << file.string() << "\n";
  out << report.questions << " questions about " << report.keyframes << " keyframes, "
      << report.without << " of them without any\n";
  PrintShares("questions by kind", report.kinds, report.questions, out);
  PrintShares("answers", report.answers, report.questions, out);
  for (const auto& [type, yes] : report.yes) {
    const auto found = report.no.find(type);
    const uint64_t all = yes + (found == report.no.end() ? 0 : found->second);
    out << "yes of " << type << ": " << 100 * static_cast<double>(yes) / static_cast<double>(all)
        << " %\n";
  }
}

}  // namespace

void AddLabelQa(CLI::App& label, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& verb = *label.add_subcommand(
      "qa",
      "NuScenes-QA-format questions from annotations: exist, count, object, status, comparison");
  AddDatasetFlags(verb, flags->dataset);
  AddMakeFlags(
      verb, flags->make, "DIR",
      "Folder for NuScenes_{train,val,test}_questions.json; default: DATAROOT/VERSION/questions");
  verb.add_option("--most", flags->most, "Questions a keyframe")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  verb.footer(
      "A question is asked only where its answer is beyond doubt: the same with things that are\n"
      "hidden or far and without them, and with those near a sector's border and without them.\n"
      "Example:\n  occvla label qa --dataroot data/town --version v1.0-synth --seed 1");
  verb.callback([flags, &context] { Run(*flags, context); });
}

}  // namespace occvla::cli
