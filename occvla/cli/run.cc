#include "occvla/cli/run.h"

#include <algorithm>
#include <filesystem>
#include <new>
#include <ostream>

#include "occvla/base/error.h"
#include "occvla/base/text.h"
#include "occvla/cli/verbs.h"

namespace occvla::cli {
namespace {

constexpr int kUsage = 2, kData = 3, kDevice = 5, kOurFault = 70;
constexpr const char* kOutOfMemory =
    "out of memory. Close other programs, or choose smaller inputs.";

void AddVerbs(CLI::App& app, const Context& context) {
  AddDemo(app, context);
  AddPredict(app, context);
  AddTokenize(app, context);
  AddInit(app, context);
  AddConvert(app, context);
  AddSynth(app, context);
  AddTrain(app, context);
  AddServe(app, context);
  auto& data =
      *app.add_subcommand("data", "Looks at a data set: checks, counts, shows, exports, packs");
  AddDataCheck(data, context);
  AddDataStats(data, context);
  AddDataShow(data, context);
  AddDataSheet(data, context);
  AddDataExportPlanning(data, context);
  AddDataPack(data, context);
  data.require_subcommand(1);
  auto& dump = *app.add_subcommand(
      "dump", "What each part computed for given inputs, to compare with others");
  AddDumpModel(dump, context);
  AddDumpExamples(dump, context);
  AddDumpImage(dump, context);
  AddDumpFrame(dump, context);
  AddDumpMap(dump, context);
  AddDumpVqvae(dump, context);
  dump.require_subcommand(1);
  auto& label = *app.add_subcommand(
      "label", "Makes labels from annotations, map and poses; keeps what people corrected");
  AddLabelMetaActions(label, context);
  AddLabelCot(label, context);
  AddLabelQa(label, context);
  AddLabelConversations(label, context);
  AddLabelReview(label, context);
  label.require_subcommand(1);
  auto& eval =
      *app.add_subcommand("eval", "Published metrics, from prediction files or a checkpoint");
  AddEvalRun(eval, context);
  AddEvalPlanning(eval, context);
  AddEvalOccupancy(eval, context);
  AddEvalQa(eval, context);
  AddEvalMetaAction(eval, context);
  AddEvalText(eval, context);
  AddEvalReport(eval, context);
  eval.require_subcommand(1);
  auto& runs = *app.add_subcommand("runs", "Training runs: the registry, and what they logged");
  AddRunsList(runs, context);
  AddRunsShow(runs, context);
  AddRunsCompare(runs, context);
  AddRunsPage(runs, context);
  AddRunsExport(runs, context);
  AddRunsForget(runs, context);
  runs.require_subcommand(1);
  AddViewExport(AddView(app, context), context);
  auto& bench = *app.add_subcommand("bench", "Measures the program on this machine");
  AddBenchModel(bench, context);
  bench.require_subcommand(1);
  AddDoctor(app, context);
  app.require_subcommand(1);
}

std::vector<std::string> VerbNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* verb : app.get_subcommands([](const CLI::App*) { return true; }))
    if (!verb->get_name().empty()) names.push_back(verb->get_name());  // Option groups have none.
  return names;
}

std::string DidYouMean(const std::string& word, const std::vector<std::string>& candidates) {
  const auto nearest = Nearest(word, candidates, 1);
  return nearest.empty() ? "" : " Did you mean " + nearest.front() + "?";
}

std::string HelpHint(const std::string& path) {
  return " `occvla " + path + (path.empty() ? "" : " ") + "--help` says more.";
}

/// Opens a complaint: "dump image: ", nothing before the first verb.
std::string Where(const std::string& path) { return path.empty() ? "" : path + ": "; }

bool TakesAWord(const CLI::App& verb) {
  const auto options = verb.get_options();
  return std::any_of(options.begin(), options.end(),
                     [](const CLI::Option* option) { return option->get_positional(); });
}

