#pragma once
#include <array>
#include <string>
#include <vector>

#include "occvla/geom/camera.h"
#include "occvla/world/render/rig.h"
#include "occvla/world/synth/scene_record.h"
#include "occvla/world/synth/scene_writer.h"

namespace occvla::world::synth {

/// One firing of a sensor: a row of sample_data, the row of ego_pose of the same token, a file.
struct Exposure {
  std::string token, filename;
  double time_s = 0;  ///< Of the drive.
  int64_t timestamp_us = 0;
  geom::Pose X_GE = geom::Pose::Identity();  ///< The ego's at that time.
};

/// Everything that the sensors of a scene record, before it is recorded.
struct Timeline {
  Rig rig;                                       ///< At the images' scale.
  std::vector<std::string> samples;              ///< Token of each keyframe.
  std::array<std::vector<Exposure>, 6> cameras;  ///< In the order of data::kCameraNames.
  std::vector<Exposure> key_sweeps;              ///< A keyframe's time is its sweep's.
  std::vector<std::vector<Exposure>> sweeps;     ///< Those between the keyframe before and this.
};

Timeline MakeTimeline(const SceneInput& input);

/// Adds the scene's rows but for boxes: log, scene, sample, calibrated_sensor, ego_pose,
/// sample_data, intents and Occ3D's frames.
void AddTimeline(const SceneInput& input, const Timeline& timeline, SceneRecord* record);

/// What the driver meant to do from a time of the drive on.
data::MetaAction IntentAt(const Drive& drive, double time_s);

/// `gts/<scene>/<sample token>/labels.npz`.
std::string LabelsPath(const std::string& scene, const std::string& sample);

}  // namespace occvla::world::synth
