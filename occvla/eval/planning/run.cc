#include "occvla/eval/planning/run.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "occvla/eval/planning/drivable_area.h"
#include "occvla/eval/planning/truth_file.h"
#include "occvla/eval/prediction_file.h"

namespace occvla::eval {
namespace {

using data::nuscenes::PlanningTruth;

constexpr const char* kNoPrediction = "no prediction: the token is not in the prediction file";

std::optional<Track> TrackFor(const Trajectories& trajectories, const std::string& token,
                              const PlanningTruth& truth, PredictionFrame frame,
                              const std::array<double, 9>& R_EL) {
  const auto found = trajectories.find(token);
  if (found == trajectories.end()) return std::nullopt;
  return frame == PredictionFrame::kEgo ? found->second
                                        : EgoTrackFromLidar(found->second, truth, R_EL);
}

/// Whether the car's outline stays on the drivable area of the map, given the car in E.
std::function<bool(const Rectangle&)> OnRoad(const DrivableArea& area, const geom::Pose& X_GE) {
  return [&area, X_GE](const Rectangle& car_E) {
    const Eigen::Vector3d centre_G = X_GE * Eigen::Vector3d(car_E.x, car_E.y, 0);
    const double yaw = std::atan2(X_GE.linear()(1, 0), X_GE.linear()(0, 0));
    return area.Contains(
        Rectangle{centre_G.x(), centre_G.y(), yaw + car_E.yaw, car_E.length, car_E.width});
  };
}

std::optional<std::array<double, 6>> TimesOf(const data::Frame& frame) {
  if (!frame.now) return std::nullopt;
  std::array<double, 6> times_s{};
  for (size_t step = 0; step < 6 && frame.future[step]; ++step) {
    times_s[step] =
        static_cast<double>(frame.future[step]->timestamp_us - frame.now->timestamp_us) * 1e-6;
  }
  return times_s;
}

std::array<double, 9> RotationOf(const geom::Pose& X_EL) {
  std::array<double, 9> R_EL{};
  for (int row = 0; row < 3; ++row)
    for (int column = 0; column < 3; ++column)
      R_EL[static_cast<size_t>(3 * row + column)] = X_EL.linear()(row, column);
  return R_EL;
}

}  // namespace

std::vector<FrameMeasures> MeasurePlanning(const std::filesystem::path& ground_truth,
                                           const PlanningRun& run) {
  const PlanningTruthFile file(ground_truth);
  PlanningHistory history;
  file.ForEach(
      [&](const std::string& token, const PlanningTruth& truth) { history.Add(token, truth); });
  const std::vector<std::string> tokens = history.Tokens();
  const Trajectories trajectories = ReadTrajectories(run.predictions, tokens);
  std::vector<FrameMeasures> frames;
  FrameMeter meter;
  uint64_t at = 0;
  file.ForEach([&](const std::string& token, const PlanningTruth& truth) {
    if (at++ % run.shards != run.shard) return;
    FrameContext context;
    context.velocity_E = history.VelocityBefore(truth);
    const auto track_E =
        TrackFor(trajectories, token, truth, run.frame, LevelMount(truth.lidar_yaw));
    frames.push_back(meter.Measure(token, truth, context, track_E, kNoPrediction));
    if (run.progress) run.progress(at, tokens.size());
  });
  return frames;
}

std::vector<FrameMeasures> MeasurePlanning(const data::nuscenes::Dataset& dataset,
                                           std::span<const data::nuscenes::Row> keyframes,
                                           const PlanningRun& run) {
  const auto token_of = [&](data::nuscenes::Row row) {
    return dataset.tables().rows().sample[row].token.ToString();
  };
  std::vector<std::string> tokens;
  for (const data::nuscenes::Row row : keyframes) tokens.push_back(token_of(row));
  std::sort(tokens.begin(), tokens.end());
  const Trajectories trajectories = ReadTrajectories(run.predictions, tokens);
  std::map<const data::nuscenes::Map*, std::unique_ptr<DrivableArea>> areas;
  std::vector<FrameMeasures> frames;
  FrameMeter meter;
  for (uint64_t at = run.shard; at < keyframes.size(); at += run.shards) {
    const data::Frame frame = dataset.FrameOf(keyframes[at]);
    const PlanningTruth truth = PlanningTruthOf(dataset.tables(), keyframes[at]);
    FrameContext context;
    context.velocity_E = frame.ego.velocity_E;
    context.times_s = TimesOf(frame);
    if (frame.map != nullptr && frame.now && !frame.map->records().drivable_areas.empty()) {
      std::unique_ptr<DrivableArea>& area = areas[frame.map];
      if (!area) area = std::make_unique<DrivableArea>(*frame.map);
      context.on_road = OnRoad(*area, frame.now->X_GE);
    }
    const auto track_E =
        TrackFor(trajectories, frame.token, truth, run.frame, RotationOf(frame.lidar.X_EL));
    frames.push_back(meter.Measure(frame.token, truth, context, track_E, kNoPrediction));
    if (run.progress) run.progress(at + 1, keyframes.size());
  }
  return frames;
}

}  // namespace occvla::eval
