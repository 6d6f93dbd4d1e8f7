#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "occvla/base/config.h"

namespace occvla::label {

/// The window counts as a stop when the car is at rest ...
enum class StopMode : uint8_t {
  kAtEnd,  ///< ... over its last second,
  kAlways  ///< ... over all of it.
};

/// The thresholds of the meta-action rules (facts/data-and-metrics.md G.3). Metres, seconds,
/// degrees.
struct MetaActionRules {
  struct Speed {
    double standstill = 0.5;
    double changing = 0.4;
    StopMode stop = StopMode::kAtEnd;

    template <typename Visitor>
    void VisitFields(Visitor&& v) {
      v("standstill", standstill, "below this the car is at rest, m/s");
      v("changing", changing, "from this on it accelerates or decelerates, m/s^2");
      v("stop", stop, "direction Stop: at rest over the last second, or always");
    }
  };

  struct Matching {
    double reach = 3.5;
    double heading_deg = 60;
    double cost_of_30_deg = 2;
    double change_cost = 5;
    double beside_deg = 30;
    double least_gap = 2, most_gap = 5.5;
    int64_t least_matched = 4;

    template <typename Visitor>
    void VisitFields(Visitor&& v) {
      v("reach", reach, "a lane's centreline is at most so far away, m, or its area holds the car");
      v("heading_deg", heading_deg, "and its heading differs by at most this");
      v("cost_of_30_deg", cost_of_30_deg, "what 30 degrees of heading cost, m");
      v("change_cost", change_cost, "what going over to a lane beside costs, m");
      v("beside_deg", beside_deg, "lanes beside each other differ in heading by at most this");
      v("least_gap", least_gap, "and lie at least so far apart, m");
      v("most_gap", most_gap, "and at most so far, m");
      v("least_matched", least_matched, "poses of 7 on lanes; with fewer, geometry alone decides");
    }
  };

  struct Turning {
    double connector_deg = 30;
    double begun_deg = 10;
    double intersection_deg = 20;
    double any_deg = 45;

    template <typename Visitor>
    void VisitFields(Visitor&& v) {
      v("connector_deg", connector_deg, "heading change of a connector that is a turn");
      v("begun_deg", begun_deg, "on such a connector the car itself turns at least this");
      v("intersection_deg", intersection_deg, "enough in an intersection where no lane matches");
      v("any_deg", any_deg, "a turn wherever it is");
    }
  };

  struct LaneChange {
    double shift = 1.5;
    double most_turn_deg = 20;
    double look_ahead = 30;

    template <typename Visitor>
    void VisitFields(Visitor&& v) {
      v("shift", shift, "sideways against the lane and what follows it, m");
      v("most_turn_deg", most_turn_deg, "the car's heading changes by less than this");
      v("look_ahead", look_ahead, "lanes are followed so far beyond the way travelled, m");
    }
  };

  struct Geometry {
    double straight = 2;
    double turn = 4;
    double turn_deg = 20;
    double change_deg = 10;

    template <typename Visitor>
    void VisitFields(Visitor&& v) {
      v("straight", straight, "straight while no pose is further aside, m");
      v("turn", turn, "a turn when the last pose is further aside, m");
      v("turn_deg", turn_deg, "or the heading changes by this");
      v("change_deg", change_deg, "a lane change between the two, turning less than this");
    }
  };

  Speed speed;
  Matching matching;
  Turning turning;
  LaneChange lane_change;
  Geometry geometry;

  template <typename Visitor>
  void VisitFields(Visitor&& v) {
    v("speed", speed, "velocity and stop");
    v("matching", matching, "which lanes the car follows");
    v("turning", turning, "turns, by the map");
    v("lane_change", lane_change, "lane changes, by the map");
    v("geometry", geometry, "directions without a map (fallback)");
  }

  /// Throws one ConfigError that lists everything out of range.
  void Validate() const;
};

/// Grows when the same window and thresholds may give another label.
inline constexpr std::string_view kMetaActionRulesVersion = "1";

/// "rules 1, thresholds 0123456789ab": the version above and a hash of every threshold.
std::string Provenance(const MetaActionRules& rules);

}  // namespace occvla::label

template <>
struct occvla::EnumNames<occvla::label::StopMode> {
  static constexpr std::pair<std::string_view, occvla::label::StopMode> kNames[] = {
      {"at_end", occvla::label::StopMode::kAtEnd}, {"always", occvla::label::StopMode::kAlways}};
};
