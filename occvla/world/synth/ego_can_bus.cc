#include "occvla/world/synth/ego_can_bus.h"

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace occvla::world::synth {
namespace {

using data::nuscenes::CanBus;

constexpr double kGravity = 9.81, kDegrees = 180 / std::numbers::pi, kKmh = 3.6;
constexpr double kWheelTurn = 1.96;      // Metres that a wheel rolls in a turn.
constexpr double kTrack = 1.51;          // Between the wheels of an axle.
constexpr double kSteeringRatio = 15.7;  // Steering wheel to front wheels.
constexpr double kMass = 1600;           // kg, with sensors and two people.
constexpr double kWheelRadius = kWheelTurn / (2 * std::numbers::pi);
constexpr double kFullThrottle = 3.0, kFullBrake = 8.0;  // m/s^2.
constexpr double kRouteBeyond = 50;                      // Metres before and after the scene.

std::array<double, 4> Quaternion(const geom::Pose& X) {
  const Eigen::Quaterniond q(X.linear());
  return {q.w(), q.x(), q.y(), q.z()};
}

std::array<double, 3> Array(const Eigen::Vector3d& v) { return {v.x(), v.y(), v.z()}; }

/// The car at one moment, with the rates that its states only imply.
struct Moment {
  EgoState ego;
  Eigen::Vector3d rate_E = Eigen::Vector3d::Zero();  // rad/s.
  double steering_rate = 0;                          // Front wheels, rad/s.
  double odometer = 0;                               // Metres since the drive began.
};

Moment At(const Drive& drive, double time_s) {
  constexpr double kHalf = 0.025;
  Moment moment{.ego = EgoAt(drive, time_s)};
  const double before_s = std::max(0.0, time_s - kHalf);
  const double after_s = std::min(drive.duration_s(), time_s + kHalf);
  if (after_s > before_s) {
    const auto before = EgoAt(drive, before_s), after = EgoAt(drive, after_s);
    const Eigen::AngleAxisd turned(
        Eigen::Matrix3d(before.X_GE.linear().transpose() * after.X_GE.linear()));
    moment.rate_E = turned.axis() * (turned.angle() / (after_s - before_s));
    moment.steering_rate = (after.steering - before.steering) / (after_s - before_s);
  }
  return moment;
}

double Throttle(const EgoState& ego) {
  // Rolling takes a little; a standing car takes none.
  const double asked = ego.acceleration + (ego.speed > 0.1 ? 0.15 : 0);
  return std::clamp(asked / kFullThrottle, 0.0, 1.0);
}

double Brake(const EgoState& ego) {
  if (ego.speed < 0.1 && std::abs(ego.acceleration) < 0.05) return 0.1;  // Held at a stop.
  return ego.braking ? std::clamp(-ego.acceleration / kFullBrake, 0.0, 1.0) : 0;
}

double Rpm(double speed) { return speed / kWheelTurn * 60; }

data::nuscenes::CanVehicleMonitor Monitor(const Moment& moment) {
  const auto& ego = moment.ego;
  const double brake = Brake(ego);
  data::nuscenes::CanVehicleMonitor out;
  out.available_distance = 180;
  out.battery_level = 80;
  out.brake = std::lround(126 * brake);
  out.brake_switch = brake == 0 ? 1 : brake < 0.05 ? 2 : 3;
  out.left_signal = ego.indicator > 0;
  out.right_signal = ego.indicator < 0;
  out.rear_left_rpm = Rpm(ego.speed - ego.yaw_rate * kTrack / 2);
  out.rear_right_rpm = Rpm(ego.speed + ego.yaw_rate * kTrack / 2);
  out.steering = ego.steering * kSteeringRatio * kDegrees;
  out.steering_speed = moment.steering_rate * kSteeringRatio * kDegrees;
  out.throttle = std::lround(1000 * Throttle(ego));
  out.vehicle_speed = ego.speed * kKmh;
  out.yaw_rate = ego.yaw_rate * kDegrees;
  return out;
}

data::nuscenes::CanZoeVehicleInfo VehicleInfo(const Moment& moment) {
  const auto& ego = moment.ego;
  // The front wheels run on a wider circle than the rear ones.
  const double front = ego.speed / std::max(0.5, std::cos(ego.steering));
  const double turn = ego.yaw_rate * kTrack / 2;
  const double torque = kMass * ego.acceleration * kWheelRadius;
  data::nuscenes::CanZoeVehicleInfo out;
  out.wheel_rpm = {Rpm(front - turn), Rpm(front + turn), Rpm(ego.speed - turn),
                   Rpm(ego.speed + turn)};
  out.longitudinal_accel = ego.acceleration;
  out.mean_effective_torque = torque;
  out.odom = static_cast<int64_t>(std::fmod(moment.odometer, kWheelTurn) * 100);
  out.odom_speed = ego.speed * kKmh;
  out.pedal_cc = std::lround(1000 * Throttle(ego));
  out.regen = ego.acceleration < 0 && ego.speed > 1
                  ? std::lround(100 * std::min(1.0, -ego.acceleration / 2))
                  : 0;
  out.requested_torque = torque;
  out.steer_corrected = ego.steering * kSteeringRatio * kDegrees;
  out.steer_raw = out.steer_corrected;
  out.transversal_accel = ego.lateral_acceleration / kGravity;
  return out;
}

/// Calls `add(time_s, utime)` at a rate over the span.
template <typename Add>
void Sample(const SceneSpan& span, double hertz, Add&& add) {
  const auto n = static_cast<int64_t>(std::floor((span.end_s - span.begin_s) * hertz + 1e-9)) + 1;
  for (int64_t i = 0; i < n; ++i) {
    const double time_s = std::min(span.end_s, span.begin_s + static_cast<double>(i) / hertz);
    add(time_s, span.At(time_s));
  }
}

size_t NearestPoint(const Lane& lane, const Eigen::Vector3d& p_G) {
  size_t nearest = 0;
  double least = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < lane.centreline.size(); ++i) {
    const double distance =
        std::hypot(lane.centreline[i][0] - p_G.x(), lane.centreline[i][1] - p_G.y());
    if (distance < least) {
      least = distance;
      nearest = i;
    }
  }
  return nearest;
}

using Route = std::vector<std::array<double, 2>>;

/// Follows lanes from a point of one, forwards or backwards, for some metres.
Route Follow(const Town& town, int lane, size_t point, bool forwards, double metres) {
  Route route;
  for (int lanes = 0; lane != kNoIndex && lanes < 100; ++lanes) {
    const auto& line = town.lanes[static_cast<size_t>(lane)].centreline;
    while (point < line.size()) {  // Backwards it wraps round past 0.
      const std::array<double, 2> p = {line[point][0], line[point][1]};
      if (!route.empty()) metres -= std::hypot(p[0] - route.back()[0], p[1] - route.back()[1]);
      if (metres < 0) return route;
      route.push_back(p);
      point += forwards ? 1 : static_cast<size_t>(-1);
    }
    const auto& next = forwards ? town.lanes[static_cast<size_t>(lane)].successors
                                : town.lanes[static_cast<size_t>(lane)].predecessors;
    lane = next.empty() ? kNoIndex : next.front();
    if (lane == kNoIndex) break;
    const size_t size = town.lanes[static_cast<size_t>(lane)].centreline.size();
    point = forwards || size == 0 ? 0 : size - 1;
  }
  return route;
}

Route RouteOf(const Town& town, const Drive& drive, const SceneSpan& span) {
  Route route;
  Sample(span, 10, [&](double time_s, int64_t) {
    const auto ego = EgoAt(drive, time_s);
    if (ego.lane == kNoIndex) return;
    const auto& lane = town.lanes[static_cast<size_t>(ego.lane)];
    const size_t at = NearestPoint(lane, ego.X_GE.translation());
    if (at >= lane.centreline.size()) return;
    const std::array<double, 2> p = {lane.centreline[at][0], lane.centreline[at][1]};
    if (route.empty()) {
      route = Follow(town, ego.lane, at, /*forwards=*/false, kRouteBeyond);
      std::reverse(route.begin(), route.end());
    }
    if (route.empty() || route.back() != p) route.push_back(p);
  });
  const auto last = EgoAt(drive, span.end_s);
  if (last.lane == kNoIndex) return route;
  const auto& lane = town.lanes[static_cast<size_t>(last.lane)];
  const auto beyond = Follow(town, last.lane, NearestPoint(lane, last.X_GE.translation()),
                             /*forwards=*/true, kRouteBeyond);
  if (!beyond.empty()) route.insert(route.end(), beyond.begin() + 1, beyond.end());
  return route;
}

}  // namespace

