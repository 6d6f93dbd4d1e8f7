#include <CLI/Option.hpp>
#include <nlohmann/json.hpp>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/text.h"
#include "occvla/cli/dataset_flags.h"
#include "occvla/cli/verbs.h"
#include "occvla/data/nuscenes/dataset.h"
#include "occvla/data/nuscenes/sweep_boxes.h"

namespace occvla::cli {
namespace {

using data::nuscenes::Dataset;
using data::nuscenes::kNoRow;
using data::nuscenes::Row;
using nlohmann::json;

struct Flags {
  DatasetFlags data;
  std::vector<std::string> tokens;
  std::string output;
};

json Numbers(const Eigen::Vector3d& p) { return {p.x(), p.y(), p.z()}; }

json PoseJson(const geom::Pose& pose) {
  json rows = json::array();
  for (int i = 0; i < 3; ++i) rows.push_back({pose(i, 0), pose(i, 1), pose(i, 2), pose(i, 3)});
  return rows;
}

// Rows' tokens, "" for none.
template <typename Rows>
json TokenJson(const Rows& rows, Row row) {
  return row == kNoRow ? "" : rows[row].token.ToString();
}

/// What the reader makes of keyframes, in the terms of the tables.
class Describer {
 public:
  explicit Describer(const Dataset& dataset)
      : dataset_(dataset), tables_(dataset.tables()), rows_(tables_.rows()) {
    files_by_sample_.resize(rows_.sample.size());
    for (size_t i = 0; i < rows_.sample_data.size(); ++i)
      files_by_sample_[rows_.sample_data[i].sample].push_back(static_cast<Row>(i));
  }

  json Sample(Row row) const {
    const data::nuscenes::SampleRow& sample = rows_.sample[row];
    const data::Frame frame = dataset_.FrameOf(row);
    json out = {{"token", frame.token},
                {"scene", frame.scene},
                {"location", frame.location},
                {"timestamp", sample.timestamp_us},
                {"prev", TokenJson(rows_.sample, sample.previous)},
                {"next", TokenJson(rows_.sample, sample.next)},
                {"pose", PoseJson(frame.now->X_GE)},
                {"lidar", PoseJson(frame.lidar.X_EL)}};
    for (const Row file : files_by_sample_[row]) out["files"].push_back(File(file));
    for (size_t i = 0; i < frame.images.size(); ++i)
      out["cameras"][std::string(data::kCameraNames[i])] = Camera(frame, i);
    out["annotations"] = json::array();
    for (const data::Annotation& annotation : frame.annotations)
      out["annotations"].push_back(AnnotationJson(annotation));
    return out;
  }

 private:
  json File(Row row) const {
    const data::nuscenes::SampleDataRow& file = rows_.sample_data[row];
    json boxes = json::array();
    for (const auto& box : BoxesAt(tables_, row)) {
      boxes.push_back({{"token", TokenJson(rows_.sample_annotation, box.annotation)},
                       {"size", Numbers(box.box_G.size)},
                       {"pose", PoseJson(box.box_G.X_AB)}});
    }
    return {{"token", file.token.ToString()},
            {"channel", tables_.Channel(file)},
            {"key", file.is_key_frame},
            {"prev", TokenJson(rows_.sample_data, file.previous)},
            {"next", TokenJson(rows_.sample_data, file.next)},
            {"boxes", boxes}};
  }

  // The boxes that the camera sees, as the devkit's get_sample_data chooses them.
  static json Camera(const data::Frame& frame, size_t index) {
    const data::CameraImage& image = frame.images[index];
    const geom::Pose X_EG = frame.now->X_GE.inverse();
    json seen = json::array();
    for (const data::Annotation& annotation : frame.annotations) {
      geom::Box box_E = annotation.box_G;
      box_E.X_AB = X_EG * annotation.box_G.X_AB;
      if (!IsVisible(box_E, *image.camera)) continue;
      json corners = json::array();
      for (const Eigen::Vector3d& p_EQ : Corners(box_E)) {
        const auto pixel = Project(*image.camera, p_EQ);
        corners.push_back({pixel->x(), pixel->y()});
      }
      seen.push_back({{"token", annotation.token}, {"corners", corners}});
    }
    return {{"path", image.path.filename()},
            {"timestamp", image.timestamp_us},
            {"pose", PoseJson(*image.X_GEc)},
            {"mount", PoseJson(*image.X_EcC)},
            {"seen", seen}};
  }

  static json AnnotationJson(const data::Annotation& annotation) {
    return {{"token", annotation.token},
            {"instance", annotation.instance_token},
            {"category", annotation.category},
            {"attributes", annotation.attributes},
            {"visibility", annotation.visibility},
            {"velocity", annotation.velocity_G ? Numbers(*annotation.velocity_G) : json()},
            {"lidar_points", annotation.lidar_points},
            {"radar_points", annotation.radar_points}};
  }

  const Dataset& dataset_;
  const data::nuscenes::Tables& tables_;
  const data::nuscenes::Tables::Spans& rows_;
  std::vector<std::vector<Row>> files_by_sample_;
};

json Splits(const Dataset& dataset) {
  json splits;
  for (const std::string& split : dataset.Splits()) {
    splits[split] = json::array();
    try {
      for (const Row scene : dataset.Scenes(split))
        splits[split].push_back(dataset.tables().Text(dataset.tables().rows().scene[scene].name));
    } catch (const DataError&) {  // None of its scenes is here.
    }
  }
  return splits;
}

json OfficialSplits() {
  json splits;
  for (const char* split :
       {"train", "val", "test", "mini_train", "mini_val", "train_detect", "train_track"})
    splits[split] = data::nuscenes::OfficialScenes(split);
  return splits;
}

std::vector<Row> SamplesOf(const Dataset& dataset, const std::vector<std::string>& tokens) {
  if (tokens.empty()) return dataset.KeyFrames("all");
  std::vector<Row> rows;
  for (const std::string& text : tokens) {
    const auto token = data::nuscenes::Token::Parse(text);
    const auto row = token ? dataset.tables().FindSample(*token) : std::nullopt;
    if (!row) throw ConfigError("--token " + Quoted(text, 60) + " is no sample of the data set.");
    rows.push_back(*row);
  }
  return rows;
}

}  // namespace

void AddDumpFrame(CLI::App& dump, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& verb = *dump.add_subcommand("frame", "What the reader makes of a data set's keyframes");
  AddDatasetFlags(verb, flags->data);
  verb.add_option("--token", flags->tokens, "A keyframe's sample token; may be repeated")
      ->type_name("TOKEN");
  verb.add_option("--output", flags->output,
                  "JSON: samples (links, poses, files with boxes at their time, boxes that each "
                  "camera sees, annotations with velocity), splits, official_splits")
      ->required()
      ->type_name("FILE");
  verb.footer(
      "Without --token all keyframes.\nExample:\n  occvla dump frame --dataroot /data/nuscenes "
      "--version v1.0-mini --token ca9a282c9e77460f8360f564131a8af5 --output frame.json");
  verb.callback([flags, &context] {
    const Dataset dataset = Dataset::Open(OptionsFrom(flags->data));
    const Describer describer(dataset);
    json out = {{"samples", json::array()},
                {"splits", Splits(dataset)},
                {"official_splits", OfficialSplits()}};
    for (const Row sample : SamplesOf(dataset, flags->tokens)) {
      context.CheckInterrupt();
      out["samples"].push_back(describer.Sample(sample));
    }
    WriteFileAtomically(flags->output, out.dump() + "\n");
  });
}

}  // namespace occvla::cli
