#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "occvla/eval/planning/measure.h"

/// Averages over frames. Frames are always added up in the order of their tokens, so that the
/// numbers do not depend on where or in which order the frames were measured.
namespace occvla::eval {

/// A value at 1, 2 and 3 seconds, and their mean.
struct Horizons {
  std::array<double, 3> at{};
  double average() const { return (at[0] + at[1] + at[2]) / 3; }
};

struct ProtocolScore {
  uint64_t n = 0;  ///< Samples; without any, the rest means nothing.
  Horizons l2, collision;
};

/// Our own metric (docs/METRICS.md): frames with six valid steps.
struct CleanScore {
  uint64_t n = 0;
  Horizons l2;        ///< Mean error at the horizon, at the keyframes' real times.
  Horizons l2_up_to;  ///< Mean of the errors up to it.
  /// Frames with an overlap at a step up to the horizon at which the true car overlaps nothing.
  Horizons collision;
  Horizons collision_with_truth;  ///< Without that exclusion.
  uint64_t excluded_steps = 0;    ///< Overlaps that the exclusion leaves out.
  uint64_t road_n = 0;            ///< Frames whose map is known.
  Horizons off_road;              ///< Likewise, for leaving the drivable area.
  uint64_t off_road_excluded_steps = 0;
  /// Shares of frames beyond each limit of footprint.h, in the order of kMotionLimitNames.
  std::array<double, 8> beyond{};
  double comfortable = 0;  ///< Share of frames within the first six.
  double possible = 0;     ///< Share of frames within the last two.
};
inline constexpr std::array<std::string_view, 8> kMotionLimitNames = {
    "acceleration",       "braking",          "jerk",
    "yaw_rate",           "yaw_acceleration", "lateral_acceleration",
    "total_acceleration", "curvature"};

/// One track over all frames: the prediction, or a baseline on the same frames.
struct TrackScore {
  std::array<ProtocolScore, kProtocols.size()> protocols;  ///< In the order of kProtocols.
  CleanScore clean;
  uint64_t missing = 0;  ///< Predicted frames for which this baseline could not be made.
};

struct DroppedFrame {
  std::string token, why;
};

struct PlanningSummary {
  uint64_t total = 0;
  std::vector<DroppedFrame> dropped;  ///< By token.
  TrackScore prediction, stationary, constant_velocity;
  /// The true path in the clean metric: its motion, and the frames on which it overlaps or leaves
  /// the road itself.
  uint64_t truth_n = 0, truth_overlaps = 0, truth_off_road = 0;
  std::array<double, 8> truth_beyond{};
  double truth_comfortable = 0, truth_possible = 0;
  uint64_t short_future = 0, irregular_times = 0, without_real_times = 0, without_road = 0;
  /// What makes the predictions look as if meant otherwise. Nothing was changed for it.
  std::vector<std::string> warnings;
};

/// Throws DataError when two frames have the same token.
PlanningSummary Summarise(const std::vector<FrameMeasures>& frames);

/// The report that `eval planning` writes: `samples` and `protocols` as design.md 5 fixes them,
/// `clean`, `baselines`, `truth` and `warnings` beside them. Ends in a line feed.
std::string ToJson(const PlanningSummary& summary);
/// The same for a terminal.
std::string ToText(const PlanningSummary& summary);

}  // namespace occvla::eval
