#include <CLI/Option.hpp>
#include <CLI/Validators.hpp>
#include <chrono>
#include <memory>
#include <ostream>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/cli/model_flags.h"
#include "occvla/cli/verbs.h"
#include "occvla/data/frame.h"
#include "occvla/infer/engine.h"
#include "occvla/view/picture.h"

namespace occvla::cli {
namespace {

struct Flags {
  std::filesystem::path checkpoint, frame, ego, occupancy, picture, out;
  std::vector<std::string> images;
  infer::EngineOptions engine;
  infer::Request request;
  bool no_text = false, stream = false;
};

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

/// Waits for the reply; an interruption cancels the request at its next token.
data::Prediction Await(std::future<data::Prediction> reply, const infer::Request& request,
                       const Context& context) {
  while (reply.wait_for(std::chrono::milliseconds(100)) != std::future_status::ready) {
    if (context.interrupt.stop_requested()) request.cancelled->store(true);
  }
  return reply.get();
}

void Run(const Flags& flags, const Context& context) {
  infer::Request request = flags.request;
  request.frame = ReadFrame(flags);
  request.text = !flags.no_text;
  request.occupancy = !flags.occupancy.empty();
  request.cancelled = std::make_shared<std::atomic<bool>>(false);
  if (flags.stream) {
    request.on_text = [&context](std::string_view text) { context.err << text << std::flush; };
  }
  infer::Engine engine(flags.checkpoint, flags.engine);
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

void AddAnswerFlags(CLI::App& verb, Flags& flags) {
  auto& request = flags.request;
  verb.add_option("--prompt", request.prompt,
                  "question (default: the chain-of-thought question for the next meta action)");
  verb.add_flag("--no-text", flags.no_text, "no answer: trajectory and occupancy alone");
  verb.add_option("--max-new-tokens", request.max_new_tokens, "longest answer, in tokens")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb.add_option("--stop", request.stop, "text that ends the answer (may be repeated)");
  verb.add_option("--temperature", request.sampling.temperature, "0 = always the likeliest token")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb.add_option("--top-p", request.sampling.top_p, "sample from the likeliest ids of this mass")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  verb.add_option("--seed", request.sampling.seed, "of sampling: the same seed, the same answer")
      ->capture_default_str();
  verb.add_flag("--legal-meta-action", request.constrain_meta_action,
                "the answer names one of the eighteen legal meta actions");
  verb.add_flag("--stream", flags.stream, "show the answer on stderr as it grows");
}

}  // namespace

void AddPredict(CLI::App& app, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& verb = *app.add_subcommand(
      "predict",
      "Six camera images -> text, meta action, trajectory; on request occupancy, picture");
  verb.footer(
      "Example:\n  occvla predict --checkpoint build/nano --frame keyframe --occupancy occ.npz "
      "--picture view.png\n"
      "A keyframe folder holds one image a camera (CAM_FRONT.jpg, ... or as nuScenes names them),\n"
      "and, where known, calibration.json and ego.json.");
  verb.add_option("--checkpoint", flags->checkpoint, "checkpoint folder")->required();
  verb.add_option("--images", flags->images, "six files: F,FR,FL,B,BL,BR")->delimiter(',');
  verb.add_option("--frame", flags->frame, "keyframe folder, instead of --images");
  verb.add_option("--ego", flags->ego,
                  "JSON: velocity, past_positions, past_meta_actions of the car");
  AddAnswerFlags(verb, *flags);
  verb.add_option("--occupancy", flags->occupancy, "predict occupancy too, into this .npz");
  verb.add_option("--picture", flags->picture, "draw what was seen and said, into this .png");
  verb.add_option("--out", flags->out, "JSON file (default: stdout)");
  AddMaskFlag(verb, flags->engine.mask);
  AddDtypeFlag(verb, flags->engine.dtype);
  AddDeviceFlag(verb, flags->engine.device);
  verb.add_option("--threads", flags->engine.threads, "0 = all cores");
  verb.callback([flags, &context] { Run(*flags, context); });
}

}  // namespace occvla::cli
