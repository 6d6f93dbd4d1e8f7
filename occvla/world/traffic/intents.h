#pragma once
#include <vector>

#include "occvla/data/meta_action.h"
#include "occvla/world/traffic/roads.h"

/// What the ego's driver meant to do.
namespace occvla::world::traffic {

/// What the simulator decided for the ego at a step.
struct Decision {
  double speed = 0;
  double yaw = 0;       ///< Unwrapped.
  double lateral = 0;   ///< Metres to the left by all lane changes so far.
  int lane = kNoIndex;  ///< That holds the rear axle.
};

/// The meta action of each of the first `shown` steps by the definitions of
/// facts/data-and-metrics.md G.3, from the decisions of the next three seconds: turns are
/// connectors taken, lane changes are those carried out, speeds are mean speeds of half seconds.
/// Needs 3 / step_s decisions beyond the last shown.
std::vector<data::MetaAction> Intents(const Roads& roads, const std::vector<Decision>& decisions,
                                      size_t shown, double step_s);

/// Heading change from a lane's start to its end, + left.
double HeadingChange(const Lane& lane);

inline constexpr double kStandstill = 0.5;     ///< m/s.
inline constexpr double kChangingSpeed = 0.4;  ///< m/s^2.
inline constexpr double kLaneShift = 1.5;      ///< Metres.

}  // namespace occvla::world::traffic
