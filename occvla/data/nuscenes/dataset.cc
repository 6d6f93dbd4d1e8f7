#include "occvla/data/nuscenes/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <unordered_map>
#include <utility>

#include "occvla/base/error.h"
#include "occvla/base/json.h"
#include "occvla/base/text.h"
#include "occvla/data/nuscenes/sweep_boxes.h"
#include "occvla/data/text/questions.h"

namespace occvla::data::nuscenes {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostPastPositions = 4;
constexpr size_t kMostPastActions = 64;
// Six keyframes ahead, whose gaps are 0.4 to 0.6 s.
constexpr int64_t kLabelReach_us = 2'900'000;

// Scenes by split, from `splits.json`; empty where there is no such file.
std::map<std::string, std::vector<std::string>> ReadSplits(const fs::path& path) {
  std::map<std::string, std::vector<std::string>> splits;
  if (!fs::exists(path)) return splits;
  const nlohmann::json document = ReadJsonFile(path);
  const JsonNode root(document, path.string());
  for (const std::string& name : root.Names()) {
    if (name.empty() || name == "all") {
      root.At(name).Fail("must have another name: \"all\" is every scene of the tables");
    }
    splits[name] = root.At(name).Strings();
  }
  return splits;
}

std::vector<std::string> OfficialSplits(std::string_view version) {
  if (version == "v1.0-trainval") return {"train", "val", "train_detect", "train_track"};
  if (version == "v1.0-test") return {"test"};
  if (version == "v1.0-mini") return {"mini_train", "mini_val"};
  return {};
}

// Labels by sample row. Those of other data sets are passed over, for a file may serve several; a
// file that serves none of this one's keyframes is a mistake.
std::unordered_map<Row, MetaAction> ReadMetaActions(const fs::path& path, const Tables& tables) {
  std::unordered_map<Row, MetaAction> actions;
  const nlohmann::json document = ReadJsonFile(path);
  const JsonNode root(document, path.string());
  std::vector<std::string> complaints;
  uint64_t elsewhere = 0;
  for (const auto& [name, value] : root.json().items()) {
    const std::optional<Token> token = Token::Parse(name);
    const auto* text = value.get_ptr<const std::string*>();
    const std::optional<MetaAction> action = text ? ParseMetaAction(*text) : std::nullopt;
    if (!token) {
      complaints.push_back(Quoted(name, 60) + " must be a sample token of 32 hex digits");
    } else if (!action) {
      complaints.push_back(fmt::format(
          "{} must be \"<velocity>, <direction>\" such as \"Maintain speed, Go Straight\", but is "
          "{}",
          name, Printable(value.dump(), 80)));
    } else if (const std::optional<Row> sample = tables.FindSample(*token)) {
      actions.emplace(*sample, *action);
    } else {
      ++elsewhere;
    }
  }
  constexpr size_t kMost = 100;
  const size_t more = complaints.size() - std::min(complaints.size(), kMost);
  complaints.resize(complaints.size() - more);
  if (more > 0) complaints.push_back(fmt::format("and {} more", more));
  if (!complaints.empty()) {
    throw DataError(
        fmt::format("{}: meta actions:\n  - {}\nMake the file again with `occvla label "
                    "meta-actions`.",
                    path.string(), Join(complaints, "\n  - ")));
  }
  if (actions.empty() && elsewhere > 0) {
    throw DataError(
        fmt::format("{}: none of its {} tokens is a keyframe of this data set. Name the "
                    "file made for it.",
                    path.string(), elsewhere));
  }
  return actions;
}

}  // namespace

struct Dataset::Impl {
  DatasetOptions options;
  Tables tables;
  std::map<std::string, std::vector<std::string>> own_splits;
  QuestionStore questions;
  std::unordered_map<Row, MetaAction> meta_actions;
  std::mutex map_mutex;  // Of `maps` and the reading of a map, so that each is read once.
  std::map<std::string, std::unique_ptr<const Map>, std::less<>> maps;

  std::vector<std::string> Splits() const {
    std::vector<std::string> names = {"all"};
    for (const std::string& name : OfficialSplits(options.version)) names.push_back(name);
    for (const auto& [name, scenes] : own_splits)
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    return names;
  }

