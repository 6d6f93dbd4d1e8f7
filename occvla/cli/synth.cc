#include "occvla/world/synth/synth.h"

#include <CLI/Option.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <ostream>
#include <thread>

#include "occvla/base/error.h"
#include "occvla/base/log.h"
#include "occvla/base/progress.h"
#include "occvla/cli/dataset_flags.h"
#include "occvla/cli/verbs.h"
#include "occvla/label/conversations_files.h"
#include "occvla/label/cot_template_file.h"
#include "occvla/label/meta_action_set.h"
#include "occvla/label/qa_files.h"
#include "occvla/world/synth/assemble.h"

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

/// The world knows what the driver meant; what was driven is labelled as in any other data set.
/// Made again with every scene that is made; otherwise kept, whoever changed it.
void Label(const world::synth::Request& request, const world::synth::Report& report,
           const Context& context) {
  // Written aside and moved when whole: a run that is killed leaves nothing that the next one does
  // not clear away.
  const auto stage = request.out / ".synth" / "labels";
  std::filesystem::remove_all(stage);
  const auto folder = request.out / world::synth::kVersion;
  const std::string name = "meta_actions.json";
  if (report.made == 0 && std::filesystem::exists(folder / name)) return;
  data::nuscenes::DatasetOptions options;
  options.dataroot = request.out;
  options.version = world::synth::kVersion;
  options.cache = data::nuscenes::CacheUse::kNone;
  options.read_meta_actions = false;
  const auto dataset = data::nuscenes::Dataset::Open(options);
  WorkProgress bar(context, "labelling", "keyframes");
  const auto set = label::LabelKeyFrames(dataset, "all", {},
                                         [&](uint64_t done, uint64_t total) { bar(done, total); });
  std::filesystem::create_directories(stage);
  label::WriteMetaActions(set, dataset.tables(), stage / name);
  std::filesystem::rename(label::EvidencePath(stage / name), label::EvidencePath(folder / name));
  std::filesystem::rename(stage / name, folder / name);
  std::filesystem::remove_all(stage);
}

bool HasMetaActions(const data::nuscenes::Dataset& dataset) {
  const auto keyframes = dataset.KeyFrames("all");
  return std::any_of(keyframes.begin(), keyframes.end(), [&](data::nuscenes::Row row) {
    return dataset.FrameOf(row).meta_action.has_value();
  });
}

/// Questions, conversations and chains of thought about the keyframes, from annotations, map and
/// meta actions. Questions are the last that is moved to its place: where they are, all is whole.
void WriteTexts(const world::synth::Request& request, const world::synth::Report& report) {
  // Aside and moved when whole, as meta actions are.
  const auto stage = request.out / ".synth" / "texts";
  std::filesystem::remove_all(stage);
  const auto folder = request.out / world::synth::kVersion;
  const std::string questions = "questions", conversations = "omnidrive",
                    thoughts = "chain_of_thought.json";
  if (report.made == 0 && std::filesystem::exists(folder / questions)) return;
  std::filesystem::remove_all(folder / questions);
  data::nuscenes::DatasetOptions options;
  options.dataroot = request.out;
  options.version = world::synth::kVersion;
  options.cache = data::nuscenes::CacheUse::kNone;
  const auto dataset = data::nuscenes::Dataset::Open(options);
  std::filesystem::create_directories(stage);
  label::MakeOptions make;
  make.seed = request.seed;
  make.threads = request.threads;
  make.out = stage / questions;
  label::WriteQuestions(dataset, make);
  make.out = stage / conversations;
  label::WriteConversations(dataset, make);
  make.out = stage / thoughts;
  // Scenes of less than three seconds have no actions to explain.
  if (HasMetaActions(dataset)) label::WriteTemplateCot(dataset, make);
  for (const auto& name : {thoughts, conversations, questions}) {
    std::filesystem::remove_all(folder / name);
    if (std::filesystem::exists(stage / name)) std::filesystem::rename(stage / name, folder / name);
  }
  std::filesystem::remove_all(stage);
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
  Label(request, report, context);
  WriteTexts(request, report);
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
