#include "occvla/world/traffic/junctions.h"

#include <algorithm>

namespace occvla::world::traffic {

namespace {

constexpr double kPatience = 8;        // Seconds after which priority no longer counts.
constexpr double kDwell = 0.8;         // Seconds at a stop sign.
constexpr double kAmberBraking = 2.8;  // Who would have to brake harder drives on, m/s^2.

double LineOf(const Roads& roads, const Vehicle& vehicle, size_t leg) {
  if (leg == 0) return vehicle.legs[0].start;
  const Leg& before = vehicle.legs[leg - 1];
  return before.start + roads.StopAt(before.lane);
}

// Metres of a connector that the vehicle's rear has passed; nothing when it left the connector.
bool RearOn(const Roads& roads, const Vehicle& vehicle, int connector, double& rear) {
  for (const Leg& leg : vehicle.legs) {
    if (leg.lane != connector) continue;
    rear = vehicle.rear() - leg.start;
    return rear < roads.lane(connector).length();
  }
  return false;
}

bool HasStopSign(const Roads& roads, int lane) {
  const int line = roads.lane(lane).stop_line;
  return line != kNoIndex && roads.town().stop_lines[static_cast<size_t>(line)].type == "STOP_SIGN";
}

// Whether all traffic of the connector waits for somebody.
bool WaitsForOthers(const Roads& roads, int connector) {
  for (const Meeting& meeting : roads.Meetings(connector))
    if (meeting.waits && !meeting.first) return true;
  return false;
}

}  // namespace

bool Junctions::Holds(int vehicle, int connector) const {
  const int junction = roads_.lane(connector).junction;
  if (junction == kNoIndex) return true;
  for (const Held& held : held_[static_cast<size_t>(junction)])
    if (held.vehicle == vehicle && held.connector == connector) return true;
  return false;
}

void Junctions::Grant(int vehicle, int connector) {
  held_[static_cast<size_t>(roads_.lane(connector).junction)].push_back({vehicle, connector});
}

void Junctions::TakeBack(const std::vector<Vehicle>& vehicles, double time_s) {
  for (size_t j = 0; j < held_.size(); ++j) {
    const Junction& junction = roads_.town().junctions[j];
    std::erase_if(held_[j], [&](const Held& held) {
      const Vehicle& vehicle = vehicles[static_cast<size_t>(held.vehicle)];
      double rear = 0;
      if (vehicle.gone || !RearOn(roads_, vehicle, held.connector, rear)) return true;
      if (junction.control != Control::kLights) return false;
      if (LightOf(junction, held.connector, time_s) == LightState::kGreen) return false;
      for (size_t leg = 1; leg < vehicle.legs.size(); ++leg) {
        if (vehicle.legs[leg].lane != held.connector) continue;
        const double distance = LineOf(roads_, vehicle, leg) - vehicle.front;
        return distance > 0.5 &&
               vehicle.speed * vehicle.speed < 2 * kAmberBraking * (distance - 0.3);
      }
      return false;
    });
  }
}

std::vector<Junctions::Request> Junctions::Ask(std::vector<Vehicle>& vehicles,
                                               double time_s) const {
  std::vector<Request> requests;
  for (size_t i = 0; i < vehicles.size(); ++i) {
    Vehicle& vehicle = vehicles[i];
    if (vehicle.gone) continue;
    for (size_t leg = 1; leg < vehicle.legs.size(); ++leg) {
      const int connector = vehicle.legs[leg].lane;
      const double end = vehicle.legs[leg].start + roads_.lane(connector).length();
      if (end < vehicle.front || roads_.lane(connector).junction == kNoIndex ||
          Holds(static_cast<int>(i), connector))
        continue;
      const double distance = LineOf(roads_, vehicle, leg) - vehicle.front;
      const double v = vehicle.speed;
      double window = v * v / (2 * kHalting) + 1.5 * v + 5;
      if (WaitsForOthers(roads_, connector)) window = std::min(window, 6 + 1.5 * v);
      if (distance > window) break;
      if (vehicle.asking_for != connector) {
        vehicle.asking_for = connector;
        vehicle.asking_since = time_s;
        vehicle.halted_at = 1e9;
      }
      if (v < 0.15 && distance < 3) vehicle.halted_at = std::min(vehicle.halted_at, time_s);
      requests.push_back({static_cast<int>(i), connector, roads_.lane(connector).junction, leg,
                          distance, time_s - vehicle.asking_since > kPatience});
      break;
    }
  }
  // Only the first of a lane asks: one behind would bar the others while it cannot go itself.
  std::erase_if(requests, [&](const Request& request) {
    const int lane = vehicles[static_cast<size_t>(request.vehicle)].legs[request.leg - 1].lane;
    return std::any_of(requests.begin(), requests.end(), [&](const Request& other) {
      return other.vehicle != request.vehicle &&
             vehicles[static_cast<size_t>(other.vehicle)].legs[other.leg - 1].lane == lane &&
             (other.distance < request.distance ||
              (other.distance == request.distance && other.vehicle < request.vehicle));
    });
  });
  return requests;
}

bool Junctions::Allowed(const Vehicle& vehicle, const Request& request, double time_s) const {
  const Junction& junction = roads_.town().junctions[static_cast<size_t>(request.junction)];
  if (junction.control == Control::kLights) {
    const LightState light = LightOf(junction, request.connector, time_s);
    if (light == LightState::kGreen) return true;
    // Who waited for oncoming traffic through the whole green goes when that stops.
    return light == LightState::kAmber && request.distance < 3 && vehicle.speed < 3;
  }
  if (HasStopSign(roads_, vehicle.legs[request.leg - 1].lane))
    return time_s - vehicle.halted_at >= kDwell;
  return true;
}

bool Junctions::HasRoom(const std::vector<Vehicle>& vehicles, const Occupancy& occupancy,
                        const Request& request) const {
  const Vehicle& vehicle = vehicles[static_cast<size_t>(request.vehicle)];
  const Leg& leg = vehicle.legs[request.leg];
  const double end = leg.start + roads_.lane(leg.lane).length();
  const Ahead ahead = NearestAhead(roads_, occupancy, vehicle.legs, vehicle.front, request.vehicle,
                                   end - vehicle.front + 40);
  return ahead.speed > 2.5 ||
         vehicle.front + ahead.gap > end + vehicle.whole_length() + vehicle.driver.gap + 0.5;
}

bool Junctions::IsFree(const std::vector<Vehicle>& vehicles, const Request& request) const {
  for (const Held& held : held_[static_cast<size_t>(request.junction)]) {
    if (held.vehicle == request.vehicle) continue;
    for (const Meeting& meeting : roads_.Meetings(request.connector)) {
      if (meeting.other != held.connector || meeting.fork) continue;
      double rear = 0;
      if (RearOn(roads_, vehicles[static_cast<size_t>(held.vehicle)], held.connector, rear) &&
          rear < meeting.other_to + 1.0)
        return false;
    }
  }
  return true;
}

bool Junctions::MustWait(const std::vector<Vehicle>& vehicles, const std::vector<Request>& requests,
                         const Request& request) const {
  const auto since = [&](const Request& r) {
    return vehicles[static_cast<size_t>(r.vehicle)].asking_since;
  };
  for (const Request& other : requests) {
    if (other.vehicle == request.vehicle || other.junction != request.junction) continue;
    for (const Meeting& meeting : roads_.Meetings(request.connector)) {
      if (meeting.other != other.connector || meeting.fork) continue;
      if (other.late != request.late) {
        if (other.late) return true;
        continue;
      }
      const bool in_turn = request.late || meeting.waits == meeting.first;
      if (in_turn ? since(other) < since(request) ||
                        (since(other) == since(request) && other.vehicle < request.vehicle)
                  : meeting.waits)
        return true;
    }
  }
  return false;
}

void Junctions::Step(std::vector<Vehicle>& vehicles, const Occupancy& occupancy, double time_s,
                     const std::function<bool(int)>& claimed) {
  TakeBack(vehicles, time_s);
  auto requests = Ask(vehicles, time_s);
  std::erase_if(requests, [&](const Request& request) {
    for (const LaneCrossing& crossing : roads_.Crossings(request.connector))
      if (crossing.from < 8 && claimed(crossing.crossing)) return true;
    return !Allowed(vehicles[static_cast<size_t>(request.vehicle)], request, time_s) ||
           !HasRoom(vehicles, occupancy, request);
  });
  std::sort(requests.begin(), requests.end(), [&](const Request& a, const Request& b) {
    const double since_a = vehicles[static_cast<size_t>(a.vehicle)].asking_since;
    const double since_b = vehicles[static_cast<size_t>(b.vehicle)].asking_since;
    return since_a != since_b ? since_a < since_b : a.vehicle < b.vehicle;
  });
  std::vector<char> granted(held_.size(), 0), waiting(held_.size(), 0);
  for (const Request& request : requests) {
    const auto j = static_cast<size_t>(request.junction);
    if (!IsFree(vehicles, request)) continue;
    if (MustWait(vehicles, requests, request)) {
      waiting[j] = 1;
      continue;
    }
    Grant(request.vehicle, request.connector);
    granted[j] = 1;
  }
  // Everybody waits for somebody else: who asked first goes.
  for (const Request& request : requests) {
    const auto j = static_cast<size_t>(request.junction);
    if (granted[j] || !waiting[j] || !held_[j].empty()) continue;
    Grant(request.vehicle, request.connector);
    granted[j] = 1;
  }
}

}  // namespace occvla::world::traffic