/// The verb that the command line leads to, and its path ("dump image"). Throws ConfigError for a
/// word that is no verb, where none but a verb may stand: the parser would call it an argument that
/// was not expected.
std::pair<CLI::App*, std::string> FindVerb(CLI::App& app, const std::vector<std::string>& args) {
  CLI::App* verb = &app;
  std::string path;
  for (const auto& word : args) {
    const auto names = VerbNames(*verb);
    if (names.empty() || word.starts_with("-")) break;
    if (std::find(names.begin(), names.end(), word) == names.end()) {
      if (TakesAWord(*verb)) break;
      throw ConfigError(Where(path) + "there is no verb \"" + word + "\"." +
                        DidYouMean(word, names) + HelpHint(path));
    }
    verb = verb->get_subcommand(word);
    path += (path.empty() ? "" : " ") + word;
  }
  return {verb, path};
}

/// With those of its option groups.
std::vector<const CLI::Option*> AllOptions(const CLI::App& verb) {
  auto options = verb.get_options();
  for (const auto* group : verb.get_subcommands([](const CLI::App*) { return true; })) {
    if (!group->get_name().empty()) continue;
    const auto more = group->get_options();
    options.insert(options.end(), more.begin(), more.end());
  }
  return options;
}

/// One line for what the parser refused.
std::string UsageText(const CLI::ParseError& error, const CLI::App& app, const CLI::App& verb,
                      const std::string& path) {
  // Before what is missing: a misspelt flag is missing under its right name as well.
  if (const auto extras = app.remaining(/*recurse=*/true); !extras.empty()) {
    const auto& word = extras.front();
    std::vector<std::string> flags;
    for (const auto* option : AllOptions(verb))
      for (const auto& name : option->get_lnames()) flags.push_back("--" + name);
    return Where(path) + word + " is not understood." +
           DidYouMean(word.substr(0, word.find('=')), flags) + HelpHint(path);
  }
  if (const auto names = VerbNames(verb); !names.empty() && error.get_name() == "RequiredError")
    return Where(path) + "one of these must follow: " + Join(names, ", ") + "." + HelpHint(path);
  std::string text = error.what();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return Where(path) + text + "." + HelpHint(path);
}

int Fail(std::ostream& err, int code, const std::string& text) {
  err << "occvla: " << text << "\n";
  return code;
}

/// Neither a person's nor a file's doing, as far as the text tells: torch reports a lack of memory
/// as it does any other fault.
int OurFault(std::ostream& err, const std::string& what) {
  if (what.find("can't allocate memory") != std::string::npos ||
      what.find("out of memory") != std::string::npos) {
    return Fail(err, kDevice, kOutOfMemory);
  }
  // The first line says it; what follows is torch's account of its own source.
  return Fail(err, kOurFault,
              "this is our fault, please report it with the command line: " +
                  what.substr(0, what.find('\n')));
}

int Parse(CLI::App& app, const std::vector<std::string>& args, const Context& context) {
  const auto [verb, path] = FindVerb(app, args);
  try {
    app.parse(std::vector<std::string>(args.rbegin(), args.rend()));  // Wants them reversed.
    context.out.flush();
    if (!context.out) throw DeviceError("Standard output could not be written: disk full?");
    return 0;
  } catch (const CLI::Success& asked) {  // --help, --version.
    return app.exit(asked, context.out, context.err);
  } catch (const CLI::ParseError& error) {
    return Fail(context.err, kUsage, UsageText(error, app, *verb, path));
  }
}

}  // namespace

void Context::CheckInterrupt() const {
  if (interrupt.stop_requested())
    throw BusyError("interrupted; nothing was left half-written. The same command starts again.");
}

int RunProgram(const std::vector<std::string>& args, std::ostream& out, std::ostream& err,
               std::stop_token interrupt) {
  const Context context{out, err, std::move(interrupt)};
  try {
    CLI::App app("From six camera images to scene text, meta action, trajectory and occupancy.",
                 "occvla");
    app.set_version_flag("--version", "occvla " OCCVLA_VERSION);
    app.footer("`occvla VERB --help` explains a verb and gives an example.");
    app.get_formatter()->column_width(34);
    AddVerbs(app, context);
    return Parse(app, args, context);
  } catch (const Error& error) {
    return Fail(err, error.exit_code(), error.what());
  } catch (const std::bad_alloc&) {
    return Fail(err, kDevice, kOutOfMemory);
  } catch (const std::filesystem::filesystem_error& error) {
    return Fail(err, kData, error.path1().string() + ": " + error.code().message() + ".");
  } catch (const std::exception& error) {
    return OurFault(err, error.what());
  }
}

}  // namespace occvla::cli
