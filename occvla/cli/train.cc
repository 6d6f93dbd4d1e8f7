#include <memory>
#include <ostream>

#include "occvla/base/error.h"
#include "occvla/cli/train_hooks.h"
#include "occvla/cli/train_plan.h"
#include "occvla/cli/verbs.h"
#include "occvla/train/runs/launch.h"
#include "occvla/train/trainer.h"

namespace occvla::cli {
namespace {

// The class of error that ends a program with this code.
ErrorKind KindOfExit(int code) {
  switch (code) {
    case 2:
      return ErrorKind::kConfig;
    case 3:
      return ErrorKind::kData;
    case 4:
      return ErrorKind::kCheckpoint;
    case 6:
      return ErrorKind::kBusy;
    default:
      return ErrorKind::kDevice;
  }
}

struct Flags {
  std::filesystem::path config;
  std::vector<std::string> sets;
  bool resume = false, plan = false, json = false;
  int ranks = 1;
};

// Each rank is this program again, with its place in the environment.
void RunRanks(const Flags& flags, const Context& context) {
  train::LaunchOptions options;
  options.ranks = flags.ranks;
  options.command = {train::ThisProgram(), "train"};
  if (!flags.config.empty())
    options.command.insert(options.command.end(), {"--config", flags.config.string()});
  for (const auto& set : flags.sets) options.command.insert(options.command.end(), {"--set", set});
  if (flags.resume) options.command.push_back("--resume");
  const auto result = train::LaunchRanks(
      options, context.interrupt, [&](std::string_view line) { context.err << line << "\n"; });
  if (result.exit_code == 0) return;
  ThrowError(KindOfExit(result.exit_code), "train: " + result.report);
}

void Run(const Flags& flags, const Context& context) {
  train::TrainConfig config;
  LoadConfig(config, flags.config, flags.sets);
  if (flags.plan) {
    if (config.run.out.empty()) config.run.out = ".";  // Nothing is written.
    return PrintPlan(config, flags.ranks, flags.json, context);
  }
  if (flags.ranks > 1) return RunRanks(flags, context);
  const auto result =
      train::Train(config, flags.resume ? train::Begin::kResume : train::Begin::kNew,
                   TrainHooksOf(config, context));
  if (result.rank > 0) return;
  context.out << config.run.out.string() << ": " << result.step << " steps of stage "
              << NameOfEnum(config.run.stage) << "\n";
  for (const auto& [name, value] : result.metrics)
    context.out << "  " << name << " " << value << "\n";
  context.out << "weights  " << (config.run.out / "checkpoints" / "last").string() << "\nstate    "
              << result.state_hash << "\n";
}

}  // namespace

void AddTrain(CLI::App& app, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& verb = *app.add_subcommand(
      "train", "Trains one stage: vqvae, pretrain (1), joint (2) or planner (3)");
  verb.add_option("--config", flags->config, "TOML file, such as configs/smoke.toml")
      ->type_name("FILE");
  verb.add_option("--set", flags->sets, "Changes a field of the config; repeatable")
      ->type_name("FIELD=VALUE");
  verb.add_flag("--resume", flags->resume, "Go on from the run's last checkpoint");
  auto* plan = verb.add_flag("--plan", flags->plan,
                             "Print the memory that the run will need, by kind, and end");
  verb.add_flag("--json", flags->json, "The plan as JSON")->needs(plan);
  verb.add_option(
          "--ranks", flags->ranks,
          "Processes on this machine that train together; without it, torchrun's or Slurm's "
          "variables say which rank this is")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  verb.footer(
      "Example:\n  occvla train --config configs/smoke.toml --set run.out=build/smoke\n\n"
      "The last weights are in DIR/checkpoints/last, the curves in DIR/report.html.\n\n"
      "Fields of the config:\n" +
      HelpText(train::TrainConfig()));
  verb.callback([flags, &context] { Run(*flags, context); });
}

}  // namespace occvla::cli
