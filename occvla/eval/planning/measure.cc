#include "occvla/eval/planning/measure.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace occvla::eval {
namespace {

using data::nuscenes::PlanningAgent;
using data::nuscenes::PlanningTruth;

constexpr std::array<double, 6> kNominalTimes = {0.5, 1.0, 1.5, 2.0, 2.5, 3.0};
// Keyframes of nuScenes are 0.40 to 0.60 s apart. Elsewhere a prediction every 0.5 s is compared
// with something else than it was made for.
constexpr double kLeastGap = 0.25, kMostGap = 0.75, kMostTimeOff = 0.6;

uint8_t Bit(size_t step) { return static_cast<uint8_t>(1U << step); }

std::array<double, 6> ErrorsOf(const Track& track_E, const PlanningTruth& truth) {
  std::array<double, 6> errors{};
  for (size_t step = 0; step < 6; ++step) {
    if (!truth.valid[step]) continue;
    errors[step] = std::hypot(track_E[step][0] - truth.positions_E[step][0],
                              track_E[step][1] - truth.positions_E[step][1]);
  }
  return errors;
}

CleanUse UseOf(const PlanningTruth& truth, const std::array<double, 6>& times_s) {
  if (!std::all_of(truth.valid.begin(), truth.valid.end(), [](bool valid) { return valid; }))
    return CleanUse::kShortFuture;
  double before = 0;
  for (size_t step = 0; step < 6; ++step) {
    const double gap = times_s[step] - before;
    if (gap < kLeastGap || gap > kMostGap ||
        std::abs(times_s[step] - kNominalTimes[step]) > kMostTimeOff)
      return CleanUse::kIrregularTimes;
    before = times_s[step];
  }
  return CleanUse::kCounted;
}

// What the clean metric asks of a frame, for each of its tracks.
class CleanMeter {
 public:
  CleanMeter(const PlanningTruth& truth, const FrameContext& context,
             const std::array<double, 6>& times_s)
      : truth_(truth), context_(context), times_s_(times_s) {
    for (size_t step = 0; step < 6; ++step) {
      for (const PlanningAgent& agent : truth.agents[step]) {
        if (!agent.category.starts_with("vehicle") && !agent.category.starts_with("human"))
          continue;
        boxes_[step].push_back({agent.x_E, agent.y_E, agent.yaw_E, agent.length, agent.width});
      }
    }
  }

  void Truth(FrameMeasures* frame) const {
    Steps(truth_.positions_E, truth_.yaws_E, &frame->truth_overlaps, &frame->truth_off_road);
    frame->truth_motion = MotionOf(truth_.positions_E, times_s_);
  }
  void Measure(const Track& track_E, TrackMeasures* measures) const {
    const Track then_E = AtTimes(track_E, times_s_);
    measures->clean_error = ErrorsOf(then_E, truth_);
    Steps(then_E, HeadingsAlong(then_E), &measures->overlaps, &measures->off_road);
    measures->motion = MotionOf(track_E, kNominalTimes);
  }

 private:
  void Steps(const Track& track_E, const std::array<double, 6>& headings_E, uint8_t* overlaps,
             uint8_t* off_road) const {
    for (size_t step = 0; step < 6; ++step) {
      const Rectangle car = CarAt(track_E[step], headings_E[step]);
      if (std::any_of(boxes_[step].begin(), boxes_[step].end(),
                      [&](const Rectangle& box) { return Overlap(car, box); }))
        *overlaps |= Bit(step);
      if (context_.on_road && !context_.on_road(car)) *off_road |= Bit(step);
    }
  }

  Motion MotionOf(const Track& track_E, const std::array<double, 6>& times_s) const {
    std::vector<PathPoint> path;
    if (context_.velocity_E) {
      path.push_back({-0.5, -0.5 * (*context_.velocity_E)[0], -0.5 * (*context_.velocity_E)[1]});
    }
    path.push_back({});
    for (size_t step = 0; step < 6; ++step)
      path.push_back({times_s[step], track_E[step][0], track_E[step][1]});
    return MotionAlong(path);
  }

