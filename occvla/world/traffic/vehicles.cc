#include "occvla/world/traffic/vehicles.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace occvla::world::traffic {

namespace {

using Eigen::Vector2d;

constexpr std::array<Kind, 10> kKinds = {{
    {kBicycle, 1.75, 0.6, 1.5, 0.05, 0.9, 5.5, 0},
    {kBendyBus, 17.6, 2.6, 3.3, 0.03, 0.8, 14, 70},
    {kBus, 11.2, 2.6, 3.3, 0.06, 0.9, 16, 30},
    {kCar, 4.55, 1.88, 1.65, 0.07, 1.6, 36, 0},
    {kConstruction, 6.2, 2.5, 3.0, 0.1, 0.7, 7, 14},
    {kAmbulance, 5.9, 2.1, 2.6, 0.05, 1.5, 30, 9},
    {kPolice, 4.8, 1.9, 1.6, 0.04, 2.0, 36, 0},
    {kMotorcycle, 2.1, 0.8, 1.5, 0.06, 2.4, 33, 0},
    {kTrailer, 9.5, 2.5, 3.5, 0.15, 0, 0, 0},
    {kTruck, 7.2, 2.45, 3.0, 0.12, 0.9, 22, 12},
}};

// The point `distance` metres back along the trail.
Vector2d Back(const Vehicle& vehicle, double distance) {
  Vector2d at = vehicle.front_axle_G;
  for (const Vector2d& next : vehicle.trail) {
    const double step = (next - at).norm();
    if (step >= distance) return step > 0 ? Vector2d(at + (next - at) * (distance / step)) : at;
    distance -= step;
    at = next;
  }
  return at;
}

// The body whose axles are at two points of the trail.
BodyPose Between(const Vector2d& front_G, const Vector2d& rear_G, double centre_ahead) {
  const Vector2d along = (front_G - rear_G).normalized();
  return {front_G + centre_ahead * along, std::atan2(along.y(), along.x())};
}

}  // namespace

const Kind& KindOf(uint8_t category) { return kKinds.at(size_t{category} - kBicycle); }

Eigen::Vector3d DrawSize(const Kind& kind, Rng& rng) {
  const auto around = [&](double mean, double spread) {
    return mean * (1 + spread * std::clamp(rng.Normal(), -2.0, 2.0));
  };
  const double length = around(kind.length, kind.spread);
  const double width = around(kind.width, 0.25 * kind.spread);
  return {length, width, around(kind.height, 0.5 * kind.spread)};
}

uint8_t DrawCategory(Rng& rng) {
  const double u = rng.Uniform();
  if (u < 0.74) return kCar;
  if (u < 0.82) return kTruck;
  if (u < 0.86) return kBus;
  if (u < 0.87) return kBendyBus;
  if (u < 0.885) return kPolice;
  if (u < 0.9) return kAmbulance;
  if (u < 0.91) return kConstruction;
  return u < 0.955 ? kMotorcycle : kBicycle;
}

size_t Vehicle::CurrentLeg(const Roads& roads) const {
  size_t i = 0;
  while (i + 1 < legs.size() && legs[i].start + roads.lane(legs[i].lane).length() <= front) ++i;
  return i;
}

double Vehicle::Offset() const {
  const double u = std::clamp(change_progress, 0.0, 1.0);
  const double moved = u * u * u * (10 - 15 * u + 6 * u * u);  // Least jerk.
  return bias + change_offset * (1 - moved);
}

void Place(Vehicle& vehicle, const Roads& roads) {
  const auto at = [&](double coordinate) {
    size_t i = 0;
    while (i + 1 < vehicle.legs.size() && vehicle.legs[i + 1].start <= coordinate) ++i;
    return roads.Point(vehicle.legs[i].lane, coordinate - vehicle.legs[i].start, vehicle.Offset());
  };
  const double axle = vehicle.front - vehicle.front_overhang();
  vehicle.front_axle_G = at(axle);
  const double needed = vehicle.whole_length() + 2;
  if (vehicle.trail.empty()) {
    for (double back = Vehicle::kTrailStep; back < needed; back += Vehicle::kTrailStep)
      vehicle.trail.push_back(at(axle - back));
    return;
  }
  if ((vehicle.trail.front() - vehicle.front_axle_G).norm() >= Vehicle::kTrailStep)
    vehicle.trail.push_front(vehicle.front_axle_G);
  while (static_cast<double>(vehicle.trail.size()) * Vehicle::kTrailStep > needed)
    vehicle.trail.pop_back();
}

BodyPose BodyOf(const Vehicle& vehicle) {
  return Between(vehicle.front_axle_G, Back(vehicle, vehicle.wheelbase()),
                 vehicle.front_overhang() - 0.5 * vehicle.size.x());
}

BodyPose TrailerOf(const Vehicle& vehicle) {
  const double front = vehicle.size.x() - vehicle.front_overhang() + Vehicle::kHitch;
  const double king = front + 0.1 * vehicle.trailer.x();
  return Between(Back(vehicle, king), Back(vehicle, front + 0.8 * vehicle.trailer.x()),
                 -0.4 * vehicle.trailer.x());
}

}  // namespace occvla::world::traffic
