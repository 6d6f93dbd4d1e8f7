#include <memory>
#include <ostream>

#include "occvla/base/error.h"
#include "occvla/cli/train_hooks.h"
#include "occvla/cli/verbs.h"
#include "occvla/train/trainer.h"

namespace occvla::cli {
namespace {

struct Flags {
  std::filesystem::path config;
  std::vector<std::string> sets;
  bool resume = false;
};

void Run(const Flags& flags, const Context& context) {
  train::TrainConfig config;
  LoadConfig(config, flags.config, flags.sets);
  const auto result =
      train::Train(config, flags.resume ? train::Begin::kResume : train::Begin::kNew,
                   TrainHooksOf(config, context));
  context.out << config.run.out.string() << ": " << result.step << " steps of stage "
              << NameOfEnum(config.run.stage) << "\n";
  for (const auto& [name, value] : result.metrics) context.out << "  " << name << " " << value << "\n";
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
  verb.footer(
      "Example:\n  occvla train --config configs/smoke.toml --set run.out=build/smoke\n\n"
      "The last weights are in DIR/checkpoints/last, the curves in DIR/report.html.\n\n"
      "Fields of the config:\n" +
      HelpText(train::TrainConfig()));
  verb.callback([flags, &context] { Run(*flags, context); });
}

}  // namespace occvla::cli