  const PlanningTruth& truth_;
  const FrameContext& context_;
  const std::array<double, 6>& times_s_;
  std::array<std::vector<Rectangle>, 6> boxes_;
};

Track ReadAs(size_t reading, const Track& track) {
  Track read{};
  std::array<double, 2> sum{};
  for (size_t step = 0; step < 6; ++step) {
    const auto [x, y] = track[step];
    sum = {sum[0] + x, sum[1] + y};
    const std::array<std::array<double, 2>, kReadingNames.size()> readings = {
        {{x, y}, {y, -x}, {y, x}, {x, -y}, sum}};
    read[step] = readings[reading];
  }
  return read;
}

void CompareReadings(const Track& track_E, const PlanningTruth& truth, FrameMeasures* frame) {
  const auto steps = std::count(truth.valid.begin(), truth.valid.end(), true);
  for (size_t reading = 0; reading < kReadingNames.size() && steps > 0; ++reading) {
    double sum = 0;
    for (const double error : ErrorsOf(ReadAs(reading, track_E), truth)) sum += error;
    frame->reading_errors[reading] = sum / static_cast<double>(steps);
  }
  frame->first_distance = std::hypot(track_E[0][0], track_E[0][1]);
}

}  // namespace

FrameMeasures FrameMeter::Measure(const std::string& token, const PlanningTruth& truth,
                                  const FrameContext& context, const std::optional<Track>& track_E,
                                  const std::string& why) {
  FrameMeasures frame;
  frame.token = token;
  frame.scene = truth.scene;
  frame.frames_before = truth.frames_before;
  frame.frames_after = truth.frames_after;
  for (size_t step = 0; step < 6; ++step)
    if (truth.valid[step]) frame.valid |= Bit(step);
  frame.dropped = track_E ? "" : why;
  if (!track_E) return frame;
  const std::array<double, 6> times_s = context.times_s.value_or(kNominalTimes);
  frame.clean = UseOf(truth, times_s);
  frame.real_times = context.times_s.has_value();
  frame.road_known = static_cast<bool>(context.on_road);
  CompareReadings(*track_E, truth, &frame);

  std::vector<Track> tracks = {*track_E, Track{}};
  if (context.velocity_E) {
    tracks.emplace_back();
    for (size_t step = 0; step < 6; ++step) {
      for (size_t axis = 0; axis < 2; ++axis)
        tracks[2][step][axis] = (*context.velocity_E)[axis] * kNominalTimes[step];
    }
  }
  const std::vector<EventMasks> events = collisions_.Count(truth, FindObstacles(truth), tracks);
  const CleanMeter clean(truth, context, times_s);
  std::vector<TrackMeasures> measures(tracks.size());
  for (size_t at = 0; at < tracks.size(); ++at) {
    measures[at].error = ErrorsOf(tracks[at], truth);
    measures[at].events = events[at];
    if (frame.clean == CleanUse::kCounted) clean.Measure(tracks[at], &measures[at]);
  }
  if (frame.clean == CleanUse::kCounted) clean.Truth(&frame);
  frame.prediction = measures[0];
  frame.stationary = measures[1];
  if (measures.size() > 2) frame.constant_velocity = measures[2];
  return frame;
}

Track EgoTrackFromLidar(const Track& track_L, const PlanningTruth& truth,
                        const std::array<double, 9>& R_EL) {
  Track track_E{};
  const double tx = truth.lidar_translation[0], ty = truth.lidar_translation[1];
  double yaw = 0;
  for (size_t step = 0; step < 6; ++step) {
    if (truth.valid[step]) yaw = truth.yaws_E[step];
    const auto [x, y] = track_L[step];
    // The height in the lidar's axes that keeps the displacement level in E.
    const double z = -(R_EL[6] * x + R_EL[7] * y) / R_EL[8];
    const double cosine = std::cos(yaw), sine = std::sin(yaw);
    track_E[step] = {R_EL[0] * x + R_EL[1] * y + R_EL[2] * z - (cosine * tx - sine * ty - tx),
                     R_EL[3] * x + R_EL[4] * y + R_EL[5] * z - (sine * tx + cosine * ty - ty)};
  }
  return track_E;
}

std::array<double, 9> LevelMount(double lidar_yaw) {
  const double cosine = std::cos(lidar_yaw), sine = std::sin(lidar_yaw);
  return {cosine, -sine, 0, sine, cosine, 0, 0, 0, 1};
}

}  // namespace occvla::eval
