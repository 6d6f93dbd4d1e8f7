#include "occvla/cli/eval_inputs.h"

#include <utility>

#include "occvla/base/error.h"
#include "occvla/cli/dataset_flags.h"
#include "occvla/eval/occupancy/lidar_origins.h"

namespace occvla::cli {

std::vector<eval::OccupancyCase> OccupancyCasesOf(const data::nuscenes::Dataset& dataset,
                                                  const std::string& split,
                                                  const std::filesystem::path& predictions) {
  std::vector<eval::OccupancyCase> cases;
  std::vector<data::Frame> scene;
  const auto finish = [&] {
    std::vector<eval::LidarPlace> places;
    for (const data::Frame& frame : scene) places.push_back({frame.now->X_GE, frame.lidar.X_EL});
    for (size_t i = 0; i < scene.size(); ++i) {
      if (scene[i].occupancy.empty()) continue;
      cases.push_back({scene[i].token, scene[i].occupancy, predictions / (scene[i].token + ".npz"),
                       eval::RayOrigins(places, i)});
    }
    scene.clear();
  };
  for (const data::nuscenes::Row row : dataset.KeyFrames(split)) {
    data::Frame frame = dataset.FrameOf(row);
    if (!frame.now)
      throw DataError(frame.token + ": has no LIDAR_TOP pose, from which rays would be cast.");
    if (!scene.empty() && scene.back().scene != frame.scene) finish();
    scene.push_back(std::move(frame));
  }
  finish();
  return cases;
}

MetaActionTruth MetaActionTruthOf(const data::nuscenes::Dataset& dataset, const std::string& split,
                                  const Context& context) {
  const auto keyframes = dataset.KeyFrames(split);
  WorkProgress bar(context, "reading labels", "keyframes");
  MetaActionTruth truth;
  for (size_t i = 0; i < keyframes.size(); ++i) {
    const data::Frame frame = dataset.FrameOf(keyframes[i]);
    if (frame.meta_action) {
      truth.labels.emplace(frame.token, *frame.meta_action);
      truth.past.emplace(frame.token, frame.ego.past_meta_actions);
    } else {
      truth.unlabelled.push_back(frame.token);
    }
    bar(i + 1, keyframes.size());
  }
  return truth;
}

}  // namespace occvla::cli
