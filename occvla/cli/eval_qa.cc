#include <ostream>

#include "occvla/base/files.h"
#include "occvla/cli/verbs.h"
#include "occvla/eval/language/qa_score.h"

namespace occvla::cli {
namespace {

struct Flags {
  std::string questions, predictions, out;
};

void Run(const Flags& flags, const Context& context) {
  const eval::QaScore score = eval::ScoreQa(std::filesystem::path(flags.questions),
                                            std::filesystem::path(flags.predictions));
  WriteFileAtomically(flags.out, eval::QaReportJson(score));
  context.out << eval::QaReportText(score);
}

}  // namespace

void AddEvalQa(CLI::App& eval, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& verb = *eval.add_subcommand("qa", "Answers to NuScenes-QA by its official scoring");
  verb.add_option("--questions", flags->questions, "NuScenes-QA's file: {\"questions\": [...]}")
      ->required()
      ->type_name("JSON");
  verb.add_option("--predictions", flags->predictions,
                  "A list of answers in the questions' order; null = none")
      ->required()
      ->type_name("JSON");
  verb.add_option("--out", flags->out, "The report")->required()->type_name("JSON");
  verb.footer(
      "Example:\n  occvla eval qa --questions NuScenes_val_questions.json --predictions "
      "answers.json --out qa.json");
  verb.callback([flags, &context] { Run(*flags, context); });
}

}  // namespace occvla::cli
