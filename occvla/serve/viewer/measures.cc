#include "occvla/serve/viewer/measures.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_map>

#include "occvla/data/nuscenes/dataset.h"
#include "occvla/eval/planning/run.h"
#include "occvla/serve/viewer/run_folder.h"

namespace occvla::serve::viewer {
namespace {

using Json = nlohmann::ordered_json;

Json Errors(const eval::FrameMeasures& measures) {
  Json errors = Json::array();
  for (size_t step = 0; step < 6; ++step) {
    const bool valid = (measures.valid >> step & 1) != 0;
    errors.push_back(valid ? Json(std::round(measures.prediction->error[step] * 1000) / 1000)
                           : Json(nullptr));
  }
  return errors;
}

void AddPlan(const eval::FrameMeasures& measures, Json* json) {
  if (!measures.prediction) return;
  (*json)["l2"] = Errors(measures);
  if (measures.clean != eval::CleanUse::kCounted) return;
  const auto& track = *measures.prediction;
  (*json)["collision"] = (track.overlaps & ~measures.truth_overlaps) != 0;
  if (measures.road_known) (*json)["off_road"] = (track.off_road & ~measures.truth_off_road) != 0;
}

}  // namespace

Json MeasureFrames(const data::nuscenes::Dataset& dataset, const RunFolder& run) {
  const auto keyframes = dataset.KeyFrames("all");
  std::unordered_map<std::string, eval::FrameMeasures> plans;
  if (!run.trajectories().empty())
    for (auto& one : eval::MeasurePlanning(dataset, keyframes, {.predictions = run.trajectories()}))
      plans.emplace(one.token, std::move(one));
  Json frames = Json::array();
  for (const auto row : keyframes) {
    const auto& sample = dataset.tables().rows().sample[row];
    const auto token = sample.token.ToString();
    const RunReply* reply = run.Find(token);
    if (reply == nullptr) continue;
    Json json{{"token", token},
              {"scene", dataset.tables().Text(dataset.tables().rows().scene[sample.scene].name)},
              {"l2", nullptr},
              {"collision", nullptr},
              {"off_road", nullptr},
              {"velocity_right", nullptr},
              {"direction_right", nullptr}};
    if (const auto plan = plans.find(token); plan != plans.end()) AddPlan(plan->second, &json);
    const auto label = dataset.FrameOf(row).meta_action;
    if (label && reply->prediction.meta_action) {
      json["velocity_right"] = label->velocity == reply->prediction.meta_action->velocity;
      json["direction_right"] = label->direction == reply->prediction.meta_action->direction;
    }
    frames.push_back(std::move(json));
  }
  return frames;
}

}  // namespace occvla::serve::viewer
