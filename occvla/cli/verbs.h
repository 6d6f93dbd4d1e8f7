#pragma once
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <iosfwd>
#include <stop_token>

/// One function a verb: it adds its flags and what runs once they are parsed. Results go to
/// `context.out` or the file that `--out` names, everything else to `context.err`; what goes wrong
/// is thrown (base/error.h) and caught in RunProgram.
namespace occvla::cli {

/// What a verb is given beside its flags. Outlives every callback.
struct Context {
  std::ostream& out;
  std::ostream& err;
  std::stop_token interrupt;  ///< SIGINT or SIGTERM arrived.

  /// Throws BusyError once an interruption was asked for; long loops call it.
  void CheckInterrupt() const;
};

void AddDemo(CLI::App& app, const Context& context);
void AddPredict(CLI::App& app, const Context& context);
void AddTokenize(CLI::App& app, const Context& context);
void AddConvert(CLI::App& app, const Context& context);
void AddInit(CLI::App& app, const Context& context);
void AddSynth(CLI::App& app, const Context& context);
void AddTrain(CLI::App& app, const Context& context);
void AddServe(CLI::App& app, const Context& context);
void AddDoctor(CLI::App& app, const Context& context);
/// `view` serves what it names; its children follow. Returns the verb.
CLI::App& AddView(CLI::App& app, const Context& context);
/// Children of the verb `data`.
void AddDataCheck(CLI::App& data, const Context& context);
void AddDataStats(CLI::App& data, const Context& context);
void AddDataSheet(CLI::App& data, const Context& context);
void AddDataShow(CLI::App& data, const Context& context);
void AddDataExportPlanning(CLI::App& data, const Context& context);
void AddDataPack(CLI::App& data, const Context& context);
/// Children of the verb `dump`.
void AddDumpModel(CLI::App& dump, const Context& context);
void AddDumpExamples(CLI::App& dump, const Context& context);
void AddDumpImage(CLI::App& dump, const Context& context);
void AddDumpFrame(CLI::App& dump, const Context& context);
void AddDumpMap(CLI::App& dump, const Context& context);
void AddDumpVqvae(CLI::App& dump, const Context& context);

/// Children of the verb `label`.
void AddLabelMetaActions(CLI::App& label, const Context& context);
void AddLabelCot(CLI::App& label, const Context& context);
void AddLabelQa(CLI::App& label, const Context& context);
void AddLabelConversations(CLI::App& label, const Context& context);
void AddLabelReview(CLI::App& label, const Context& context);
void AddLabelReviewPage(CLI::App& review, const Context& context);
/// Children of the verb `eval`.
void AddEvalRun(CLI::App& eval, const Context& context);
void AddEvalPlanning(CLI::App& eval, const Context& context);
void AddEvalOccupancy(CLI::App& eval, const Context& context);
void AddEvalQa(CLI::App& eval, const Context& context);
void AddEvalMetaAction(CLI::App& eval, const Context& context);
void AddEvalText(CLI::App& eval, const Context& context);
void AddEvalReport(CLI::App& eval, const Context& context);

/// Children of the verb `runs`.
void AddRunsList(CLI::App& runs, const Context& context);
void AddRunsShow(CLI::App& runs, const Context& context);
void AddRunsCompare(CLI::App& runs, const Context& context);
void AddRunsPage(CLI::App& runs, const Context& context);
void AddRunsExport(CLI::App& runs, const Context& context);
void AddRunsForget(CLI::App& runs, const Context& context);

/// Children of the verb `view`.
void AddViewExport(CLI::App& view, const Context& context);

/// Children of the verb `bench`.
void AddBenchModel(CLI::App& bench, const Context& context);

}  // namespace occvla::cli
