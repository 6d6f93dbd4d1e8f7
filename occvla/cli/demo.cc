#include <CLI/Option.hpp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <sstream>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/cli/beside_truth.h"
#include "occvla/cli/run.h"
#include "occvla/cli/verbs.h"
#include "occvla/data/image/image.h"
#include "occvla/data/nuscenes/dataset.h"
#include "occvla/data/text/prompt.h"
#include "occvla/data/text/questions.h"
#include "occvla/infer/engine.h"
#include "occvla/train/runs/launch.h"

namespace occvla::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* kVersion = "v1.0-synth";
constexpr const char* kSplit = "all";
constexpr size_t kMaxReport = size_t{64} << 20;

/// The model that comes with the program: models/nano of the repository whose build folder holds
/// the program, or what OCCVLA_MODELS names.
fs::path NanoFolder() {
  const char* named = std::getenv("OCCVLA_MODELS");
  const auto models = named != nullptr
                          ? fs::path(named)
                          : fs::path(train::ThisProgram()).parent_path().parent_path() / "models";
  if (!fs::exists(models / "nano" / "config.json")) {
    throw CheckpointError((models / "nano").string() +
                          " holds no model. Run the program where it was built, in the "
                          "repository's build folder, or set OCCVLA_MODELS to its folder models.");
  }
  return models / "nano";
}

Json ReadReport(const fs::path& path) {
  if (!fs::exists(path)) return {};
  return Json::parse(ReadTextFile(path, kMaxReport));
}

/// A number of a report by its path, as text; "-" where it is not there.
std::string Number(const Json& report, const std::string& path, double factor, const char* unit) {
  const auto pointer = Json::json_pointer(path);
  if (!report.contains(pointer) || !report[pointer].is_number()) return "-";
  char text[32];
  snprintf(text, sizeof text, "%.2f%s", report[pointer].get<double>() * factor, unit);
  return text;
}

void PrintMetrics(const fs::path& live, const fs::path& card, std::ostream& out) {
  struct Row {
    const char *name, *file, *path;
    double factor;
    const char* unit;
  };
  constexpr Row kRows[] = {
      {"L2 over 3 s (averaged up to)", "planning.json", "/protocols/stp3/l2/avg", 1, " m"},
      {"  constant velocity", "planning.json", "/baselines/constant_velocity/protocols/stp3/l2/avg",
       1, " m"},
      {"meta action, both right", "meta_action.json", "/both", 100, " %"},
      {"NuScenes-QA, answers right", "qa.json", "/overall", 100, " %"},
      {"occupancy mIoU (camera)", "occupancy.json", "/camera/miou", 100, " %"},
  };
  char line[160];
  snprintf(line, sizeof line, "%-30s %14s %14s\n", "", "these frames", "test scenes");
  out << line;
  for (const auto& row : kRows) {
    snprintf(line, sizeof line, "%-30s %14s %14s\n", row.name,
             Number(ReadReport(live / row.file), row.path, row.factor, row.unit).c_str(),
             Number(ReadReport(card / row.file), row.path, row.factor, row.unit).c_str());
    out << line;
  }
}

void Run(const fs::path& out, const Context& context) {
  fs::create_directories(out);
  const auto nano = NanoFolder(), world = nano / "world";
  data::nuscenes::DatasetOptions options;
  options.dataroot = world;
  options.version = kVersion;
  options.cache = data::nuscenes::CacheUse::kNone;
  options.questions = {world / kVersion / "chain_of_thought.json"};
  const auto dataset = data::nuscenes::Dataset::Open(options);
  // The keyframe in the middle, whose next three seconds are known.
  const auto keyframes = dataset.KeyFrames(kSplit);
  const auto frame = dataset.FrameOf(keyframes[keyframes.size() / 3]);

  infer::Request request;
  request.frame = frame;
  request.occupancy = true;
  infer::Engine engine(nano);
  const auto prediction = engine.Submit(request).get();
  const auto truth = TruthOf(frame);

  const auto occupancy = out / "occupancy.npz", picture = out / "picture.png";
  data::WriteOccupancy(occupancy, *prediction.occupancy);
  WriteFileAtomically(
      picture, std::string_view(data::EncodePng(PictureBesideTruth(frame, prediction, truth))));
  const auto json = data::ToJson(prediction, occupancy.filename().string());
  WriteFileAtomically(out / "prediction.json", std::string_view(json + "\n"));

  context.out << "text         " << prediction.text << "\n";
  context.out << "meta action  " << ToString(*prediction.meta_action);
  if (truth.meta_action) context.out << "   (true: " << ToString(*truth.meta_action) << ")";
  context.out << "\ntrajectory  ";
  for (const auto& [x, y] : *prediction.trajectory_E) context.out << " (" << x << ", " << y << ")";
  context.out << " m\n\n";

  // The same as anyone would measure a checkpoint.
  std::ostringstream said;
  const int code =
      RunProgram({"eval", "run", "--checkpoint", nano.string(), "--dataroot", world.string(),
                  "--version", kVersion, "--split", kSplit, "--questions",
                  (world / kVersion / "questions" / "NuScenes_train_questions.json").string(),
                  "--predict-occupancy", "--out", (out / "eval").string()},
                 said, context.err, context.interrupt);
  if (code != 0) throw DataError("demo: the model's frames could not be measured; see above.");
  PrintMetrics(out / "eval", nano / "metrics", context.out);
  context.out << "\npicture      " << picture.string() << "   (left: the model, right: the truth)\n"
              << "prediction   " << (out / "prediction.json").string() << "\noccupancy    "
              << occupancy.string() << "\nmetrics      " << (out / "eval").string()
              << "\nmodel        " << nano.string() << "\n";
}

}  // namespace

void AddDemo(CLI::App& app, const Context& context) {
  auto out = std::make_shared<fs::path>("build/demo");
  auto& verb = *app.add_subcommand(
      "demo",
      "The main job on what comes with the program: the nano model on frames of a synthetic town "
      "that it never saw, pictures beside the truth, metrics");
  verb.footer("Example:\n  occvla demo --out build/demo");
  verb.add_option("--out", *out, "folder for pictures and predictions")->capture_default_str();
  verb.callback([out, &context] { Run(*out, context); });
}

}  // namespace occvla::cli
