#include "occvla/world/synth/timeline.h"

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>

#include "occvla/data/frame.h"
#include "occvla/data/nuscenes/write_tables.h"
#include "occvla/world/synth/assemble.h"
#include "occvla/world/synth/ego_can_bus.h"
#include "occvla/world/synth/token.h"

namespace occvla::world::synth {
namespace {

using data::nuscenes::AppendNumber;
using data::nuscenes::AppendQuoted;

constexpr std::string_view kLidar = "LIDAR_TOP";

std::array<double, 3> Translation(const geom::Pose& X) {
  return {X.translation().x(), X.translation().y(), X.translation().z()};
}

std::array<double, 4> Rotation(const geom::Pose& X) {
  const Eigen::Quaterniond q(X.linear());
  return {q.w(), q.x(), q.y(), q.z()};
}

std::array<double, 9> RowMajor(const Eigen::Matrix3d& K) {
  return {K(0, 0), K(0, 1), K(0, 2), K(1, 0), K(1, 1), K(1, 2), K(2, 0), K(2, 1), K(2, 2)};
}

/// Makes the exposures of one scene; `place` numbers them.
class Firing {
 public:
  explicit Firing(const SceneInput& input) : input_(input) {}

  Exposure operator()(std::string_view channel, double time_s, const char* folder) {
    Exposure exposure;
    exposure.time_s = time_s;
    exposure.timestamp_us = SceneSpan{.start_us = input_.plan.start_us}.At(time_s);
    exposure.X_GE = EgoAt(input_.drive, time_s).X_GE;
    exposure.token = Token(input_.seed, "sample_data", input_.index, place_++);
    exposure.filename = folder;
    exposure.filename += '/';
    exposure.filename.append(channel).append("/").append(input_.plan.logfile);
    exposure.filename += "__";
    exposure.filename.append(channel).append("__").append(std::to_string(exposure.timestamp_us));
    exposure.filename += channel == kLidar ? ".pcd.bin" : ".jpg";
    return exposure;
  }

