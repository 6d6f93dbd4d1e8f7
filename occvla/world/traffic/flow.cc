#include "occvla/world/traffic/flow.h"

#include <algorithm>
#include <cmath>

namespace occvla::world::traffic {

namespace {

constexpr double kHorizon = 110;    // Metres of way known ahead.
constexpr double kStillGap = 7;     // Kept more from what stays, to get round it.
constexpr double kSteerable = 3.5;  // Below this speed a lane change goes by distance, m/s.
constexpr double kJerkUp = 2.2, kJerkDown = 4.0, kJerkHard = 20;  // m/s^3.

double ClearOf(double width) { return 0.5 * width + 1.35; }

}  // namespace

Flow::Flow(const Roads& roads)
    : claims(roads.town().crossings.size()),
      wishes(roads.town().crossings.size()),
      roads_(roads),
      occupancy_(roads.town().lanes.size()),
      junctions_(roads) {}

int Flow::Add(Vehicle vehicle) {
  Extend(vehicle);
  Place(vehicle, roads_);
  vehicles.push_back(std::move(vehicle));
  return static_cast<int>(vehicles.size()) - 1;
}

void Flow::Refresh() {
  occupancy_.Clear();
  for (const Closure& closure : closures)
    occupancy_.Add(closure.lane, {closure.from, closure.to, 0, kNoIndex});
  for (size_t i = 0; i < vehicles.size(); ++i)
    if (!vehicles[i].gone) occupancy_.Add(roads_, vehicles[i], static_cast<int>(i));
}

bool Flow::IsClear(int lane, double s, double length) const {
  const double rear = s - length;
  for (const Taken& taken : occupancy_.On(lane))
    if (taken.front > rear - 3 && taken.rear < s + 3) return false;
  for (const LaneCrossing& crossing : roads_.Crossings(lane))
    if (crossing.to > rear - 1 && crossing.from < s + 1) return false;
  return true;
}

int Flow::Next(Vehicle& vehicle, int lane) const {
  const auto& successors = roads_.lane(lane).successors;
  if (successors.empty()) return kNoIndex;
  if (vehicle.ego) {
    for (size_t k = vehicle.plan_at; k + 1 < vehicle.plan.size(); ++k)
      if (vehicle.plan[k] == lane &&
          std::count(successors.begin(), successors.end(), vehicle.plan[k + 1]) > 0)
        return vehicle.plan[k + 1];
  }
  std::vector<double> weights;
  double sum = 0;
  for (const int next : successors) {
    // Neither a turn that is too tight nor a lane from which there are only such turns.
    bool fits = roads_.LeastRadius(next) >= vehicle.least_radius;
    if (fits && roads_.lane(next).connector)
      for (const int exit : roads_.lane(next).successors)
        fits &= roads_.HasWay(exit, vehicle.least_radius);
    const double weight = roads_.lane(next).turn == Turn::kStraight ? 2.0 : 1.0;
    sum += weights.emplace_back(fits ? weight : 1e-6);
  }
  double u = vehicle.choices.Uniform() * sum;
  for (size_t k = 0; k < successors.size(); ++k)
    if ((u -= weights[k]) < 0) return successors[k];
  return successors.back();
}

void Flow::Extend(Vehicle& vehicle) const {
  auto& legs = vehicle.legs;
  while (legs.size() > 1 &&
         legs[0].start + roads_.lane(legs[0].lane).length() < vehicle.rear() - 2) {
    legs.erase(legs.begin());
  }
  for (;;) {
    const double end = legs.back().start + roads_.lane(legs.back().lane).length();
    if (end > vehicle.front + kHorizon) return;
    const int next = Next(vehicle, legs.back().lane);
    if (next == kNoIndex) return;
    legs.push_back({next, end});
  }
}

double Flow::Desired(const Vehicle& vehicle) const {
  double speed = vehicle.top_speed;
  for (const Leg& leg : vehicle.legs) {
    const double distance = leg.start - vehicle.front;
    if (distance > 60) break;
    if (leg.start + roads_.lane(leg.lane).length() < vehicle.front - vehicle.size.x()) continue;
    // In bends the whole body goes slowly, not its front alone.
    const double s = std::max(0.0, -distance);
    double here = roads_.SpeedAt(leg.lane, s);
    if (s > vehicle.wheelbase())
      here = std::min(here, roads_.SpeedAt(leg.lane, s - vehicle.wheelbase()) + 1.5);
    here *= vehicle.driver.haste;
    if (distance > 0) here = std::sqrt(here * here + 2 * Roads::kBraking * distance);
    speed = std::min(speed, here);
  }
  return speed;
}

double Flow::HaltForCrossings(const Vehicle& vehicle, double desired) const {
  double least = 1e9;
  for (const Leg& leg : vehicle.legs) {
    if (leg.start > vehicle.front + 60) break;
    for (const LaneCrossing& crossing : roads_.Crossings(leg.lane)) {
      const double distance = leg.start + crossing.from - 1.0 - vehicle.front;
      if (distance < -0.6) continue;
      const auto c = static_cast<size_t>(crossing.crossing);
      const bool comfortable = vehicle.speed * vehicle.speed < 2 * 2.0 * distance;
      if (claims[c] > 0 || (wishes[c] > 0 && comfortable))
        least = std::min(least, HaltAcceleration(vehicle.driver, vehicle.speed, desired, distance));
    }
  }
  return least;
}

double Flow::Acceleration(const Vehicle& vehicle, int index) const {
  const double v = vehicle.speed, desired = Desired(vehicle);
  double least = FreeAcceleration(vehicle.driver, v, desired);
  const auto follow = [&](const Ahead& ahead) {
    const bool stays = ahead.vehicle == kNoIndex;
    if (ahead.gap < 1e8)
      least =
          std::min(least, FollowAcceleration(vehicle.driver, v, desired,
                                             ahead.gap - (stays ? kStillGap : 0.0), ahead.speed));
  };
  follow(NearestAhead(roads_, occupancy_, vehicle.legs, vehicle.front, index, kHorizon));
  if (vehicle.changing()) {
    const double beside = std::abs(vehicle.change_offset) - std::abs(vehicle.Offset());
    if (beside < ClearOf(vehicle.size.y())) {
      const double s = roads_.Across(vehicle.lane(roads_), vehicle.s(roads_), vehicle.from_lane);
      const Leg old{vehicle.from_lane, vehicle.front - s};
      Ahead ahead = NearestAhead(roads_, occupancy_, {&old, 1}, vehicle.front, index, 60);
      // On its way out the vehicle may come closer than behind somebody.
      if (ahead.vehicle == kNoIndex) ahead.gap += kStillGap - 1;
      follow(ahead);
    }
  }
  least = std::min(least, HaltForCrossings(vehicle, desired));
  for (size_t leg = 1; leg < vehicle.legs.size(); ++leg) {
    const Leg& before = vehicle.legs[leg - 1];
    const double end = before.start + roads_.lane(before.lane).length();
    if (end < vehicle.front - 0.5 || junctions_.Holds(index, vehicle.legs[leg].lane)) continue;
    const double line = before.start + roads_.StopAt(before.lane) - vehicle.front;
    least = std::min(least, HaltAcceleration(vehicle.driver, v, desired, line));
    break;
  }
  const Leg& last = vehicle.legs.back();
  if (vehicle.ego && roads_.lane(last.lane).successors.empty()) {
    const double end = last.start + roads_.lane(last.lane).length() - 2 - vehicle.front;
    least = std::min(least, HaltAcceleration(vehicle.driver, v, desired, end));
  }
  return least;
}

bool Flow::TryChange(int index, int side, double threshold) {
  Vehicle& me = vehicles[static_cast<size_t>(index)];
  const Leg leg = me.legs[me.CurrentLeg(roads_)];
  const Lane& lane = roads_.lane(leg.lane);
  const int target = side > 0 ? lane.left : lane.right;
  const double s = me.front - leg.start, length = me.whole_length();
  if (target == kNoIndex) return false;
  if (s - length < 0.5) return false;
  // The front axle stays where it is: its cross-section is the one that must match.
  const double axle = s - me.front_overhang();
  const double axle_there = roads_.Across(leg.lane, axle, target);
  const double there = axle_there + me.front_overhang();
  const double run = (std::max(me.speed, kSteerable) + 0.8) * me.change_s + 4;
  if (there - length < 0.5 || roads_.StopAt(target) - there < run) return false;
  for (const Closure& closure : closures)
    if (closure.lane == target && closure.to > there - length && closure.from < there + run + 15)
      return false;

  const Vehicle before = me;
  Vehicle after = me;
  after.legs = {{target, me.front - there}};
  Extend(after);
  const Ahead lead = NearestAhead(roads_, occupancy_, after.legs, me.front, index, kHorizon);
  const Ahead follower = NearestBehind(roads_, occupancy_, target, there - length, index, 60);
  for (const Taken& taken : occupancy_.On(target))
    if (taken.vehicle != index && taken.front > there - length - 1.5 && taken.rear < there + 1.5)
      return false;
  const auto behind = [&](const Ahead& who, double gap, double lead_speed) {
    if (who.vehicle == kNoIndex) return 0.0;
    const Vehicle& other = vehicles[static_cast<size_t>(who.vehicle)];
    return FollowAcceleration(other.driver, other.speed, Desired(other), gap, lead_speed);
  };
  LaneChange change;
  change.own_now = Acceleration(before, index);
  change.own_then =
      FollowAcceleration(me.driver, me.speed, Desired(after), std::min(lead.gap, 1e6), lead.speed);
  change.new_follower_now = behind(follower, follower.gap + length + lead.gap, lead.speed);
  change.new_follower_then = behind(follower, follower.gap, me.speed);
  const Ahead old_lead = NearestAhead(roads_, occupancy_, me.legs, me.front, index, kHorizon);
  const Ahead old = NearestBehind(roads_, occupancy_, leg.lane, s - length, index, 60);
  change.old_follower_now = behind(old, old.gap, me.speed);
  change.old_follower_then =
      behind(old, std::min(1e6, old.gap + length + old_lead.gap), old_lead.speed);
  if (!WorthChanging(change, me.driver.politeness, threshold)) return false;

  const double across =
      (roads_.Point(leg.lane, axle, 0) - roads_.Point(target, axle_there, 0)).norm();
  me.from_lane = leg.lane;
  me.change_progress = 0;
  me.change_tail = me.wheelbase();
  me.change_offset = (side > 0 ? -1 : 1) * across;
  me.legs = after.legs;
  me.choices = after.choices;
  for (size_t k = me.plan_at; k < std::min(me.plan.size(), me.plan_at + 2); ++k)
    if (me.plan[k] == target) me.plan_at = k;
  occupancy_.Add(target, {there - length, there, me.speed, index});
  return true;
}

void Flow::ConsiderChange(int index, double time_s) {
  Vehicle& me = vehicles[static_cast<size_t>(index)];
  if (me.gone || me.changing() || me.category == kBicycle || me.trailer.x() > 0) return;
  const int lane_index = me.lane(roads_);
  const Lane& lane = roads_.lane(lane_index);
  if (lane.connector || (lane.left == kNoIndex && lane.right == kNoIndex)) return;
  if (me.ego && me.plan_at + 1 < me.plan.size() && me.plan[me.plan_at] == lane_index) {
    const int next = me.plan[me.plan_at + 1];
    if (next == lane.left || next == lane.right) {
      if (me.front >= me.change_from) TryChange(index, next == lane.left ? 1 : -1, -1.5);
      return;
    }
  }
  if ((steps_ + static_cast<uint64_t>(index)) % 8 != 0 || time_s - me.settled_at < 5) return;
  const Ahead ahead = NearestAhead(roads_, occupancy_, me.legs, me.front, index, 70);
  const bool closed = ahead.gap < 70 && ahead.vehicle == kNoIndex;
  if (me.ego && !closed && !(ahead.gap < 40 && ahead.speed < 0.5 * me.speed)) return;
  const double threshold = closed ? -3 : 0.4;
  if (!TryChange(index, 1, threshold)) TryChange(index, -1, threshold + (closed ? 0 : 0.2));
}

double Flow::Stretch(const Vehicle& vehicle) const {
  const double left = vehicle.Offset();
  if (left == 0) return 1;
  const Leg& leg = vehicle.legs[vehicle.CurrentLeg(roads_)];
  const double s = vehicle.front - vehicle.front_overhang() - leg.start;
  const double turn = Wrapped(roads_.At(leg.lane, s + 1)[2] - roads_.At(leg.lane, s - 1)[2]);
  return 1 / std::max(0.5, 1 - 0.5 * turn * left);
}

void Flow::Move(Vehicle& vehicle, double acceleration, double time_s, double step_s) {
  const double a = vehicle.acceleration;
  const double down = acceleration < -2.5 ? kJerkHard : kJerkDown;
  double next = std::clamp(acceleration, a - down * step_s, a + kJerkUp * step_s);
  const double v = vehicle.speed, before = vehicle.front;
  if (v + next * step_s <= 0 || (v < 0.05 && acceleration < 0.15)) {
    vehicle.front += 0.5 * v * step_s;
    vehicle.speed = 0;
    next = 0;
  } else {
    vehicle.front += v * step_s + 0.5 * next * step_s * step_s;
    vehicle.speed = v + next * step_s;
  }
  vehicle.acceleration = next;
  vehicle.front = before + (vehicle.front - before) * Stretch(vehicle);
  vehicle.travelled += 0.5 * (v + vehicle.speed) * step_s;
  if (vehicle.changing()) {
    vehicle.change_progress +=
        step_s / vehicle.change_s * std::min(1.0, vehicle.speed / kSteerable);
    // The old lane is free when the rear has left it too.
    if (vehicle.change_progress >= 1) vehicle.change_tail -= vehicle.front - before;
    if (vehicle.change_progress >= 1 && vehicle.change_tail <= 0) {
      vehicle.change_progress = 1;
      vehicle.from_lane = kNoIndex;
      vehicle.settled_at = time_s;
      vehicle.change_from = vehicle.front + 0.7 * vehicle.speed + 3;
    }
  }
  Extend(vehicle);
  const size_t leg = vehicle.CurrentLeg(roads_);
  while (vehicle.plan_at + 1 < vehicle.plan.size() &&
         vehicle.plan[vehicle.plan_at] != vehicle.legs[leg].lane &&
         std::find(vehicle.plan.begin() + static_cast<long>(vehicle.plan_at), vehicle.plan.end(),
                   vehicle.legs[leg].lane) != vehicle.plan.end()) {
    ++vehicle.plan_at;
    vehicle.change_from = vehicle.front + vehicle.whole_length() + 4;
  }
  const Leg& last = vehicle.legs.back();
  if (!vehicle.ego && vehicle.front >= last.start + roads_.lane(last.lane).length())
    vehicle.gone = true;
  Place(vehicle, roads_);
}

void Flow::Step(double time_s, double step_s) {
  Refresh();
  junctions_.Step(vehicles, occupancy_, time_s,
                  [&](int crossing) { return claims[static_cast<size_t>(crossing)] > 0; });
  for (size_t i = 0; i < vehicles.size(); ++i) ConsiderChange(static_cast<int>(i), time_s);
  std::vector<double> accelerations(vehicles.size(), 0);
  for (size_t i = 0; i < vehicles.size(); ++i)
    if (!vehicles[i].gone) accelerations[i] = Acceleration(vehicles[i], static_cast<int>(i));
  for (size_t i = 0; i < vehicles.size(); ++i)
    if (!vehicles[i].gone) Move(vehicles[i], accelerations[i], time_s, step_s);
  ++steps_;
}

int Flow::Indicator(const Vehicle& vehicle) const {
  if (vehicle.changing() && vehicle.change_progress < 1) return vehicle.change_offset < 0 ? 1 : -1;
  for (const Leg& leg : vehicle.legs) {
    if (leg.start > vehicle.front + 30) break;
    const Lane& lane = roads_.lane(leg.lane);
    if (leg.start + lane.length() < vehicle.front - 0.5 * vehicle.size.x()) continue;
    if (lane.turn != Turn::kStraight) return lane.turn == Turn::kLeft ? 1 : -1;
  }
  return 0;
}

}  // namespace occvla::world::traffic
