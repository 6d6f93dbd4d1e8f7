#include <CLI/Option.hpp>
#include <cstdlib>
#include <map>
#include <memory>
#include <ostream>

#include "occvla/base/error.h"
#include "occvla/base/text.h"
#include "occvla/cli/dataset_flags.h"
#include "occvla/cli/verbs.h"
#include "occvla/data/complaints.h"
#include "occvla/data/image/image.h"
#include "occvla/data/nuscenes/dataset.h"
#include "occvla/eval/prediction_file.h"
#include "occvla/eval/runner.h"
#include "occvla/view/drive_page.h"
#include "occvla/view/film.h"
#include "occvla/view/prediction_files.h"
#include "occvla/view/scene_mcap.h"

namespace occvla::cli {
namespace {

namespace fs = std::filesystem;
using data::nuscenes::Dataset;
using data::nuscenes::Row;

struct Flags {
  DatasetFlags dataset;
  std::vector<std::string> scenes;
  std::string split;
  fs::path predictions, pages, video, mcap, prediction_files;
  double pictures_per_second = 2;
};

/// What --video asks for, with its name completed.
struct FilmChoice {
  fs::path path;
  std::optional<fs::path> ffmpeg;  ///< Nothing = WebP.
};

FilmChoice ChooseFilm(const fs::path& path, std::vector<std::string>& problems) {
  const char* folders = std::getenv("PATH");
  const auto ffmpeg = view::FindFfmpeg(folders != nullptr ? folders : "");
  const auto extension = path.extension();
  if (extension == ".webp") return {path, std::nullopt};
  if (extension == ".mp4") {
    if (!ffmpeg) {
      problems.push_back("--video " + path.string() +
                         " needs the program ffmpeg, which PATH does not hold; install it, or name "
                         "a film that ends in .webp");
    }
    return {path, ffmpeg};
  }
  if (!extension.empty()) {
    problems.push_back(
        "--video " + path.string() +
        " must end in .mp4 or .webp, or have no ending to get what is possible here");
    return {path, std::nullopt};
  }
  auto named = path;
  named += ffmpeg ? ".mp4" : ".webp";
  return {named, ffmpeg};
}

void CheckFlags(const Flags& flags, std::vector<std::string>& problems) {
  if (flags.scenes.empty() == flags.split.empty())
    problems.push_back("name what to export by --scene or by --split");
  if (flags.pages.empty() && flags.video.empty() && flags.mcap.empty() &&
      flags.prediction_files.empty()) {
    problems.push_back("name at least one of --pages, --video, --mcap and --prediction-files");
  }
  if (!flags.prediction_files.empty() && flags.predictions.empty())
    problems.push_back("--prediction-files needs --predictions");
}

/// Throws one ConfigError for all of them.
void Refuse(const std::vector<std::string>& problems) {
  if (problems.empty()) return;
  std::string text = "view export:";
  for (const auto& problem : problems) text += "\n  - " + problem;
  throw ConfigError(text);
}

std::vector<Row> KeyFrames(const Dataset& dataset, const Flags& flags) {
  if (flags.scenes.empty()) return dataset.KeyFrames(flags.split);
  const auto& tables = dataset.tables();
  std::vector<std::string> problems, names;
  for (const auto& row : tables.rows().scene) names.emplace_back(tables.Text(row.name));
  std::vector<Row> rows;
  for (const auto& name : flags.scenes) {
    const auto scene = tables.FindScene(name);
    if (!scene) {
      const auto nearest = Nearest(name, names, 3);
      problems.push_back(flags.dataset.version + " has no scene " + Quoted(name) +
                         (nearest.empty() ? "" : "; did you mean " + Join(nearest, ", ") + "?"));
      continue;
    }
    const auto& row = tables.rows().scene[*scene];
    Row sample = row.first_sample;
    for (int64_t step = 0; step < row.sample_count; ++step) {
      rows.push_back(sample);
      sample = tables.rows().sample[sample].next;
    }
  }
  Refuse(problems);
  return rows;
}

/// Predictions by token; occupancy stays on the disk until asked for.
class Predictions {
 public:
  Predictions(const Dataset& dataset, const std::vector<Row>& keyframes, const fs::path& path)
      : folder_(path) {
    const auto token_of = [&](Row row) {
      return dataset.tables().rows().sample[row].token.ToString();
    };
    if (path.empty()) return;
    if (fs::is_directory(path)) {
      if (!fs::is_directory(path / "replies")) {
        throw DataError(path.string() +
                        ": holds no replies. Name the folder that `occvla eval run` wrote, or a "
                        "file of trajectories.");
      }
      const eval::RunSource source{
          .frames = keyframes.size(),
          .frame = [&](size_t index) { return dataset.FrameOf(keyframes[index]); },
          .token = [&](size_t index) { return token_of(keyframes[index]); },
          .identity = ""};
      eval::VisitReplies(source, path, [&](const data::Prediction& prediction) {
        auto kept = prediction;
        kept.occupancy.reset();
        predictions_.emplace(prediction.token, std::move(kept));
      });
    } else {
      std::vector<std::string> known;
      for (const Row row : dataset.KeyFrames("all")) known.push_back(token_of(row));
      std::sort(known.begin(), known.end());
      const auto trajectories = eval::ReadTrajectories(path, known);
      for (const Row row : keyframes) {
        const auto found = trajectories.find(token_of(row));
        if (found == trajectories.end()) continue;
        data::Prediction prediction;
        prediction.token = found->first;
        prediction.trajectory_E = found->second;
        predictions_.emplace(found->first, std::move(prediction));
      }
    }
    if (predictions_.empty()) {
      throw DataError(path.string() + ": predicts nothing for any of the " +
                      std::to_string(keyframes.size()) + " keyframes that are exported.");
    }
  }

