#pragma once
#include <Eigen/Core>
#include <array>
#include <span>
#include <vector>

#include "occvla/world/town.h"

/// A town's lanes as drivers need them: smooth poses, comfortable speeds, where to halt, which
/// connectors come too close to each other, where people cross.
namespace occvla::world::traffic {

/// A stretch of a connector on which the traffic of another connector of its junction comes too
/// near to pass beside it. Metres along either centreline.
struct Meeting {
  int other = kNoIndex;
  double from = 0, to = 0;
  double other_from = 0, other_to = 0;
  bool fork = false;   ///< Both leave the same lane.
  bool waits = false;  ///< This connector's traffic waits for the other's.
  bool first = false;  ///< This one's goes first; both flags where neither has priority.
};

/// The part of a lane that a crossing covers.
struct LaneCrossing {
  int crossing = kNoIndex;
  double from = 0, to = 0;  ///< Metres along the lane.
};

/// Immutable. Refers to the town, which must outlive it.
class Roads {
 public:
  explicit Roads(const Town& town);

  const Town& town() const { return town_; }
  const Lane& lane(int index) const { return town_.lanes[static_cast<size_t>(index)]; }
  /// Pose (x, y, yaw) in G of a point on a lane's centreline; straight on beyond its ends.
  std::array<double, 3> At(int lane, double s) const;
  /// A point `left` metres to the left of the centreline.
  Eigen::Vector2d Point(int lane, double s, double left) const;
  /// Arc length of the centreline's point nearest to p_G, searched within `reach` metres of `near`.
  double Nearest(int lane, const Eigen::Vector2d& p_G, double near, double reach) const;
  /// The same cross-section on a parallel lane.
  double Across(int lane, double s, int neighbour) const;
  /// Where front bumpers halt before the lane's end.
  double StopAt(int lane) const { return details_[static_cast<size_t>(lane)].stop; }
  /// Speed at which a car passes: the limit, and `kLateral` in bends, braked for in time.
  double SpeedAt(int lane, double s) const;
  /// Of the lane's tightest bend.
  double LeastRadius(int lane) const { return details_[static_cast<size_t>(lane)].radius; }
  /// Whether a lane ends in a connector without bends tighter than `least_radius`, or in none.
  bool HasWay(int lane, double least_radius) const;
  std::span<const Meeting> Meetings(int connector) const {
    return details_[static_cast<size_t>(connector)].meetings;
  }
  std::span<const LaneCrossing> Crossings(int lane) const {
    return details_[static_cast<size_t>(lane)].crossings;
  }

  static constexpr double kLateral = 2.0;  ///< Comfortable lateral acceleration, m/s^2.
  static constexpr double kBraking = 1.4;  ///< Deceleration before bends.

 private:
  struct Details {
    std::vector<double> speeds;             // Per centreline point.
    std::vector<Eigen::Vector2d> tangents;  // Likewise.
    double stop = 0, radius = 1e9;
    std::vector<Meeting> meetings;
    std::vector<LaneCrossing> crossings;
  };
  size_t Segment(const Lane& lane, double s) const;
  void FillSpeeds(size_t lane);
  void FillCrossings();
  void FillStop(size_t lane);
  void FillMeetings(const Junction& junction);

  const Town& town_;
  std::vector<Details> details_;
};

/// True for points inside a simple polygon.
bool Inside(const Polygon2& polygon, const Eigen::Vector2d& p_G);
/// `angle` in [-pi, pi).
double Wrapped(double angle);

}  // namespace occvla::world::traffic
