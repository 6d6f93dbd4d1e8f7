#include <map>
#include <ostream>

#include "occvla/base/error.h"
#include "occvla/base/text.h"
#include "occvla/cli/dataset_flags.h"
#include "occvla/cli/verbs.h"
#include "occvla/data/image/image.h"
#include "occvla/data/nuscenes/dataset.h"
#include "occvla/view/frame_sheet.h"

namespace occvla::cli {
namespace {

using data::nuscenes::Dataset;
using data::nuscenes::Row;
using view::VoxelsShown;

struct Flags {
  DatasetFlags dataset;
  std::string token, scene, out, voxels = "all";
  int64_t index = 0;
};

Row FindKeyFrame(const Dataset& dataset, const Flags& flags) {
  const auto& tables = dataset.tables();
  if (!flags.token.empty()) {
    const auto token = data::nuscenes::Token::Parse(flags.token);
    const auto row = token ? tables.FindSample(*token) : std::nullopt;
    if (row) return *row;
    throw DataError(flags.dataset.version + " has no keyframe " + Quoted(flags.token) +
                    ". A token is 32 hex digits; --scene and --index name a keyframe too.");
  }
  const auto scene = tables.FindScene(flags.scene);
  if (!scene) {
    std::vector<std::string> names;
    for (const auto& row : tables.rows().scene) names.emplace_back(tables.Text(row.name));
    const std::vector<std::string> nearest = Nearest(flags.scene, names, 3);
    throw DataError(flags.dataset.version + " has no scene " + Quoted(flags.scene) + " among its " +
                    std::to_string(names.size()) + "." +
                    (nearest.empty() ? "" : " Did you mean " + Join(nearest, ", ") + "?"));
  }
  const data::nuscenes::SceneRow& row = tables.rows().scene[*scene];
  if (flags.index >= row.sample_count) {
    throw ConfigError("data show: --index " + std::to_string(flags.index) + " is beyond " +
                      flags.scene + ", which has keyframes 0 to " +
                      std::to_string(int64_t{row.sample_count} - 1) + ".");
  }
  Row sample = row.first_sample;
  for (int64_t step = 0; step < flags.index; ++step) sample = tables.rows().sample[sample].next;
  return sample;
}

void Run(const Flags& flags, const Context& context) {
  if (flags.token.empty() == flags.scene.empty())
    throw ConfigError("data show: name the keyframe by --token, or by --scene and --index.");
  static const std::map<std::string, VoxelsShown> kVoxels = {
      {"all", VoxelsShown::kAll},
      {"camera", VoxelsShown::kSeenByCameras},
      {"lidar", VoxelsShown::kSeenByLidar}};
  const Dataset dataset = Dataset::Open(OptionsFrom(flags.dataset));
  const Row sample = FindKeyFrame(dataset, flags);
  const data::Frame frame = dataset.FrameOf(sample);
  const view::FrameParts parts = view::ReadFrameParts(frame);
  const auto& tables = dataset.tables();
  view::FrameNotes notes{.dataset = flags.dataset.version,
                         .description = std::string(tables.Text(
                             tables.rows().scene[tables.rows().sample[sample].scene].description))};
  if (parts.lidar_problem.empty())
    notes.lidar_points = static_cast<int64_t>(parts.around.points_E.size());
  data::WriteImage(flags.out, view::DrawFrameSheet(frame, parts, notes, kVoxels.at(flags.voxels)));
  context.out << flags.out << ": " << frame.scene << ", keyframe " << frame.token << "\n";
  const auto say = [&](std::string_view what, const std::string& problem) {
    if (!problem.empty()) context.err << "not drawn: " << what << ": " << problem << "\n";
  };
  for (size_t index = 0; index < parts.images.size(); ++index)
    say(data::kCameraNames[index], parts.images[index].problem);
  say("map", parts.map_problem);
  say("lidar", parts.lidar_problem);
  say("occupancy", parts.occupancy_problem);
}

}  // namespace

void AddDataShow(CLI::App& data, const Context& context) {
  auto flags = std::make_shared<Flags>();
  auto& verb = *data.add_subcommand(
      "show", "One keyframe as a picture: six views with boxes and map, from above, occupancy");
  AddDatasetFlags(verb, flags->dataset);
  verb.add_option("--token", flags->token, "The keyframe's token in the table sample")
      ->type_name("T");
  verb.add_option("--scene", flags->scene, "Or its scene, such as scene-0061")->type_name("NAME");
  verb.add_option("--index", flags->index, "and its place in the scene")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 31))
      ->capture_default_str();
  verb.add_option("--voxels", flags->voxels,
                  "Which occupied voxels: all, those seen by cameras or "
                  "those seen by lidar")
      ->check(CLI::IsMember({"all", "camera", "lidar"}))
      ->capture_default_str();
  verb.add_option("--out", flags->out, "The picture: .png, or .jpg, which is smaller")
      ->required()
      ->type_name("FILE");
  verb.footer(
      "Draws without a display; what is missing is named in the picture and on stderr.\n"
      "Example:\n  occvla data show --dataroot data/nuscenes --version v1.0-mini "
      "--scene scene-0061 --index 5 --out frame.png");
  verb.callback([flags, &context] { Run(*flags, context); });
}

}  // namespace occvla::cli
