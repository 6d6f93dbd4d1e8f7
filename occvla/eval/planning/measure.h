#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "occvla/eval/planning/collision.h"
#include "occvla/eval/planning/footprint.h"

/// What is measured on one frame, before anything is averaged: every report is a sum over these,
/// so that shards merge to exactly the unsharded numbers.
namespace occvla::eval {

/// What is known about a frame beyond its record in the ground truth. Empty is "not known".
struct FrameContext {
  /// Metres a second over the last half second.
  std::optional<std::array<double, 2>> velocity_E;
  /// When the six keyframes were, seconds after t0; meaningful where they are valid.
  std::optional<std::array<double, 6>> times_s;
  /// Whether the car stays on the road.
  std::function<bool(const Rectangle& car_E)> on_road;
};

struct TrackMeasures {
  std::array<double, 6> error{};  ///< |q_k - p_k|, metres; 0 where the step is not valid.
  EventMasks events{};
  /// The clean metric, only where all six steps are valid and their times regular. Bits are steps.
  std::array<double, 6> clean_error{};  ///< At the keyframes' real times.
  uint8_t overlaps = 0;                 ///< The car overlaps a vehicle or a person.
  uint8_t off_road = 0;                 ///< The car's outline leaves the drivable area.
  Motion motion;
  bool operator==(const TrackMeasures&) const = default;
};

/// Other readings of the numbers in a prediction file, to tell a mix-up of frames.
inline constexpr std::array<std::string_view, 5> kReadingNames = {
    "x forward and y left, as they should be", "x right and y forward, as the lidar's axes lie",
    "y forward and x left", "x forward and y right", "steps from point to point"};

enum class CleanUse : uint8_t { kCounted, kShortFuture, kIrregularTimes };

struct FrameMeasures {
  std::string token, scene;
  int frames_before = 0, frames_after = 0;
  uint8_t valid = 0;    ///< Bit k: step k + 1.
  std::string dropped;  ///< Why there is no prediction; empty where there is one.
  CleanUse clean = CleanUse::kCounted;
  bool real_times = false, road_known = false;
  /// The true path: the steps at which it overlaps or leaves the road itself.
  uint8_t truth_overlaps = 0, truth_off_road = 0;
  Motion truth_motion;
  std::optional<TrackMeasures> prediction, stationary, constant_velocity;
  /// Mean error over the valid steps if the prediction's numbers are read another way.
  std::array<double, kReadingNames.size()> reading_errors{};
  double first_distance = 0;  ///< Of the first predicted point from the car.
  bool operator==(const FrameMeasures&) const = default;
};

/// Measures frames one after the other; keeps images between them. One thread.
class FrameMeter {
 public:
  /// `track_E` is the prediction; without one the frame is dropped and `why` says the reason.
  FrameMeasures Measure(const std::string& token, const data::nuscenes::PlanningTruth& truth,
                        const FrameContext& context, const std::optional<Track>& track_E,
                        const std::string& why = "");

 private:
  CollisionCounter collisions_;
};

/// A track of LIDAR_TOP in the lidar's axes at t0 (absolute, as the published projects predict it)
/// as a track of the ego origin in E. `R_EL` is row-major; the lidar moves level with the ground.
/// A prediction has no heading, so the true one of each step serves, after the scene's end the last
/// known: the error of every protocol then is that of the lidar's own point.
Track EgoTrackFromLidar(const Track& track_L, const data::nuscenes::PlanningTruth& truth,
                        const std::array<double, 9>& R_EL);
/// A lidar that is turned about the vertical only: all that a ground-truth file says.
std::array<double, 9> LevelMount(double lidar_yaw);

}  // namespace occvla::eval