  std::optional<data::Prediction> Of(const std::string& token) const {
    const auto found = predictions_.find(token);
    if (found == predictions_.end()) return std::nullopt;
    auto prediction = found->second;
    const auto occupancy = folder_ / "occupancy" / (token + ".npz");
    std::error_code ignored;
    if (fs::exists(occupancy, ignored)) prediction.occupancy = data::ReadOccupancy(occupancy);
    return prediction;
  }

  size_t size() const { return predictions_.size(); }

 private:
  fs::path folder_;
  std::map<std::string, data::Prediction> predictions_;
};

/// Everything that was asked for, made frame by frame.
class Exporter {
 public:
  Exporter(const Flags& flags, const std::optional<FilmChoice>& film) : flags_(flags) {
    if (!flags.pages.empty()) fs::create_directories(flags.pages);
    if (!flags.mcap.empty()) mcap_.emplace(flags.mcap);
    if (!flags.prediction_files.empty()) files_.emplace(flags.prediction_files);
    if (!film) return;
    const view::FilmOptions options{film->path, flags.pictures_per_second};
    film_ = film->ffmpeg ? view::OpenMp4(options, *film->ffmpeg) : view::OpenWebP(options);
  }

  void Add(const data::Frame& frame, const view::DriveNotes& notes) {
    if (mcap_) mcap_->Add(frame, notes.prediction);
    if (files_ && notes.prediction != nullptr) files_->Add(frame, *notes.prediction);
    if (flags_.pages.empty() && !film_) return;
    const auto page = view::DrawDrivePage(frame, view::ReadFrameParts(frame), notes);
    if (film_) film_->Add(page);
    if (flags_.pages.empty()) return;
    std::string number = std::to_string(notes.index);
    number.insert(0, number.size() < 3 ? 3 - number.size() : 0, '0');
    data::WritePng(flags_.pages / (frame.scene + "-" + number + ".png"), page);
  }

  void Finish() {
    if (mcap_) mcap_->Finish();
    if (files_) files_->Finish();
    if (film_) film_->Finish();
  }

  uint64_t messages() const { return mcap_ ? mcap_->messages() : 0; }