CanBus EgoCanBus(const Town& town, const Drive& drive, const SceneSpan& span) {
  CanBus bus;
  Sample(span, 100, [&](double time_s, int64_t utime) {
    const auto moment = At(drive, time_s);
    const auto& ego = moment.ego;
    const Eigen::Vector3d accel_E(ego.acceleration, ego.lateral_acceleration, 0);
    const Eigen::Vector3d felt_E =
        accel_E + ego.X_GE.linear().transpose() * Eigen::Vector3d(0, 0, kGravity);
    bus.ms_imu.push_back({utime, Array(felt_E), Quaternion(ego.X_GE), Array(moment.rate_E)});
    bus.steeranglefeedback.push_back({utime, ego.steering * kSteeringRatio});
  });
  Sample(span, 50, [&](double time_s, int64_t utime) {
    const auto moment = At(drive, time_s);
    const auto& ego = moment.ego;
    bus.pose.push_back({.utime = utime,
                        .accel = {ego.acceleration, ego.lateral_acceleration, 0},
                        .orientation = Quaternion(ego.X_GE),
                        .pos = Array(ego.X_GE.translation()),
                        .rotation_rate = Array(moment.rate_E),
                        .vel = {ego.speed, 0, 0}});
  });
  Sample(span, 2, [&](double time_s, int64_t utime) {
    bus.vehicle_monitor.push_back(Monitor(At(drive, time_s)));
    bus.vehicle_monitor.back().utime = utime;
  });
  Sample(span, 800, [&](double time_s, int64_t utime) {
    const auto ego = EgoAt(drive, time_s);
    bus.zoesensors.push_back({utime, 0.166 + 0.465 * Brake(ego),
                              std::clamp(0.214 + 0.06 * ego.steering, 0.176, 0.252),
                              0.105 + 0.306 * Throttle(ego)});
  });
  double odometer = 0, before_s = span.begin_s;
  Sample(span, 100, [&](double time_s, int64_t utime) {
    auto moment = At(drive, time_s);
    odometer += moment.ego.speed * (time_s - before_s);
    before_s = time_s;
    moment.odometer = odometer;
    bus.zoe_veh_info.push_back(VehicleInfo(moment));
    bus.zoe_veh_info.back().utime = utime;
  });
  bus.route = RouteOf(town, drive, span);
  return bus;
}

}  // namespace occvla::world::synth
