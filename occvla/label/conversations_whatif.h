#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "occvla/data/nuscenes/planning_export.h"
#include "occvla/data/text/omnidrive.h"
#include "occvla/label/scene_graph.h"

/// What would happen if the car drove otherwise: a path against the boxes that were annotated over
/// the next three seconds, and against the map.
namespace occvla::label {

/// The car seen from above: 4.084 m x 1.85 m, its centre 1.486 m ahead of E's origin
/// (facts/data-and-metrics.md D.4).
inline constexpr double kCarLength = 4.084, kCarWidth = 1.85, kCarCentre = 1.485793;
/// Paths are tried every tenth of a second, straight between their points; the boxes likewise.
inline constexpr double kTrialStep = 0.1;

struct Hit {
  double seconds = 0;
  std::string category;                             ///< "vehicle.car".
  Eigen::Vector2d now_E = Eigen::Vector2d::Zero();  ///< Where it is at the keyframe.
};

/// Each finding is beyond doubt: a hit is one also for a car that is 0.3 m smaller on each side,
/// and no hit none for one that is 0.4 m larger; likewise 0.4 m beyond the drivable area's edge.
struct Outcome {
  bool clear = true;  ///< False: too close to call, and nothing else holds.
  std::optional<Hit> hit;
  std::optional<double> off_road;  ///< Seconds; always absent where `road_known` is false.
  bool road_known = false;         ///< There is a map, and the car starts on its drivable area.
  /// The first stop line of a light or a stop sign that the front passes, and when.
  std::optional<std::pair<StopKind, double>> stop_line;
};

/// Tries paths from one keyframe.
class PathTrial {
 public:
  /// `frame` and `truth` are of the same keyframe and outlive this.
  PathTrial(const data::Frame& frame, const data::nuscenes::PlanningTruth& truth);
  ~PathTrial();
  PathTrial(const PathTrial&) = delete;
  PathTrial& operator=(const PathTrial&) = delete;

  /// `path_E` starts at E's origin, heading ahead.
  Outcome Try(const data::PlannedPath& path_E) const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

/// A way to drive, in words and as a path.
struct Manoeuvre {
  std::string words;  ///< "turned sharply to the left": after "if the car".
  data::PlannedPath path_E{};
};
/// Ways that a driver might try at this speed, m/s; the real one comes first where it is known.
std::vector<Manoeuvre> ManoeuvresAt(double speed, const data::nuscenes::PlanningTruth& truth);

}  // namespace occvla::label
