#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "occvla/data/meta_action.h"
#include "occvla/label/lane_match.h"
#include "occvla/label/meta_action_rules.h"

/// The meta action of three seconds of driving: a pure function of the poses, the map and the
/// thresholds (facts/data-and-metrics.md G.3).
namespace occvla::label {

/// Poses of a window: now and six half seconds on.
inline constexpr size_t kWindow = 7;

/// Which rule gave the direction.
enum class DirectionRule : uint8_t {
  kAtRest,            ///< Stop: at rest over the last second (or all of it).
  kConnector,         ///< Turn: through a connector that turns the same way.
  kIntersection,      ///< Turn: in an intersection, where no lane matches.
  kHeading,           ///< Turn: so much that no road matters.
  kLaneShift,         ///< Lane change: sideways against its lane, and there is a lane beside.
  kLane,              ///< Straight: along its lane.
  kShiftWithoutLane,  ///< Straight: sideways, but no lane is beside.
  kAside              ///< Of a fallback: how far aside, and how much turned.
};
inline constexpr std::array<std::string_view, 8> kDirectionRuleNames = {
    "at rest",    "connector", "intersection",       "heading",
    "lane shift", "lane",      "shift without lane", "aside"};

/// Why geometry alone decided.
enum class Fallback : uint8_t { kNone, kNoMap, kFewLanes };
inline constexpr std::array<std::string_view, 3> kFallbackNames = {"", "no map", "few lanes"};

/// What a label rests on.
struct MetaActionEvidence {
  std::array<double, kWindow - 1> speeds{};  ///< m/s between successive poses.
  double acceleration = 0;                   ///< m/s^2: slope of the line through them.
  double yaw_change = 0;                     ///< Radians over the window, unwrapped, left +.
  std::array<double, 2> end_E{};             ///< Where the window ends; E at its start, metres.
  double most_aside = 0;                     ///< Largest |y| of a pose in that frame.
  std::array<uint32_t, kWindow> lanes{};     ///< Elements, kNoElement where none matches.
  std::optional<uint32_t> connector;         ///< That a turn goes through.
  std::optional<double> lane_shift;          ///< Metres to the left, where it was measured.
  DirectionRule rule = DirectionRule::kLane;
  Fallback fallback = Fallback::kNone;
};

/// Confidences run from 0 to 1. Each threshold that decided counts 1 - exp(-d / scale) / 2, d being
/// how far from it the measured value lies: one half at the threshold. The least of them is the
/// confidence of velocity and of direction; the latter is multiplied by the share of poses that a
/// lane matches, and by kFallbackTrust instead where geometry alone decided.
struct MetaActionLabel {
  data::MetaAction action;
  double velocity_confidence = 0, direction_confidence = 0;
  MetaActionEvidence evidence;

  double confidence() const { return velocity_confidence * direction_confidence; }
};

/// The scales of the confidence: about what half a second of a driver's hesitation changes.
inline constexpr double kSpeedScale = 0.2, kAccelerationScale = 0.15, kTurnScale_deg = 5,
                        kShiftScale = 0.4, kFallbackTrust = 0.6;

/// `times` (seconds, increasing) and `places` are of the window's poses. `lanes` is the network
/// that `places` come from, or null where there is no map: then only their poses count.
MetaActionLabel LabelWindow(std::span<const double, kWindow> times,
                            std::span<const LanePlace, kWindow> places, const LaneNetwork* lanes,
                            const MetaActionRules& rules);

}  // namespace occvla::label
