#include "occvla/world/traffic/occupancy.h"

#include <algorithm>

namespace occvla::world::traffic {

void Occupancy::Clear() {
  for (const int lane : touched_) lanes_[static_cast<size_t>(lane)].clear();
  touched_.clear();
}

void Occupancy::Add(int lane, const Taken& taken) {
  auto& stretch = lanes_[static_cast<size_t>(lane)];
  if (stretch.empty()) touched_.push_back(lane);
  stretch.push_back(taken);
}

void Occupancy::Add(const Roads& roads, const Vehicle& vehicle, int index) {
  const double rear = vehicle.rear();
  for (const Leg& leg : vehicle.legs) {
    if (leg.start > vehicle.front) break;
    if (leg.start + roads.lane(leg.lane).length() < rear) continue;
    Add(leg.lane, {rear - leg.start, vehicle.front - leg.start, vehicle.speed, index});
  }
  if (vehicle.changing()) {
    const double front = roads.Across(vehicle.lane(roads), vehicle.s(roads), vehicle.from_lane);
    Add(vehicle.from_lane, {front - vehicle.whole_length(), front, vehicle.speed, index});
  }
}

Ahead NearestAhead(const Roads& roads, const Occupancy& occupancy, std::span<const Leg> legs,
                   double front, int self, double horizon) {
  Ahead nearest;
  const auto consider = [&](const Taken& taken, double start) {
    if (taken.vehicle == self && self != kNoIndex) return;
    const double its_front = start + taken.front, gap = start + taken.rear - front;
    if (its_front < front || (its_front == front && taken.vehicle > self) || gap >= nearest.gap)
      return;
    nearest = {gap, taken.speed, taken.vehicle};
  };
  for (const Leg& leg : legs) {
    if (leg.start > front + horizon || leg.start > front + nearest.gap + 30) break;
    if (leg.start + roads.lane(leg.lane).length() < front) continue;
    for (const Taken& taken : occupancy.On(leg.lane)) consider(taken, leg.start);
    for (const Meeting& meeting : roads.Meetings(leg.lane)) {
      if (!meeting.fork) continue;
      for (const Taken& taken : occupancy.On(meeting.other))
        if (taken.rear < meeting.other_to + 0.5) consider(taken, leg.start);
    }
  }
  if (nearest.gap > horizon) return {};
  return nearest;
}

Ahead NearestBehind(const Roads& roads, const Occupancy& occupancy, int lane, double rear, int self,
                    double horizon) {
  Ahead nearest;
  const auto consider = [&](int on, double offset) {
    for (const Taken& taken : occupancy.On(on)) {
      if (taken.vehicle == self || taken.vehicle == kNoIndex) continue;
      const double gap = rear - (taken.front + offset);
      if (taken.rear + offset > rear || gap >= nearest.gap) continue;
      nearest = {gap, taken.speed, taken.vehicle};
    }
  };
  consider(lane, 0);
  if (rear < horizon)
    for (const int before : roads.lane(lane).predecessors)
      consider(before, -roads.lane(before).length());
  if (nearest.gap > horizon) return {};
  return nearest;
}

}  // namespace occvla::world::traffic