  std::optional<EgoMoment> MomentOf(Row sample) const {
    const std::optional<Row> row = tables.KeyFrameData(sample, "LIDAR_TOP");
    if (!row) return std::nullopt;
    const SampleDataRow& file = tables.rows().sample_data[*row];
    const EgoPoseRow& pose = tables.rows().ego_pose[file.ego_pose];
    return EgoMoment{.timestamp_us = file.timestamp_us,
                     .X_GE = PoseOf(pose.translation, pose.rotation)};
  }

  void FillMotion(Row sample, Frame& frame) const;
  void AddPastActions(Row sample, Frame& frame) const;
  void FillSensors(Row sample, Frame& frame) const;
  void FillAnnotations(Row sample, Frame& frame) const;
};

Dataset::Dataset(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Dataset::Dataset(Dataset&&) noexcept = default;
Dataset& Dataset::operator=(Dataset&&) noexcept = default;
Dataset::~Dataset() = default;

Dataset Dataset::Open(const DatasetOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  impl->tables = ReadTables(options.dataroot, options.version, options.cache);
  const fs::path folder = options.dataroot / options.version;
  impl->own_splits = ReadSplits(folder / "splits.json");
  if (options.occupancy.empty()) {
    impl->options.occupancy = options.dataroot / "gts";
  } else if (!fs::is_directory(options.occupancy)) {
    throw DataError(options.occupancy.string() +
                    ": there is no such folder of occupancy labels. Check the path.");
  }
  if (!options.questions.empty()) impl->questions = QuestionStore::Open(options.questions);
  const fs::path usual = folder / "meta_actions.json";
  if (!options.read_meta_actions) {
    impl->options.meta_actions.clear();
  } else if (!options.meta_actions.empty()) {
    impl->meta_actions = ReadMetaActions(options.meta_actions, impl->tables);
  } else if (fs::exists(usual)) {
    impl->options.meta_actions = usual;
    impl->meta_actions = ReadMetaActions(usual, impl->tables);
  }
  return Dataset(std::move(impl));
}

const Tables& Dataset::tables() const { return impl_->tables; }
const DatasetOptions& Dataset::options() const { return impl_->options; }
std::vector<std::string> Dataset::Splits() const { return impl_->Splits(); }

std::vector<Row> Dataset::Scenes(const std::string& split) const {
  const Tables& tables = impl_->tables;
  const std::vector<std::string> known = impl_->Splits();
  if (std::find(known.begin(), known.end(), split) == known.end()) {
    const std::vector<std::string> nearest = Nearest(split, known, 1);
    throw ConfigError(fmt::format("{} of {} has no split {}; it has {}.{}", options().version,
                                  options().dataroot.string(), Quoted(split, 60), Join(known, ", "),
                                  nearest.empty() ? "" : " Did you mean " + nearest.front() + "?"));
  }
  std::vector<std::pair<std::string_view, Row>> found;
  const auto scenes = tables.rows().scene;
  std::optional<std::set<std::string, std::less<>>> wanted;
  if (split != "all") {
    const auto own = impl_->own_splits.find(split);
    const std::vector<std::string> names =
        own != impl_->own_splits.end() ? own->second : OfficialScenes(split);
    wanted.emplace(names.begin(), names.end());
  }
  for (size_t row = 0; row < scenes.size(); ++row) {
    const std::string_view name = tables.Text(scenes[row].name);
    if (!wanted || wanted->contains(name)) found.emplace_back(name, static_cast<Row>(row));
  }
  if (found.empty()) {
    throw DataError(
        fmt::format("{}/{}: none of the {} scenes of split {} is in its tables, which "
                    "hold {} scenes. Check --version and --split.",
                    options().dataroot.string(), options().version, wanted ? wanted->size() : 0,
                    split, scenes.size()));
  }
  std::sort(found.begin(), found.end());
  std::vector<Row> rows;
  for (const auto& [name, row] : found) rows.push_back(row);
  return rows;
}

std::vector<Row> Dataset::KeyFrames(const std::string& split) const {
  const auto& tables = impl_->tables.rows();
  std::vector<Row> samples;
  for (const Row scene : Scenes(split)) {
    for (Row sample = tables.scene[scene].first_sample; sample != kNoRow;
         sample = tables.sample[sample].next)
      samples.push_back(sample);
  }
  return samples;
}

// A label speaks of the three seconds after its keyframe. Only those that are over by now are past:
// later ones would tell what the car is about to do.
void Dataset::Impl::AddPastActions(Row sample, Frame& frame) const {
  const auto& samples = tables.rows().sample;
  std::vector<MetaAction>& actions = frame.ego.past_meta_actions;
  for (Row at = samples[sample].previous; at != kNoRow && actions.size() < kMostPastActions;
       at = samples[at].previous) {
    if (samples[sample].timestamp_us - samples[at].timestamp_us < kLabelReach_us) continue;
    const auto action = meta_actions.find(at);
    if (action == meta_actions.end()) break;
    actions.push_back(action->second);
  }
  std::reverse(actions.begin(), actions.end());
}

void Dataset::Impl::FillMotion(Row sample, Frame& frame) const {
  const auto& samples = tables.rows().sample;
  const auto walk = [&](auto neighbour, std::array<std::optional<EgoMoment>, 6>& moments) {
    Row at = samples[sample].*neighbour;
    for (size_t i = 0; i < moments.size() && at != kNoRow; ++i, at = samples[at].*neighbour)
      moments[i] = MomentOf(at);
  };
  walk(&SampleRow::previous, frame.past);
  walk(&SampleRow::next, frame.future);
  AddPastActions(sample, frame);

  const geom::Pose X_EG = frame.now->X_GE.inverse();
  for (size_t i = 0; i < kMostPastPositions && frame.past[i]; ++i) {
    const Eigen::Vector3d p_E = X_EG * frame.past[i]->X_GE.translation();
    frame.ego.past_positions_E.push_back({p_E.x(), p_E.y()});
  }
  if (frame.past[0] && frame.past[0]->timestamp_us < frame.now->timestamp_us) {
    const double seconds =
        1e-6 * static_cast<double>(frame.now->timestamp_us - frame.past[0]->timestamp_us);
    const auto& [x, y] = frame.ego.past_positions_E.front();
    frame.ego.velocity_E = {-x / seconds, -y / seconds};
  }
}

void Dataset::Impl::FillSensors(Row sample, Frame& frame) const {
  const auto& rows = tables.rows();
  std::vector<std::string> missing;
  const auto find = [&](std::string_view channel) {
    const std::optional<Row> row = tables.KeyFrameData(sample, channel);
    if (!row) missing.emplace_back(channel);
    return row;
  };
  const std::optional<Row> lidar = find("LIDAR_TOP");
  std::array<std::optional<Row>, kCameraNames.size()> cameras;
  for (size_t i = 0; i < kCameraNames.size(); ++i) {
    cameras[i] = find(kCameraNames[i]);
    if (!cameras[i]) continue;
    const Row mount = rows.sample_data[*cameras[i]].calibrated_sensor;
    if (!rows.calibrated_sensor[mount].has_intrinsic)
      missing.push_back(std::string(kCameraNames[i]) + " as a camera");
  }
  if (!missing.empty()) {
    throw DataError(
        fmt::format("{}/sample_data.json: sample {} of {} has no keyframe of {}. Unpack "
                    "the metadata archive again, or leave the scene out of the split.",
                    options.version, frame.token, frame.scene, Join(missing, ", ")));
  }
  const auto mount_of = [&](Row row) {
    const CalibratedSensorRow& mount =
        rows.calibrated_sensor[rows.sample_data[row].calibrated_sensor];
    return PoseOf(mount.translation, mount.rotation);
  };
  frame.now = MomentOf(sample);
  frame.lidar = {.path = options.dataroot / tables.Text(rows.sample_data[*lidar].filename),
                 .timestamp_us = rows.sample_data[*lidar].timestamp_us,
                 .X_EL = mount_of(*lidar)};
  const geom::Pose X_EG = frame.now->X_GE.inverse();
  for (size_t i = 0; i < cameras.size(); ++i) {
    const SampleDataRow& file = rows.sample_data[*cameras[i]];
    const EgoPoseRow& pose = rows.ego_pose[file.ego_pose];
    const auto& K = rows.calibrated_sensor[file.calibrated_sensor].intrinsic;
    CameraImage& image = frame.images[i];
    image.path = options.dataroot / tables.Text(file.filename);
    image.timestamp_us = file.timestamp_us;
    image.X_GEc = PoseOf(pose.translation, pose.rotation);
    image.X_EcC = mount_of(*cameras[i]);
    geom::PinholeCamera camera;
    camera.K << K[0], K[1], K[2], K[3], K[4], K[5], K[6], K[7], K[8];
    camera.width_px = file.width_px;
    camera.height_px = file.height_px;
    camera.X_EC = X_EG * *image.X_GEc * *image.X_EcC;
    image.camera = camera;
  }
}

void Dataset::Impl::FillAnnotations(Row sample, Frame& frame) const {
  const auto& rows = tables.rows();
  const Range range = rows.sample[sample].annotations;
  frame.annotations.reserve(range.end - range.begin);
  for (uint32_t i = range.begin; i < range.end; ++i) {
    const Row row = rows.sample_annotation_rows[i];
    const AnnotationRow& from = rows.sample_annotation[row];
    const InstanceRow& instance = rows.instance[from.instance];
    Annotation annotation;
    annotation.token = from.token.ToString();
    annotation.instance_token = instance.token.ToString();
    annotation.category = tables.Text(rows.category[instance.category].name);
    for (uint32_t at = from.attributes.begin; at < from.attributes.end; ++at) {
      const Row attribute = rows.annotation_attribute_rows[at];
      annotation.attributes.emplace_back(tables.Text(rows.attribute[attribute].name));
    }
    annotation.visibility = from.visibility;
    annotation.box_G = BoxOf(from);
    if (const auto velocity_G = Velocity(tables, row))
      annotation.velocity_G = Eigen::Vector3d(velocity_G->data());
    annotation.lidar_points = from.lidar_points;
    annotation.radar_points = from.radar_points;
    frame.annotations.push_back(std::move(annotation));
  }
}

Frame Dataset::FrameOf(Row sample) const {
  const auto& rows = impl_->tables.rows();
  const SceneRow& scene = rows.scene[rows.sample[sample].scene];
  Frame frame;
  frame.token = rows.sample[sample].token.ToString();
  frame.scene = impl_->tables.Text(scene.name);
  frame.location = impl_->tables.Text(rows.log[scene.log].location);
  impl_->FillSensors(sample, frame);
  impl_->FillMotion(sample, frame);
  impl_->FillAnnotations(sample, frame);
  const fs::path occupancy = options().occupancy / frame.scene / frame.token / "labels.npz";
  std::error_code ignored;
  if (fs::exists(occupancy, ignored)) frame.occupancy = occupancy;
  frame.map = MapOf(frame.location);
  frame.questions = impl_->questions.Of(frame.token);
  const auto action = impl_->meta_actions.find(sample);
  if (action != impl_->meta_actions.end()) frame.meta_action = action->second;
  return frame;
}

Frame Dataset::FrameOf(std::string_view sample_token) const {
  const std::optional<Token> token = Token::Parse(sample_token);
  const std::optional<Row> sample = token ? impl_->tables.FindSample(*token) : std::nullopt;
  if (!sample) {
    throw DataError(fmt::format("{}/{}: has no sample {}. Check the token and --version.",
                                options().dataroot.string(), options().version,
                                Quoted(sample_token, 60)));
  }
  return FrameOf(*sample);
}

const Map* Dataset::MapOf(std::string_view location) const {
  if (!options().read_maps) return nullptr;
  const std::lock_guard lock(impl_->map_mutex);
  const auto known = impl_->maps.find(location);
  if (known != impl_->maps.end()) return known->second.get();
  std::unique_ptr<const Map> map;
  const bool is_name = !location.empty() && location.find('/') == std::string_view::npos;
  const fs::path path =
      options().dataroot / "maps" / "expansion" / (std::string(location) + ".json");
  if (is_name && fs::exists(path)) map = std::make_unique<const Map>(ReadMap(path));
  return impl_->maps.emplace(std::string(location), std::move(map)).first->second.get();
}

}  // namespace occvla::data::nuscenes
