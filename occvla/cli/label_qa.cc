#include <CLI/Option.hpp>
#include <algorithm>
#include <iomanip>
#include <memory>
#include <ostream>

#include "occvla/cli/dataset_flags.h"
#include "occvla/cli/verbs.h"
#include "occvla/label/qa_files.h"

namespace occvla::cli {
namespace {

struct Flags {
  DatasetFlags dataset;
  label::MakeOptions make;
  size_t most = label::QaOptions{}.most;
};

void Print(const std::string& title, const std::map<std::string, uint64_t>& counts, uint64_t total,
           std::ostream& out) {
  out << title << "\n";
  for (const auto& [name, count] : counts) {
    const double percent =
        total > 0 ? 100 * static_cast<double>(count) / static_cast<double>(total) : 0;
    out << "  " << std::left << std::setw(24) << name << std::right << std::setw(10) << count
        << std::setw(8) << percent << " %\n";
  }
}

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
  Print("questions by kind", report.kinds, report.questions, out);
  Print("answers", report.answers, report.questions, out);
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
  AddSplitFlag(verb, flags->make.split)->capture_default_str();
  verb.add_option("--seed", flags->make.seed, "Same seed, same questions")
      ->type_name("N")
      ->capture_default_str();
  verb.add_option("--most", flags->most, "Questions a keyframe")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  verb.add_option("--out", flags->make.out,
                  "Folder for NuScenes_{train,val,test}_questions.json; default: "
                  "DATAROOT/VERSION/questions")
      ->type_name("DIR");
  verb.add_flag("--force", flags->make.overwrite, "Replace files that are there");
  verb.add_option("--threads", flags->make.threads, "0 = all cores")
      ->check(CLI::NonNegativeNumber)
      ->type_name("N")
      ->capture_default_str();
  verb.footer(
      "A question is asked only where its answer is beyond doubt: the same with things that are\n"
      "hidden or far and without them, and with those near a sector's border and without them.\n"
      "Example:\n  occvla label qa --dataroot data/town --version v1.0-synth --seed 1");
  verb.callback([flags, &context] { Run(*flags, context); });
}

}  // namespace occvla::cli