 private:
  const SceneInput& input_;
  uint64_t place_ = 0;
};

std::string CalibrationToken(const SceneInput& input, size_t sensor) {
  return Token(input.seed, "calibrated_sensor", input.index, sensor);
}

/// One sensor's exposures in the order of time, each with the keyframe that it belongs to.
struct Chain {
  struct Link {
    const Exposure* exposure;
    size_t keyframe;
    bool key;
  };
  std::vector<Link> links;
  std::string calibration;
  int width_px = 0, height_px = 0;
  std::string format;
};

void AddChain(const Chain& chain, const Timeline& timeline, SceneRecord* record) {
  for (size_t i = 0; i < chain.links.size(); ++i) {
    const auto& [exposure, keyframe, key] = chain.links[i];
    record->Add(Part::kEgoPose,
                ToJson(data::nuscenes::EgoPoseRecord{.token = exposure->token,
                                                     .translation = Translation(exposure->X_GE),
                                                     .rotation = Rotation(exposure->X_GE),
                                                     .timestamp_us = exposure->timestamp_us}));
    record->Add(Part::kSampleData,
                ToJson(data::nuscenes::SampleDataRecord{
                    .token = exposure->token,
                    .sample_token = timeline.samples[keyframe],
                    .ego_pose_token = exposure->token,
                    .calibrated_sensor_token = chain.calibration,
                    .filename = exposure->filename,
                    .fileformat = chain.format,
                    .width_px = chain.width_px,
                    .height_px = chain.height_px,
                    .timestamp_us = exposure->timestamp_us,
                    .is_key_frame = key,
                    .next = i + 1 < chain.links.size() ? chain.links[i + 1].exposure->token : "",
                    .prev = i > 0 ? chain.links[i - 1].exposure->token : ""}));
  }
}

void AddSensors(const SceneInput& input, const Timeline& timeline, SceneRecord* record) {
  const size_t lidar = timeline.cameras.size();
  for (size_t c = 0; c <= lidar; ++c) {
    const bool camera = c < lidar;
    const auto& X_ES = camera ? timeline.rig.cameras[c].X_EC : timeline.rig.X_EL;
    data::nuscenes::CalibratedSensorRecord row{
        .token = CalibrationToken(input, c),
        .sensor_token = SensorToken(camera ? data::kCameraNames[c] : kLidar),
        .translation = Translation(X_ES),
        .rotation = Rotation(X_ES)};
    Chain chain{.links = {}, .calibration = row.token, .format = camera ? "jpg" : "pcd"};
    if (camera) {
      row.camera_intrinsic = RowMajor(timeline.rig.cameras[c].K);
      chain.width_px = timeline.rig.cameras[c].width_px;
      chain.height_px = timeline.rig.cameras[c].height_px;
    }
    for (size_t k = 0; k < timeline.samples.size(); ++k) {
      if (!camera)
        for (const auto& sweep : timeline.sweeps[k]) chain.links.push_back({&sweep, k, false});
      chain.links.push_back({camera ? &timeline.cameras[c][k] : &timeline.key_sweeps[k], k, true});
    }
    record->Add(Part::kCalibratedSensor, ToJson(row));
    AddChain(chain, timeline, record);
  }
}

/// "Night, turn left, change lane right. Synthetic."
std::string Description(const SceneInput& input, size_t keyframes) {
  static constexpr std::string_view kLight[] = {"Day", "Dusk", "Overcast", "Night"};
  std::string text(kLight[static_cast<size_t>(input.drive.day_time)]);
  std::vector<data::Direction> meant;
  for (size_t k = 0; k < keyframes; ++k) {
    const auto direction = IntentAt(input.drive, KeyframeTime(k)).direction;
    if (std::find(meant.begin(), meant.end(), direction) == meant.end()) meant.push_back(direction);
  }
  for (const auto direction : meant) {
    std::string words(data::kDirectionNames[static_cast<size_t>(direction)]);
    std::transform(words.begin(), words.end(), words.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    text += ", " + words;
  }
  return text + ". Synthetic.";
}

void AppendPose(const geom::Pose& X, std::string* json) {
  const auto list = [&](const char* name, const auto& values) {
    *json += name;
    for (size_t i = 0; i < values.size(); ++i) {
      if (i > 0) *json += ", ";
      AppendNumber(values[i], json);
    }
    *json += ']';
  };
  list("{\"translation\": [", Translation(X));
  list(", \"rotation\": [", Rotation(X));
  *json += '}';
}

void AppendField(const char* name, std::string_view text, std::string* json) {
  *json += std::string(", \"") + name + "\": ";
  AppendQuoted(text, json);
}

std::string CameraFrame(const Timeline& timeline, size_t camera, size_t keyframe) {
  const auto& exposure = timeline.cameras[camera][keyframe];
  const auto& K = timeline.rig.cameras[camera].K;
  std::string json = "\"" + exposure.token + "\": {\"img_path\": ";
  AppendQuoted(exposure.filename, &json);
  json += ", \"intrinsic\": [";
  for (int row = 0; row < 3; ++row) {
    json += row > 0 ? ", [" : "[";
    for (int column = 0; column < 3; ++column) {
      if (column > 0) json += ", ";
      AppendNumber(K(row, column), &json);
    }
    json += ']';
  }
  json += "], \"extrinsic\": ";
  AppendPose(timeline.rig.cameras[camera].X_EC, &json);
  json += ", \"ego_pose\": ";
  AppendPose(exposure.X_GE, &json);
  return json + "}";
}

/// The scene's entry of Occ3D's annotations.json.
std::string OccupancyFrames(const SceneInput& input, const Timeline& timeline) {
  const size_t n = timeline.samples.size();
  std::string json = "\"" + input.plan.name + "\": {";
  for (size_t k = 0; k < n; ++k) {
    if (k > 0) json += ", ";
    json += "\"" + timeline.samples[k] +
            "\": {\"timestamp\": " + std::to_string(timeline.key_sweeps[k].timestamp_us) +
            ", \"camera_sensor\": {";
    for (size_t c = 0; c < timeline.cameras.size(); ++c)
      json += (c > 0 ? ", " : "") + CameraFrame(timeline, c, k);
    json += "}, \"ego_pose\": ";
    AppendPose(timeline.key_sweeps[k].X_GE, &json);
    AppendField("gt_path", LabelsPath(input.plan.name, timeline.samples[k]), &json);
    AppendField("next", k + 1 < n ? timeline.samples[k + 1] : "", &json);
    AppendField("prev", k > 0 ? timeline.samples[k - 1] : "", &json);
    json += '}';
  }
  return json + "}";
}

}  // namespace

data::MetaAction IntentAt(const Drive& drive, double time_s) {
  const auto step = static_cast<size_t>(std::llround(time_s / drive.step_s));
  return drive.intents.at(std::min(step, drive.intents.size() - 1));
}

std::string LabelsPath(const std::string& scene, const std::string& sample) {
  return "gts/" + scene + "/" + sample + "/labels.npz";
}

Timeline MakeTimeline(const SceneInput& input) {
  Timeline timeline;
  timeline.rig = MakeRig(input.config.camera.image_scale);
  Firing fire(input);
  const auto keyframes = static_cast<size_t>(input.config.set.keyframes);
  const auto between = static_cast<int>(input.config.set.sweeps);
  for (size_t k = 0; k < keyframes; ++k) {
    const double time_s = KeyframeTime(k);
    timeline.samples.push_back(Token(input.seed, "sample", input.index, k));
    auto& sweeps = timeline.sweeps.emplace_back();
    for (int i = 1; k > 0 && i <= between; ++i) {
      const double before = kInterval * (between + 1 - i) / (between + 1);
      sweeps.push_back(fire(kLidar, time_s - before, "sweeps"));
    }
    timeline.key_sweeps.push_back(fire(kLidar, time_s, "samples"));
    for (size_t c = 0; c < timeline.cameras.size(); ++c) {
      timeline.cameras[c].push_back(
          fire(data::kCameraNames[c], time_s + timeline.rig.offsets_s[c], "samples"));
    }
  }
  return timeline;
}

void AddTimeline(const SceneInput& input, const Timeline& timeline, SceneRecord* record) {
  const auto& plan = input.plan;
  const size_t n = timeline.samples.size();
  const auto scene = Token(input.seed, "scene", input.index, 0);
  record->Add(Part::kLog, ToJson(data::nuscenes::LogRecord{
                              .token = LogToken(plan),
                              .logfile = plan.logfile,
                              .vehicle = std::string(kLocations[plan.location].vehicle),
                              .date_captured = plan.date,
                              .location = std::string(kLocations[plan.location].name)}));
  record->Add(Part::kScene,
              ToJson(data::nuscenes::SceneRecord{.token = scene,
                                                 .name = plan.name,
                                                 .description = Description(input, n),
                                                 .log_token = LogToken(plan),
                                                 .nbr_samples = n,
                                                 .first_sample_token = timeline.samples.front(),
                                                 .last_sample_token = timeline.samples.back()}));
  for (size_t k = 0; k < n; ++k) {
    record->Add(Part::kSample, ToJson(data::nuscenes::SampleRecord{
                                   .token = timeline.samples[k],
                                   .timestamp_us = timeline.key_sweeps[k].timestamp_us,
                                   .scene_token = scene,
                                   .next = k + 1 < n ? timeline.samples[k + 1] : "",
                                   .prev = k > 0 ? timeline.samples[k - 1] : ""}));
    std::string intent = "\"" + timeline.samples[k] + "\": ";
    AppendQuoted(data::ToString(IntentAt(input.drive, KeyframeTime(k))), &intent);
    record->Add(Part::kIntent, std::move(intent));
  }
  AddSensors(input, timeline, record);
  record->Add(Part::kOccupancy, OccupancyFrames(input, timeline));
}

}  // namespace occvla::world::synth
