#include "occvla/label/meta_action_label.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace occvla::label {
namespace {

using data::Direction;
using data::Velocity;

constexpr double kDegree = std::numbers::pi / 180;

/// How sure a decision is whose value lies `distance` from its threshold.
double Sureness(double distance, double scale) {
  return 1 - 0.5 * std::exp(-std::abs(distance) / scale);
}

Direction Side(double left, Direction to_left, Direction to_right) {
  return left > 0 ? to_left : to_right;
}

/// One label on its way.
class Labelling {
 public:
  Labelling(std::span<const double, kWindow> times, std::span<const LanePlace, kWindow> places,
            const LaneNetwork* lanes, const MetaActionRules& rules)
      : times_(times), places_(places), lanes_(lanes), rules_(rules) {}

  MetaActionLabel Make() {
    Measure();
    Match();
    DecideVelocity();
    if (!DecideStop()) {
      if (evidence_.fallback == Fallback::kNone) {
        DecideByLanes();
      } else {
        DecideByGeometry();
      }
    }
    return label_;
  }

 private:
  void Measure() {
    evidence_.lanes.fill(kNoElement);
    const PlanePose& start = places_[0].pose;
    const double c = std::cos(start.yaw), s = std::sin(start.yaw);
    std::array<double, kWindow - 1> middle{};
    double mean_time = 0, mean_speed = 0;
    for (size_t k = 1; k < kWindow; ++k) {
      const PlanePose& before = places_[k - 1].pose;
      const PlanePose& pose = places_[k].pose;
      evidence_.speeds[k - 1] = (pose.p_G - before.p_G).norm() / (times_[k] - times_[k - 1]);
      middle[k - 1] = (times_[k] + times_[k - 1]) / 2;
      mean_time += middle[k - 1] / middle.size();
      mean_speed += evidence_.speeds[k - 1] / middle.size();
      evidence_.yaw_change += Wrapped(pose.yaw - before.yaw);
      const Eigen::Vector2d d_G = pose.p_G - start.p_G;
      evidence_.end_E = {c * d_G.x() + s * d_G.y(), c * d_G.y() - s * d_G.x()};
      evidence_.most_aside = std::max(evidence_.most_aside, std::abs(evidence_.end_E[1]));
    }
    double slope = 0, weight = 0;
    for (size_t k = 0; k < middle.size(); ++k) {
      slope += (middle[k] - mean_time) * (evidence_.speeds[k] - mean_speed);
      weight += (middle[k] - mean_time) * (middle[k] - mean_time);
    }
    evidence_.acceleration = slope / weight;
  }

  void Match() {
    if (lanes_ == nullptr) {
      evidence_.fallback = Fallback::kNoMap;
      return;
    }
    const auto chain = lanes_->Match(places_);
    std::copy(chain.begin(), chain.end(), evidence_.lanes.begin());
    if (Matched() < rules_.matching.least_matched) evidence_.fallback = Fallback::kFewLanes;
  }

  int64_t Matched() const {
    return static_cast<int64_t>(kWindow) -
           std::count(evidence_.lanes.begin(), evidence_.lanes.end(), kNoElement);
  }

  void DecideVelocity() {
    const double fastest = *std::max_element(evidence_.speeds.begin(), evidence_.speeds.end());
    const double a = evidence_.acceleration, least = rules_.speed.changing;
    if (fastest < rules_.speed.standstill) {
      label_.velocity_confidence = Sureness(fastest - rules_.speed.standstill, kSpeedScale);
      return;
    }
    if (a >= least) label_.action.velocity = Velocity::kAccelerate;
    if (a <= -least) label_.action.velocity = Velocity::kDecelerate;
    label_.velocity_confidence = Sureness(std::abs(a) - least, kAccelerationScale);
  }

  bool DecideStop() {
    const auto& v = evidence_.speeds;
    const auto from = rules_.speed.stop == StopMode::kAlways ? v.begin() : v.end() - 2;
    const double fastest = *std::max_element(from, v.end());
    stop_sureness_ = Sureness(fastest - rules_.speed.standstill, kSpeedScale);
    if (fastest >= rules_.speed.standstill) return false;
    Decide(Direction::kStop, DirectionRule::kAtRest, 1);
    return true;
  }

  void DecideByLanes() {
    const double turned_deg = evidence_.yaw_change / kDegree, much = std::abs(turned_deg);
    const Direction turn = Side(turned_deg, Direction::kTurnLeft, Direction::kTurnRight);
    const double all = Sureness(much - rules_.turning.any_deg, kTurnScale_deg);
    FindConnector();
    if (evidence_.connector) {
      const double begun = Sureness(much - rules_.turning.begun_deg, kTurnScale_deg);
      if (much >= rules_.turning.begun_deg)
        return Decide(turn, DirectionRule::kConnector,
                      much < rules_.turning.any_deg ? begun : std::max(begun, all));
      turn_sureness_ = begun;
    } else if (InUnmatchedIntersection()) {
      const double enough = Sureness(much - rules_.turning.intersection_deg, kTurnScale_deg);
      if (much >= rules_.turning.intersection_deg)
        return Decide(turn, DirectionRule::kIntersection, enough);
      turn_sureness_ = enough;
    } else {
      turn_sureness_ = all;
    }
    if (much >= rules_.turning.any_deg) return Decide(turn, DirectionRule::kHeading, all);
    DecideLaneChange(much);
  }

