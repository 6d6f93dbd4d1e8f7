#include "occvla/world/synth/synth.h"

#include <CLI/Option.hpp>
#include <cstdio>
#include <memory>
#include <optional>
#include <ostream>
#include <thread>

#include "occvla/base/error.h"
#include "occvla/base/log.h"
#include "occvla/base/progress.h"
#include "occvla/cli/verbs.h"

namespace occvla::cli {
namespace {

struct Flags {
  std::filesystem::path out, config;
  uint64_t scenes = 0, seed = 0;
  int threads = 0;
  std::vector<std::string> sets, shorthands;
};

std::string TimeText(double seconds) {
  char text[32];
  if (seconds < 120) {
    std::snprintf(text, sizeof text, "%.0f s", seconds);
  } else if (seconds < 7200) {
    std::snprintf(text, sizeof text, "%.0f min", seconds / 60);
  } else {
    std::snprintf(text, sizeof text, "%.1f h", seconds / 3600);
  }
  return text;
}

std::string EstimateText(const world::synth::Estimate& estimate, int threads) {
  std::string text = std::to_string(estimate.scenes) + " scenes";
  if (estimate.kept > 0) text += ", " + std::to_string(estimate.kept) + " of them there already";
  if (estimate.keyframes == 0) return text + ": nothing to render";
  return text + "; " + std::to_string(estimate.keyframes) + " keyframes to make: about " +
         world::synth::SizeText(estimate.bytes) + ", " + TimeText(estimate.seconds) + " on " +
         std::to_string(threads) + (threads == 1 ? " thread" : " threads");
}

void Run(const Flags& flags, const Context& context) {
  world::synth::Request request;
  request.out = flags.out;
  request.scenes = flags.scenes;
  request.seed = flags.seed;
  request.stop = context.interrupt;
  request.threads = flags.threads > 0
                        ? flags.threads
                        : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  auto sets = flags.sets;
  sets.insert(sets.end(), flags.shorthands.begin(), flags.shorthands.end());
  LoadConfig(request.config, flags.config, sets);
  std::optional<Progress> bar;
  request.on_estimate = [&](const world::synth::Estimate& estimate) {
    log::Info("synth", EstimateText(estimate, request.threads));
    bar.emplace("synth", estimate.keyframes, "keyframes");
  };
  request.on_keyframe = [&] { bar->Add(); };
  const auto report = world::synth::Synthesise(request);
  bar.reset();
  context.out << flags.out.string() << ": " << report.made + report.kept << " scenes ("
              << report.made << " made, " << report.kept << " kept), " << report.keyframes
              << " keyframes; v1.0-synth with train " << report.train << ", val " << report.val
              << ", test " << report.test << "\n";
}

}  // namespace

void AddSynth(CLI::App& app, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& verb = *app.add_subcommand(
      "synth", "A synthetic data set in nuScenes format: towns, traffic, sensors, labels");
  verb.add_option("--out", flags->out, "Folder to make or to go on with")
      ->required()
      ->type_name("DIR");
  verb.add_option("--scenes", flags->scenes, "How many, over all splits")
      ->required()
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  verb.add_option("--seed", flags->seed, "Same seed, same bytes [0]")->type_name("N");
  const auto shorthand = [&](const char* flag, const std::string& field, const char* help,
                             const char* type) {
    verb.add_option_function<std::string>(
            flag,
            [flags, field](const std::string& value) {
              flags->shorthands.push_back(field + "=" + value);
            },
            help)
        ->type_name(type);
  };
  shorthand("--image-scale", "camera.image_scale", "Of 1600x900 pixels [0.5]", "X");
  shorthand("--keyframes", "set.keyframes", "Of a scene, 0.5 s apart [40]", "N");
  verb.add_option("--threads", flags->threads, "0 = all cores [0]")
      ->check(CLI::NonNegativeNumber)
      ->type_name("N");
  verb.add_option("--config", flags->config, "TOML with any of the fields below")
      ->type_name("FILE");
  verb.add_option("--set", flags->sets, "Changes a field; repeatable")->type_name("FIELD=VALUE");
  verb.footer("Fields of --config and --set:\n" + HelpText(world::synth::Config{}) +
              "\nExample:\n  occvla synth --out data/town --scenes 20 --seed 1");
  verb.callback([flags, &context] { Run(*flags, context); });
}

}  // namespace occvla::cli