 private:
  const Flags& flags_;  // Outlives this.
  std::optional<view::SceneMcap> mcap_;
  std::optional<view::PredictionFiles> files_;
  std::unique_ptr<view::Film> film_;
};

/// Exports them all, or throws one DataError that names whatever was wrong with any.
void Export(const Dataset& dataset, const std::vector<Row>& keyframes,
            const Predictions& predictions, Exporter& exporter, const Flags& flags,
            const Context& context) {
  const auto& tables = dataset.tables();
  WorkProgress bar(context, "exporting", "keyframes");
  data::Complaints complaints;
  for (size_t index = 0; index < keyframes.size(); ++index) {
    const auto& sample = tables.rows().sample[keyframes[index]];
    const auto& scene = tables.rows().scene[sample.scene];
    view::DriveNotes notes{.dataset = flags.dataset.version,
                           .description = std::string(tables.Text(scene.description)),
                           .count = static_cast<size_t>(scene.sample_count)};
    for (Row before = scene.first_sample; before != keyframes[index] && notes.index < notes.count;
         before = tables.rows().sample[before].next) {
      ++notes.index;
    }
    try {
      const data::Frame frame = dataset.FrameOf(keyframes[index]);
      const auto prediction = predictions.Of(frame.token);
      notes.prediction = prediction ? &*prediction : nullptr;
      exporter.Add(frame, notes);
    } catch (const DataError& error) {
      complaints.AddWhole(error.what());
    }
    bar(index + 1, keyframes.size());
  }
  complaints.Throw("view export: no film, MCAP or prediction file was made",
                   "Mend these files; `occvla data check` finds all of them.");
}

void Run(const Flags& flags, const Context& context) {
  std::vector<std::string> problems;
  CheckFlags(flags, problems);
  std::optional<FilmChoice> film;
  if (!flags.video.empty()) film = ChooseFilm(flags.video, problems);
  Refuse(problems);
  const Dataset dataset = Dataset::Open(OptionsFrom(flags.dataset));
  const auto keyframes = KeyFrames(dataset, flags);
  const Predictions predictions(dataset, keyframes, flags.predictions);
  Exporter exporter(flags, film);
  Export(dataset, keyframes, predictions, exporter, flags, context);
  exporter.Finish();
  if (!flags.pages.empty())
    context.out << flags.pages.string() << ": " << keyframes.size() << " pages\n";
  if (film) context.out << film->path.string() << ": " << keyframes.size() << " pictures\n";
  if (!flags.mcap.empty())
    context.out << flags.mcap.string() << ": " << exporter.messages() << " messages\n";
  if (!flags.prediction_files.empty())
    context.out << flags.prediction_files.string() << ": " << predictions.size()
                << " predictions\n";
  if (!flags.predictions.empty() && predictions.size() < keyframes.size()) {
    context.err << keyframes.size() - predictions.size() << " of " << keyframes.size()
                << " keyframes have no prediction\n";
  }
}

}  // namespace

void AddViewExport(CLI::App& view, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& verb = *view.add_subcommand(
      "export",
      "Scenes as pages, as a film, as MCAP for Foxglove; predictions as others read them");
  AddDatasetFlags(verb, flags->dataset);
  verb.add_option("--scene", flags->scenes, "A scene such as scene-0061; may be given again")
      ->type_name("NAME");
  AddSplitFlag(verb, flags->split)->description("Or every scene of a split, or all");
  verb.add_option("--predictions", flags->predictions,
                  "What a model said, drawn beside the truth: the folder that `eval run` wrote, or "
                  "a file of trajectories {\"TOKEN\": [[x, y] x 6]}")
      ->type_name("PATH");
  verb.add_option("--pages", flags->pages, "A PNG a keyframe, 1920 x 1080, into this folder")
      ->type_name("DIR");
  verb.add_option("--video", flags->video,
                  "The same pages as a film: .mp4 (needs the program ffmpeg) or .webp; without an "
                  "ending, MP4 where ffmpeg is there and else WebP")
      ->type_name("FILE");
  verb.add_option("--fps", flags->pictures_per_second,
                  "Pictures a second of the film; keyframes are half a second apart")
      ->check(CLI::Range(0.1, 60.0))
      ->capture_default_str();
  verb.add_option("--mcap", flags->mcap, "Cameras, boxes, map, trajectories, occupancy and texts")
      ->type_name("FILE");
  verb.add_option(
          "--prediction-files", flags->prediction_files,
          "The predictions as nuScenes', GPT-Driver's and SparseOcc's evaluations read them")
      ->type_name("DIR");
  verb.footer(
      "Draws without a display. Example:\n  occvla view export --dataroot data/nuscenes --version "
      "v1.0-mini --scene scene-0061 --video drive.webp --mcap drive.mcap");
  verb.callback([flags, &context] { Run(*flags, context); });
}

}  // namespace occvla::cli
