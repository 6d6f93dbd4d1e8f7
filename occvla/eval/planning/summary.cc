#include "occvla/eval/planning/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "occvla/base/error.h"
#include "occvla/base/text.h"

namespace occvla::eval {
namespace {

using MeasuredTrack = std::optional<TrackMeasures> FrameMeasures::*;
using Frames = std::vector<const FrameMeasures*>;

constexpr uint8_t kAllSteps = 0b111111;

// Steps 1 to n.
uint8_t UpTo(size_t n) { return static_cast<uint8_t>((1U << n) - 1); }

bool Counts(SampleSet samples, const FrameMeasures& frame) {
  switch (samples) {
    case SampleSet::kTwoBeforeSixValid:
      return frame.frames_before >= 2 && frame.valid == kAllSteps;
    case SampleSet::kSixValid:
      return frame.valid == kAllSteps;
    case SampleSet::kFiveBeforeSevenAfter:
      return frame.frames_before >= 5 && frame.frames_after >= 7;
    case SampleSet::kEveryPredicted:
      break;
  }
  return true;
}

double MeanUpTo(const std::array<double, 6>& errors, size_t n) {
  double sum = 0;
  for (size_t step = 0; step < n; ++step) sum += errors[step];
  return sum / static_cast<double>(n);
}

double EventsAt(CollisionRate rate, uint8_t events, size_t n) {
  const uint8_t so_far = events & UpTo(n);
  switch (rate) {
    case CollisionRate::kStepsUpToHorizon:
      return std::popcount(so_far) / static_cast<double>(n);
    case CollisionRate::kAtHorizon:
      return (events >> (n - 1)) & 1;
    case CollisionRate::kAnyUpToHorizon:
      break;
  }
  return so_far != 0 ? 1 : 0;
}

void Divide(Horizons* sums, uint64_t n) {
  for (double& value : sums->at) value = n > 0 ? value / static_cast<double>(n) : 0;
}

ProtocolScore ScoreOf(const Protocol& protocol, const Frames& frames, MeasuredTrack track) {
  ProtocolScore score;
  for (const FrameMeasures* frame : frames) {
    const std::optional<TrackMeasures>& measures = frame->*track;
    if (!measures || !Counts(protocol.samples, *frame)) continue;
    ++score.n;
    const uint8_t events = measures->events[static_cast<size_t>(protocol.events)];
    for (size_t second = 0; second < 3; ++second) {
      const size_t n = 2 * (second + 1);
      score.l2.at[second] += protocol.l2 == Aggregation::kAtHorizon ? measures->error[n - 1]
                                                                    : MeanUpTo(measures->error, n);
      score.collision.at[second] += EventsAt(protocol.collision, events, n);
    }
  }
  Divide(&score.l2, score.n);
  Divide(&score.collision, score.n);
  return score;
}

// In the order of kMotionLimitNames.
std::array<bool, 8> Beyond(const Motion& motion) {
  return {motion.acceleration > kMostAcceleration,
          motion.braking > kMostBraking,
          motion.jerk > kMostJerk,
          motion.yaw_rate > kMostYawRate,
          motion.yaw_acceleration > kMostYawAcceleration,
          motion.lateral_acceleration > kMostLateralAcceleration,
          motion.total_acceleration > kMostTotalAcceleration,
          motion.curvature > kMostCurvature};
}

void AddMotion(const Motion& motion, std::array<double, 8>* beyond, double* comfortable,
               double* possible) {
  const std::array<bool, 8> over = Beyond(motion);
  for (size_t limit = 0; limit < over.size(); ++limit) (*beyond)[limit] += over[limit] ? 1 : 0;
  if (std::none_of(over.begin(), over.begin() + 6, [](bool is) { return is; })) ++*comfortable;
  if (!over[6] && !over[7]) ++*possible;
}

void DivideMotion(uint64_t n, std::array<double, 8>* beyond, double* comfortable,
                  double* possible) {
  const double count = n > 0 ? static_cast<double>(n) : 1;
  for (double& share : *beyond) share /= count;
  *comfortable /= count;
  *possible /= count;
}

CleanScore CleanScoreOf(const Frames& frames, MeasuredTrack track) {
  CleanScore score;
  for (const FrameMeasures* frame : frames) {
    const std::optional<TrackMeasures>& measures = frame->*track;
    if (!measures || frame->clean != CleanUse::kCounted) continue;
    ++score.n;
    const auto exclude = [](uint8_t steps, uint8_t truth) {
      return static_cast<uint8_t>(steps & ~truth);
    };
    const uint8_t overlaps = exclude(measures->overlaps, frame->truth_overlaps);
    const uint8_t off_road = exclude(measures->off_road, frame->truth_off_road);
    for (size_t second = 0; second < 3; ++second) {
      const size_t n = 2 * (second + 1);
      const auto any = [&](uint8_t steps) { return (steps & UpTo(n)) != 0 ? 1.0 : 0.0; };
      score.l2.at[second] += measures->clean_error[n - 1];
      score.l2_up_to.at[second] += MeanUpTo(measures->clean_error, n);
      score.collision.at[second] += any(overlaps);
      score.collision_with_truth.at[second] += any(measures->overlaps);
      score.off_road.at[second] += any(off_road);
    }
    score.excluded_steps +=
        static_cast<uint64_t>(std::popcount<uint8_t>(measures->overlaps & frame->truth_overlaps));
    score.off_road_excluded_steps +=
        static_cast<uint64_t>(std::popcount<uint8_t>(measures->off_road & frame->truth_off_road));
    if (frame->road_known) ++score.road_n;
    AddMotion(measures->motion, &score.beyond, &score.comfortable, &score.possible);
  }
  for (Horizons* sums : {&score.l2, &score.l2_up_to, &score.collision, &score.collision_with_truth})
    Divide(sums, score.n);
  Divide(&score.off_road, score.road_n);
  DivideMotion(score.n, &score.beyond, &score.comfortable, &score.possible);
  return score;
}

TrackScore ScoreOf(const Frames& frames, MeasuredTrack track) {
  TrackScore score;
  for (size_t at = 0; at < kProtocols.size(); ++at)
    score.protocols[at] = ScoreOf(kProtocols[at], frames, track);
  score.clean = CleanScoreOf(frames, track);
  for (const FrameMeasures* frame : frames)
    if (frame->prediction && !(frame->*track)) ++score.missing;
  return score;
}

double MedianOf(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// A reading that fits the truth far better than the right one hints at a mix-up.
std::vector<std::string> WarningsOf(const Frames& frames) {
  constexpr double kFar = 200, kLeastError = 1, kBetter = 0.5;
  std::array<std::vector<double>, kReadingNames.size()> errors;
  std::vector<double> distances;
  for (const FrameMeasures* frame : frames) {
    if (!frame->prediction || frame->valid == 0) continue;
    for (size_t reading = 0; reading < errors.size(); ++reading)
      errors[reading].push_back(frame->reading_errors[reading]);
    distances.push_back(frame->first_distance);
  }
  std::vector<std::string> warnings;
  if (distances.empty()) return warnings;
  const double distance = MedianOf(distances);
  if (distance > kFar) {
    warnings.push_back(fmt::format(
        "The first predicted point lies {:.0f} m from the car in half of the frames: the file "
        "seems "
        "to be in global coordinates, but must be in the ego frame at the keyframe's time. Nothing "
        "was changed.",
        distance));
    return warnings;
  }
  const double as_is = MedianOf(errors[0]);
  size_t best = 0;
  double least = as_is;
  for (size_t reading = 1; reading < errors.size(); ++reading) {
    if (const double error = MedianOf(errors[reading]); error < least) {
      least = error;
      best = reading;
    }
  }
  if (best > 0 && as_is > kLeastError && least < kBetter * as_is) {
    warnings.push_back(fmt::format(
        "The predictions fit the truth better when they are read as {} (median error {:.2f} m "
        "instead of {:.2f} m): the file seems to be in another frame{}. Nothing was changed.",
        kReadingNames[best], least, as_is,
        best == 1 ? ", for which there is --prediction-frame lidar" : ""));
  }
  return warnings;
}

void AddTruth(const Frames& frames, PlanningSummary* summary) {
  for (const FrameMeasures* frame : frames) {
    if (!frame->prediction) continue;
    if (frame->clean == CleanUse::kShortFuture) ++summary->short_future;
    if (frame->clean == CleanUse::kIrregularTimes) ++summary->irregular_times;
    if (frame->clean != CleanUse::kCounted) continue;
    ++summary->truth_n;
    if (!frame->real_times) ++summary->without_real_times;
    if (!frame->road_known) ++summary->without_road;
    if (frame->truth_overlaps != 0) ++summary->truth_overlaps;
    if (frame->truth_off_road != 0) ++summary->truth_off_road;
    AddMotion(frame->truth_motion, &summary->truth_beyond, &summary->truth_comfortable,
              &summary->truth_possible);
  }
  DivideMotion(summary->truth_n, &summary->truth_beyond, &summary->truth_comfortable,
               &summary->truth_possible);
}

}  // namespace

PlanningSummary Summarise(const std::vector<FrameMeasures>& frames) {
  Frames sorted;
  sorted.reserve(frames.size());
  for (const FrameMeasures& frame : frames) sorted.push_back(&frame);
  std::sort(sorted.begin(), sorted.end(),
            [](const auto* a, const auto* b) { return a->token < b->token; });
  const auto twice =
      std::adjacent_find(sorted.begin(), sorted.end(),
                         [](const auto* a, const auto* b) { return a->token == b->token; });
  if (twice != sorted.end()) {
    throw DataError("the frame " + Quoted((*twice)->token) +
                    " was measured twice: merge each shard once.");
  }
  PlanningSummary summary;
  summary.total = sorted.size();
  for (const FrameMeasures* frame : sorted)
    if (!frame->dropped.empty()) summary.dropped.push_back({frame->token, frame->dropped});
  summary.prediction = ScoreOf(sorted, &FrameMeasures::prediction);
  summary.stationary = ScoreOf(sorted, &FrameMeasures::stationary);
  summary.constant_velocity = ScoreOf(sorted, &FrameMeasures::constant_velocity);
  AddTruth(sorted, &summary);
  summary.warnings = WarningsOf(sorted);
  return summary;
}

}  // namespace occvla::eval
