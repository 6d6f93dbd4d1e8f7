#include <CLI/Option.hpp>
#include <chrono>
#include <memory>
#include <ostream>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/progress.h"
#include "occvla/cli/predict_config.h"
#include "occvla/cli/verbs.h"
#include "occvla/data/frame.h"
#include "occvla/infer/engine.h"
#include "occvla/view/picture.h"

namespace occvla::cli {
namespace {

struct Flags {
  std::filesystem::path config, frame, ego, occupancy, picture, out;
  std::vector<std::string> images, stop, sets, shorthands;
  std::string prompt;
  bool stream = false;
};

PredictConfig ReadConfig(const Flags& flags) {
  PredictConfig config;
  auto sets = flags.sets;
  sets.insert(sets.end(), flags.shorthands.begin(), flags.shorthands.end());
  LoadConfig(config, flags.config, sets);
  // Free text is no TOML value: these two do not pass through --set.
  if (!flags.prompt.empty()) config.answer.prompt = flags.prompt;
  if (!flags.stop.empty()) config.answer.stop = flags.stop;
  config.Validate();
  return config;
}

data::Frame ReadFrame(const Flags& flags) {
  if (flags.images.empty() == flags.frame.empty()) {
    throw ConfigError(
        "predict: give either --images with six files (CAM_FRONT, CAM_FRONT_RIGHT, CAM_FRONT_LEFT, "
        "CAM_BACK, CAM_BACK_LEFT, CAM_BACK_RIGHT) or --frame with a keyframe folder.");
  }
  auto frame = flags.frame.empty()
                   ? data::FrameFromImages({flags.images.begin(), flags.images.end()})
                   : data::FrameFromFolder(flags.frame);
  if (!flags.ego.empty()) frame.ego = data::ReadEgoState(flags.ego);
  return frame;
}

/// A bar for each phase of the work, on a terminal.
std::function<void(std::string_view, int64_t, int64_t)> ProgressBars() {
  struct State {
    std::string phase;
    std::unique_ptr<Progress> bar;
  };
  return [state = std::make_shared<State>()](std::string_view phase, int64_t done, int64_t total) {
    if (phase != state->phase) {
      state->phase = phase;
      const bool tokens = phase == "answer";
      state->bar.reset();
      state->bar = std::make_unique<Progress>(state->phase, static_cast<uint64_t>(total),
                                              tokens ? "tokens" : "layers");
    }
    if (state->bar) state->bar->Add();
    if (done == total) state->bar.reset();
  };
}

/// Waits for the reply; an interruption cancels the request at its next token.
data::Prediction Await(std::future<data::Prediction> reply, const infer::Request& request,
                       const Context& context) {
  while (reply.wait_for(std::chrono::milliseconds(100)) != std::future_status::ready) {
    if (context.interrupt.stop_requested()) request.cancelled->store(true);
  }
  return reply.get();
}

void Run(const Flags& flags, const Context& context) {
  const auto config = ReadConfig(flags);
  auto request = config.Request();
  request.frame = ReadFrame(flags);
  request.occupancy = !flags.occupancy.empty();
  request.cancelled = std::make_shared<std::atomic<bool>>(false);
  if (!flags.stream) request.on_progress = ProgressBars();
  if (flags.stream) {
    request.on_text = [&context](std::string_view text) { context.err << text << std::flush; };
  }
  infer::Engine engine(config.model.checkpoint, config.EngineOptions());
  const auto prediction = Await(engine.Submit(request), request, context);
  if (flags.stream) context.err << "\n";
  if (prediction.occupancy) data::WriteOccupancy(flags.occupancy, *prediction.occupancy);
  if (!flags.picture.empty()) view::WritePicture(flags.picture, request.frame, prediction);
  const auto json = data::ToJson(prediction, flags.occupancy.string());
  if (flags.out.empty()) {
    context.out << json << "\n";
  } else {
    WriteFileAtomically(flags.out, std::string_view(json + "\n"));
  }
}

/// Flags that stand for one field of the config each: `--seed 3` is `--set answer.seed=3`.
void AddShorthands(CLI::App& verb, const std::shared_ptr<Flags>& flags) {
  const auto add = [&](const char* flag, const std::string& field, const char* help,
                       const char* type) {
    verb.add_option_function<std::string>(
            flag,
            [flags, field](const std::string& value) {
              flags->shorthands.push_back(field + "=" + value);
            },
            help)
        ->type_name(type);
  };
  add("--checkpoint", "model.checkpoint", "Checkpoint folder, ours or Hugging Face's", "DIR");
  add("--mask", "model.mask", "occvla or paligemma [the checkpoint's]", "NAME");
  add("--dtype", "model.dtype", "auto, f32 or bf16 [auto]", "TYPE");
  add("--device", "model.device", "cpu, cuda or cuda:N [cpu]", "NAME");
  add("--threads", "model.threads", "0 = all cores [0]", "N");
  add("--max-new-tokens", "answer.max_new_tokens", "Longest answer [256]", "N");
  add("--temperature", "answer.temperature", "0 = always the likeliest token [0]", "X");
  add("--top-p", "answer.top_p", "Sample from the likeliest ids of this mass [1]", "X");
  add("--seed", "answer.seed", "Of sampling: the same seed, the same answer [0]", "N");
  verb.add_flag_callback(
      "--no-text", [flags] { flags->shorthands.push_back("answer.text=false"); },
      "No answer: trajectory and occupancy alone");
  verb.add_flag_callback(
      "--legal-meta-action",
      [flags] { flags->shorthands.push_back("answer.legal_meta_action=true"); },
      "The answer names one of the eighteen legal meta actions");
}

}  // namespace

void AddPredict(CLI::App& app, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& verb = *app.add_subcommand(
      "predict", "Six camera images to text, meta action, trajectory; on request occupancy");
  verb.add_option("--images", flags->images, "Six files: F,FR,FL,B,BL,BR")
      ->delimiter(',')
      ->type_name("FILES");
  verb.add_option("--frame", flags->frame, "Keyframe folder, instead of --images")
      ->type_name("DIR");
  verb.add_option("--ego", flags->ego,
                  "JSON: velocity, past_positions, past_meta_actions of the car")
      ->type_name("FILE");
  verb.add_option("--prompt", flags->prompt, "Question [for the next meta action]")
      ->type_name("TEXT");
  verb.add_option("--stop", flags->stop, "Text that ends the answer; repeatable")
      ->type_name("TEXT");
  verb.add_option("--occupancy", flags->occupancy, "Predict occupancy too, into this .npz")
      ->type_name("FILE");
  verb.add_option("--picture", flags->picture, "Draw what was seen and said, into this .png")
      ->type_name("FILE");
  verb.add_option("--out", flags->out, "JSON file [stdout]")->type_name("FILE");
  verb.add_flag("--stream", flags->stream, "Show the answer on stderr as it grows");
  AddShorthands(verb, flags);
  verb.add_option("--config", flags->config, "TOML file, such as configs/predict.toml")
      ->type_name("FILE");
  verb.add_option("--set", flags->sets, "Changes a field of the config; repeatable")
      ->type_name("FIELD=VALUE");
  verb.footer(
      "Example:\n  occvla predict --checkpoint build/nano --frame keyframe --occupancy occ.npz "
      "--picture view.png\n\n"
      "A keyframe folder holds one image a camera (CAM_FRONT.jpg, ... or as nuScenes names them)\n"
      "and, where known, calibration.json and ego.json.\n\nFields of the config:\n" +
      HelpText(PredictConfig()));
  verb.callback([flags, &context] { Run(*flags, context); });
}

}  // namespace occvla::cli
