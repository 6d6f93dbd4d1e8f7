#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "occvla/base/error.h"
#include "occvla/base/text.h"
#include "occvla/cli/runs_text.h"
#include "occvla/cli/verbs.h"
#include "occvla/train/runs/run_page.h"

namespace occvla::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using train::FoundRun;
using train::RunPlace;

struct Flags {
  std::string registry, run, tensorboard;
  bool all = false, json = false;
};

void PrintJson(const Json& json, std::ostream& out) {
  out << json.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
}

FoundRun Find(const Flags& flags) {
  return train::FindRun(flags.run, train::RowsOf(RegistryFile(flags.registry)));
}

/// For verbs that read the folder.
FoundRun FindHere(const Flags& flags) {
  const FoundRun run = Find(flags);
  if (run.place == RunPlace::kHere) return run;
  throw DataError(run.folder.string() + ": " +
                  (run.place == RunPlace::kGone ? "holds no run any more; it was moved or deleted"
                                                : "holds another run by now") +
                  ". Name its new folder, or `occvla runs forget` it.");
}

// --- list

std::string LastLoss(const train::RunState& state, const char* name) {
  const auto found = state.metrics.find(name);
  return found == state.metrics.end() ? "" : Significant(found->second);
}

void RunList(const Flags& flags, const Context& context) {
  std::vector<FoundRun> runs;
  size_t hidden = 0;
  for (const auto& row : train::RowsOf(RegistryFile(flags.registry))) {
    RunPlace place = RunPlace::kHere;
    try {
      place = PlaceOf(row);
    } catch (const Error& error) {  // One damaged folder does not hide the other runs.
      context.err << error.what() << "\n";
    }
    if (place != RunPlace::kHere && !flags.all) {
      ++hidden;
    } else {
      runs.push_back({row.folder, row.origin, row.state, place, true});
    }
  }
  if (flags.json) {
    Json json = Json::array();
    for (const auto& run : runs) json.push_back(RunToJson(run));
    return PrintJson(json, context.out);
  }
  std::vector<std::vector<std::string>> table{
      {"name", "stage", "model", "status", "updated (UTC)", "folder", "step", "loss", "val"}};
  for (const auto& run : runs) {
    std::string folder = run.folder.string();
    if (run.place != RunPlace::kHere) folder += " (" + PlaceText(run.place) + ")";
    table.push_back({Printable(run.origin.name, 40), run.origin.stage, run.origin.preset,
                     run.state.Word(), MinuteText(run.state.updated_ms), Printable(folder),
                     std::to_string(run.state.step) + "/" + std::to_string(run.origin.steps),
                     LastLoss(run.state, "train/loss"), LastLoss(run.state, "val/loss")});
  }
  if (runs.empty()) {
    context.err << "no runs\n";
  } else {
    context.out << Aligned(table, 6);
  }
  if (hidden > 0) {
    context.err << hidden << " more whose folder was moved or deleted: --all shows them, `occvla "
                << "runs forget` removes them from the list\n";
  }
}

// --- show

struct LastValue {
  int64_t step = 0;
  double value = 0;
};

std::map<std::string, LastValue> LastValues(const fs::path& folder) {
  std::map<std::string, LastValue> last;
  for (const auto& [name, steps] :
       train::StepsOf(train::ReadMetrics(folder / "metrics.jsonl").records))
    last[name] = {steps.rbegin()->first, steps.rbegin()->second};
  return last;
}

/// "step-00000200" and "last -> step-00000200", by name.
std::vector<std::string> CheckpointsOf(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(folder / "checkpoints", absent)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(".")) continue;  // Half a checkpoint.
    std::error_code ignored;
    names.push_back(entry.is_symlink()
                        ? name + " -> " + fs::read_symlink(entry.path(), ignored).string()
                        : name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

void ShowText(const FoundRun& run, const std::map<std::string, LastValue>& last,
              const std::vector<std::string>& checkpoints, std::ostream& out) {
  std::vector<std::vector<std::string>> table;
  const auto row = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) table.push_back({name, Printable(value)});
  };
  row("name", run.origin.name);
  row("folder",
      run.folder.string() + (run.place == RunPlace::kGone    ? " (moved or deleted)"
                             : run.place == RunPlace::kTaken ? " (holds another run by now)"
                                                             : ""));
  row("status", run.state.Word() + (run.state.reason.empty() ? "" : ": " + run.state.reason));
  row("step", std::to_string(run.state.step) + " of " + std::to_string(run.origin.steps));
  row("stage", run.origin.stage);
  row("model", run.origin.preset);
  row("begun", MinuteText(run.origin.started_ms) + " UTC");
  row("updated", MinuteText(run.state.updated_ms) + " UTC");
  row("starts from", run.origin.parent);
  row("data", run.origin.data_fingerprint);
  for (const auto& [name, value] : run.origin.more) row(name, value);
  row("config", run.origin.config_hash);
  row("process", std::to_string(run.state.process.pid) + " on " + run.state.process.host);
  row("program", run.origin.program);
  out << Aligned(table, 2);
  if (!last.empty()) {
    table = {{"metric", "last", "at step"}};
    for (const auto& [name, at] : last)
      table.push_back({Printable(name), Significant(at.value), std::to_string(at.step)});
    out << "\n" << Aligned(table, 1);
  }
  if (checkpoints.empty()) return;
  out << "\ncheckpoints in " << (run.folder / "checkpoints").string() << "\n";
  for (const auto& name : checkpoints) out << "  " << Printable(name) << "\n";
}

