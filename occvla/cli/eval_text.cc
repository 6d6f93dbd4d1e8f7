#include <ostream>

#include "occvla/base/files.h"
#include "occvla/cli/verbs.h"
#include "occvla/eval/language/caption_score.h"

namespace occvla::cli {
namespace {

struct Flags {
  std::string predictions, references, out;
  bool tokenised = false;
};

void Run(const Flags& flags, const Context& context) {
  const eval::CaptionScore score =
      eval::ScoreCaptions(eval::ReadCaptions(flags.predictions, flags.references, flags.tokenised));
  if (!flags.out.empty()) WriteFileAtomically(flags.out, eval::CaptionReportJson(score));
  context.out << eval::CaptionReportText(score);
}

}  // namespace

void AddEvalText(CLI::App& eval, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& verb = *eval.add_subcommand(
      "text", "BLEU, ROUGE-L and CIDEr of free text, as for OmniDrive and DriveLM");
  verb.add_option("--predictions", flags->predictions,
                  "{ID: text}, such as DriveLM's SCENE_FRAME_INDEX or a sample token")
      ->required()
      ->type_name("JSON");
  verb.add_option("--references", flags->references, "{ID: [texts]} (or one text) for the same ids")
      ->required()
      ->type_name("JSON");
  verb.add_flag("--tokenised", flags->tokenised,
                "The texts are words between blanks already, of PTBTokenizer for example");
  verb.add_option("--out", flags->out, "The report as well")->type_name("JSON");
  verb.footer(
      "Example:\n  occvla eval text --predictions answers.json --references truth.json --out "
      "text.json");
  verb.callback([flags, &context] { Run(*flags, context); });
}

}  // namespace occvla::cli
