#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "occvla/data/prediction.h"

namespace occvla::eval {

/// When a trajectory contradicts the meta action that came with it. A contradiction is what lies
/// beyond the label rules' own thresholds (facts/data-and-metrics.md G.3) by a factor of two, so
/// that rounding at a class border is none.
struct ConsistencyThresholds {
  double least_gain_mps2 = 0.2;   ///< Accelerate below it, Decelerate above its negative.
  double most_drift_mps2 = 0.8;   ///< Maintain speed beyond it, either way.
  double stopped_mps = 0.25;      ///< At rest: slower for the whole last second.
  double moving_mps = 1.0;        ///< Stop, but faster than this at the end.
  double least_turn_deg = 10;     ///< A turn that turns less...
  double least_side_m = 2;        ///< ...and ends less far to its side.
  double least_shift_m = 0.75;    ///< A lane change that ends less far to its side.
  double most_straight_deg = 45;  ///< Go Straight, but turned by more.
};

/// What a trajectory does, from its points alone.
struct TrackMotion {
  double acceleration_mps2 = 0;  ///< Slope of the least-squares line through the steps' speeds.
  double end_speed_mps = 0, speed_before_mps = 0;  ///< Of the last two half-second steps.
  double turn_deg = 0;  ///< Of the last step that moves, against the ego's heading; + = left.
  double side_m = 0;    ///< Final y.
};
TrackMotion MotionOf(const std::array<std::array<double, 2>, 6>& trajectory_E);

/// Whether the motion contradicts the action, each part by itself.
bool ContradictsVelocity(const TrackMotion& motion, data::Velocity velocity,
                         const ConsistencyThresholds& thresholds = {});
bool ContradictsDirection(const TrackMotion& motion, data::Direction direction,
                          const ConsistencyThresholds& thresholds = {});

/// Predicted voxels that the predicted track's footprint covers: 4.084 m x 1.85 m, its
/// centre 1.485793 m ahead of E's origin, heading along the track, at steps of at most 0.4 m. A
/// voxel counts by its centre, 0.2 m to 1.6 m above ground, and not where the car stands now.
/// Ground classes are no obstacles.
struct FootprintHits {
  int64_t fixed = 0;  ///< Barriers, cones, man-made things, vegetation: these stay where they are.
  int64_t movable = 0;  ///< All others: occupancy is of now, and they may have left by then.
};
FootprintHits CoveredVoxels(const std::array<std::array<double, 2>, 6>& trajectory_E,
                            const data::OccupancyGrid& occupancy);

/// What one frame's prediction says against itself. Absent: the prediction has not what it takes.
struct FrameConsistency {
  std::string token;
  std::optional<bool> velocity_contradicted, direction_contradicted;
  std::optional<bool> hits_fixed, hits_movable;
  std::optional<bool> unparsable;    ///< The text names no meta action.
  std::optional<bool> text_differs;  ///< It names another one than the prediction has.
};
FrameConsistency CheckConsistency(const data::Prediction& prediction,
                                  const ConsistencyThresholds& thresholds = {});

/// One kind of inconsistency over many frames.
struct ConsistencyRate {
  std::string name;
  int64_t judged = 0;
  std::vector<std::string> tokens;  ///< Of those that are inconsistent, in the frames' order.
  std::optional<double> Rate() const;
};
std::vector<ConsistencyRate> ConsistencyRates(std::span<const FrameConsistency> frames);

/// {name: {"rate", "judged", "frames": [tokens]}}.
std::string ConsistencyReportJson(std::span<const ConsistencyRate> rates);
std::string ConsistencyReportText(std::span<const ConsistencyRate> rates);

}  // namespace occvla::eval