void RunShow(const Flags& flags, const Context& context) {
  FoundRun run = Find(flags);
  std::map<std::string, LastValue> last;
  std::vector<std::string> checkpoints;
  if (run.place == RunPlace::kHere) {
    last = LastValues(run.folder);
    checkpoints = CheckpointsOf(run.folder);
    for (const auto& [name, at] : last) run.state.step = std::max(run.state.step, at.step);
  } else {
    for (const auto& [name, value] : run.state.metrics) last[name] = {run.state.step, value};
  }
  if (!flags.json) return ShowText(run, last, checkpoints, context.out);
  Json json = RunToJson(run);
  json["more"] = run.origin.more;
  json["metrics"] = Json::object();
  for (const auto& [name, at] : last)
    json["metrics"][name] = {{"step", at.step}, {"value", at.value}};  // NaN becomes null.
  json["checkpoints"] = checkpoints;
  PrintJson(json, context.out);
}

// --- page, export, forget

void RunPage(const Flags& flags, const Context& context) {
  context.out << train::WriteRunPage(FindHere(flags).folder).string() << "\n";
}

void RunExport(const Flags& flags, const Context& context) {
  context.out << train::ExportEvents(FindHere(flags).folder, flags.tensorboard).string() << "\n";
}

void RunForget(const Flags& flags, const Context& context) {
  const auto file = RegistryFile(flags.registry);
  const auto rows = train::RowsOf(file);
  std::error_code ignored;
  fs::path folder = fs::weakly_canonical(flags.run, ignored);
  const bool is_row =
      std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return row.folder == folder; });
  if (!is_row) folder = train::FindRun(flags.run, rows).folder;
  if (rows.empty() || !train::Registry(*file, train::Registry::Missing::kRefuse).Forget(folder))
    throw ConfigError(folder.string() + ": is not in the registry.");
  context.out << folder.string() << ": forgotten; what lies there stays\n";
}

// --- flags

CLI::App& AddChild(CLI::App& runs, const char* name, const char* what,
                   const std::shared_ptr<Flags>& flags, const Context& context,
                   void (*run)(const Flags&, const Context&)) {
  auto& child = *runs.add_subcommand(name, what);
  AddRegistryFlag(child, flags->registry);
  child.callback([flags, &context, run] { run(*flags, context); });
  return child;
}

void AddRun(CLI::App& child, const std::shared_ptr<Flags>& flags) {
  child.add_option("RUN", flags->run, "Its folder, its name, or how its name begins")->required();
}

}  // namespace

void AddRunsList(CLI::App& runs, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& child =
      AddChild(runs, "list", "All registered runs, the latest first", flags, context, RunList);
  child.add_flag("--all", flags->all, "Also those whose folder was moved or deleted");
  child.add_flag("--json", flags->json, "As JSON");
  child.footer("A run that says it runs but whose process is gone is shown as lost.");
}

void AddRunsShow(CLI::App& runs, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& child = AddChild(runs, "show",
                         "One run: what it was made from, its last values, where its "
                         "checkpoints lie",
                         flags, context, RunShow);
  AddRun(child, flags);
  child.add_flag("--json", flags->json, "As JSON");
  child.footer("Example:\n  occvla runs show runs/nano-joint");
}

void AddRunsPage(CLI::App& runs, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& child = AddChild(runs, "page", "Makes a run's report.html anew", flags, context, RunPage);
  AddRun(child, flags);
}

void AddRunsExport(CLI::App& runs, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& child =
      AddChild(runs, "export", "What a run logged, in another form", flags, context, RunExport);
  AddRun(child, flags);
  child
      .add_option("--tensorboard", flags->tensorboard,
                  "Folder for a TensorBoard event file of metrics.jsonl and samples/")
      ->required()
      ->type_name("DIR");
  child.footer("Example:\n  occvla runs export runs/nano-joint --tensorboard logs/nano-joint");
}

void AddRunsForget(CLI::App& runs, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& child = AddChild(runs, "forget", "Removes a run from the list; its folder stays", flags,
                         context, RunForget);
  AddRun(child, flags);
}

}  // namespace occvla::cli
