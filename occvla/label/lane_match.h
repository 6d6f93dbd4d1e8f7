#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "occvla/geom/bounds_tree.h"
#include "occvla/label/meta_action_rules.h"

namespace occvla::data::nuscenes {
class Map;
}

/// Which lanes a car follows (facts/data-and-metrics.md G.3). An element is a lane or a lane
/// connector of a map, numbered as in MapRecords.
namespace occvla::label {

inline constexpr uint32_t kNoElement = UINT32_MAX;

/// A car's place on the plane, in G.
struct PlanePose {
  Eigen::Vector2d p_G = Eigen::Vector2d::Zero();
  double yaw = 0;
};

/// A point seen from a centreline.
struct LaneProjection {
  double s = 0;       ///< Metres along the line.
  double offset = 0;  ///< Metres to the left of it.
  double beyond = 0;  ///< Metres past its end or before its start.
  double yaw = 0;     ///< Of the line there.

  double distance() const;
};

/// An element that a pose may be on.
struct LaneCandidate {
  uint32_t element = kNoElement;
  LaneProjection at;
  double cost = 0;  ///< Metres: distance and heading.
};

/// A pose with what the map says of it alone.
struct LanePlace {
  PlanePose pose;
  std::vector<LaneCandidate> candidates;  ///< By element.
  bool in_intersection = false;
};

/// How far the car moved sideways against the lanes that it may have kept to.
struct LaneShift {
  double metres = 0;           ///< Left +; between the first and last matched pose.
  bool lane_beside = false;    ///< It came from, or went towards, a lane beside.
  std::vector<uint32_t> path;  ///< The elements measured against.
};

/// A map's lanes with what matching asks of them, worked out once. Immutable; any thread may use
/// it. The map must outlive it.
class LaneNetwork {
 public:
  LaneNetwork(const data::nuscenes::Map& map, const MetaActionRules::Matching& rules);

  LanePlace Place(const PlanePose& pose) const;

  /// The element of each pose, kNoElement where none is near: the cheapest chain (Viterbi), where
  /// going on along the lane and its successors is free and going over to a lane beside costs.
  std::vector<uint32_t> Match(std::span<const LanePlace> places) const;

  /// Against the path of successors of `chain`'s first element that fits the poses best; nothing
  /// when fewer than two poses lie along it. Forks that the car may have taken are such paths.
  std::optional<LaneShift> ShiftOf(std::span<const LanePlace> places,
                                   std::span<const uint32_t> chain, double look_ahead) const;

  bool IsConnector(uint32_t element) const;
  /// Heading at the end against that at the start, radians, unwrapped, left +.
  double HeadingChange(uint32_t element) const { return turned_.at(element); }
  /// True if the element is `from` or at most two successors further.
  bool Follows(uint32_t from, uint32_t element) const;
  /// True if the elements run side by side for a while and neither leads to the other. Connectors
  /// that fork from one lane are not beside each other.
  bool Beside(uint32_t element, uint32_t other) const;

  const data::nuscenes::Map& map() const { return map_; }

 private:
  class Fit;

  double Cost(const LaneProjection& at, const PlanePose& pose) const;
  LaneProjection Project(uint32_t element, const Eigen::Vector2d& p_G) const;
  std::vector<std::vector<uint32_t>> PathsFrom(uint32_t element, double length) const;
  bool RunsBeside(uint32_t element, uint32_t other) const;
  double StepCost(uint32_t from, uint32_t to) const;

  const data::nuscenes::Map& map_;  // Not owned; outlives this.
  MetaActionRules::Matching rules_;
  geom::BoundsTree tree_;                             // Of the centrelines.
  std::vector<double> turned_, length_;               // Per element.
  std::vector<std::vector<uint32_t>> next_, beside_;  // Per element, sorted.
};

/// An angle in (-pi, pi].
double Wrapped(double angle);

}  // namespace occvla::label
