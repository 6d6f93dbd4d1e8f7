#include <CLI/Option.hpp>
#include <memory>
#include <ostream>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/cli/verbs.h"
#include "occvla/data/image/image.h"
#include "occvla/infer/engine.h"
#include "occvla/model/files/init.h"
#include "occvla/view/picture.h"
#include "occvla/view/test_cards.h"

namespace occvla::cli {
namespace {

constexpr uint64_t kSeed = 7;

/// The nano model with random weights, made once and kept.
std::filesystem::path NanoCheckpoint(const std::filesystem::path& out, const Context& context) {
  const auto folder = out / "nano-random";
  if (!std::filesystem::exists(folder / "config.json")) {
    context.err << "demo: making a nano model with random weights in " << folder.string() << "\n";
    model::InitCheckpoint(model::Preset("nano"), kSeed, DType::kBF16, folder);
  }
  return folder;
}

void Run(const std::filesystem::path& out, const Context& context) {
  std::filesystem::create_directories(out);
  const auto checkpoint = NanoCheckpoint(out, context);

  infer::Request request;
  request.frame = view::TestCardFrame();
  request.occupancy = true;
  request.max_new_tokens = 48;
  request.constrain_meta_action = true;
  infer::Engine engine(checkpoint);
  const auto prediction = engine.Submit(request).get();

  const auto& cards = request.frame.images;
  for (size_t i = 0; i < cards.size(); ++i) {
    WriteFileAtomically(out / (std::string(data::kCameraNames[i]) + ".png"),
                        std::string_view(cards[i].bytes));
  }
  const auto occupancy = out / "occupancy.npz", picture = out / "picture.png";
  data::WriteOccupancy(occupancy, *prediction.occupancy);
  view::WritePicture(picture, request.frame, prediction);
  const auto json = data::ToJson(prediction, occupancy.filename().string());
  WriteFileAtomically(out / "prediction.json", std::string_view(json + "\n"));

  context.out << "The weights are random: what follows shows that everything runs, not that the "
                 "model knows how to drive.\n\n"
              << "text         " << prediction.text << "\n"
              << "meta action  " << ToString(*prediction.meta_action) << "\ntrajectory  ";
  for (const auto& [x, y] : *prediction.trajectory_E) context.out << " (" << x << ", " << y << ")";
  context.out << " m\n\npicture      " << picture.string() << "\nprediction   "
              << (out / "prediction.json").string() << "\noccupancy    " << occupancy.string()
              << "\n";
}

}  // namespace

void AddDemo(CLI::App& app, const Context& context) {
  auto out = std::make_shared<std::filesystem::path>("build/demo");
  auto& verb = *app.add_subcommand(
      "demo",
      "The main job on what comes with the program: a nano model, six test cards, pictures");
  verb.footer("Example:\n  occvla demo --out build/demo");
  verb.add_option("--out", *out, "folder for pictures and predictions")->capture_default_str();
  verb.callback([out, &context] { Run(*out, context); });
}

}  // namespace occvla::cli