  void DecideLaneChange(double turned_deg) {
    const auto& limits = rules_.lane_change;
    const auto straight = [&](DirectionRule rule, double sureness) {
      Decide(Direction::kGoStraight, rule, std::min(turn_sureness_, sureness));
    };
    const auto shift = lanes_->ShiftOf(places_, evidence_.lanes, limits.look_ahead);
    if (!shift) return straight(DirectionRule::kLane, 1);
    evidence_.lane_shift = shift->metres;
    const double far = Sureness(std::abs(shift->metres) - limits.shift, kShiftScale);
    if (std::abs(shift->metres) < limits.shift) return straight(DirectionRule::kLane, far);
    if (!shift->lane_beside) return straight(DirectionRule::kShiftWithoutLane, 1);
    const double bent = Sureness(turned_deg - limits.most_turn_deg, kTurnScale_deg);
    if (turned_deg >= limits.most_turn_deg) return straight(DirectionRule::kLane, bent);
    Decide(Side(shift->metres, Direction::kChangeLaneLeft, Direction::kChangeLaneRight),
           DirectionRule::kLaneShift, std::min({turn_sureness_, far, bent}));
  }

  void DecideByGeometry() {
    const auto& limits = rules_.geometry;
    const double turned_deg = evidence_.yaw_change / kDegree, much = std::abs(turned_deg);
    const double aside = evidence_.end_E[1];
    const auto decide = [&](Direction direction, double sureness) {
      Decide(direction, DirectionRule::kAside, sureness);
    };
    const double by_turn = Sureness(much - limits.turn_deg, kTurnScale_deg);
    if (evidence_.most_aside < limits.straight && much < limits.turn_deg)
      return decide(
          Direction::kGoStraight,
          std::min(by_turn, Sureness(evidence_.most_aside - limits.straight, kShiftScale)));
    if (much >= limits.turn_deg)
      return decide(Side(turned_deg, Direction::kTurnLeft, Direction::kTurnRight), by_turn);
    const double by_end = Sureness(std::abs(aside) - limits.turn, kShiftScale);
    if (std::abs(aside) > limits.turn)
      return decide(Side(aside, Direction::kTurnLeft, Direction::kTurnRight), by_end);
    const double by_change = Sureness(much - limits.change_deg, kTurnScale_deg);
    if (std::abs(aside) >= limits.straight && much < limits.change_deg)
      return decide(Side(aside, Direction::kChangeLaneLeft, Direction::kChangeLaneRight),
                    std::min(by_end, by_change));
    decide(Direction::kGoStraight, by_change);
  }

  /// The connector of the chain that turns the way the car does, most of all.
  void FindConnector() {
    for (const uint32_t element : evidence_.lanes) {
      if (element == kNoElement || !lanes_->IsConnector(element)) continue;
      const double change = lanes_->HeadingChange(element);
      if (std::abs(change) < rules_.turning.connector_deg * kDegree ||
          change * evidence_.yaw_change <= 0)
        continue;
      if (!evidence_.connector ||
          std::abs(change) > std::abs(lanes_->HeadingChange(*evidence_.connector)))
        evidence_.connector = element;
    }
  }

  bool InUnmatchedIntersection() const {
    for (size_t k = 0; k < kWindow; ++k)
      if (evidence_.lanes[k] == kNoElement && places_[k].in_intersection) return true;
    return false;
  }

  void Decide(Direction direction, DirectionRule rule, double sureness) {
    label_.action.direction = direction;
    evidence_.rule = rule;
    const double trust = rule == DirectionRule::kAtRest ? 1
                         : evidence_.fallback != Fallback::kNone
                             ? kFallbackTrust
                             : static_cast<double>(Matched()) / kWindow;
    label_.direction_confidence = std::min(sureness, stop_sureness_) * trust;
  }

  std::span<const double, kWindow> times_;
  std::span<const LanePlace, kWindow> places_;
  const LaneNetwork* lanes_;
  const MetaActionRules& rules_;
  MetaActionLabel label_;
  MetaActionEvidence& evidence_ = label_.evidence;
  double stop_sureness_ = 1, turn_sureness_ = 1;
};

}  // namespace

MetaActionLabel LabelWindow(std::span<const double, kWindow> times,
                            std::span<const LanePlace, kWindow> places, const LaneNetwork* lanes,
                            const MetaActionRules& rules) {
  return Labelling(times, places, lanes, rules).Make();
}

}  // namespace occvla::label
