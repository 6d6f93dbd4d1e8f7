#include "occvla/label/scene_graph.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "occvla/base/error.h"
#include "occvla/base/text.h"

namespace occvla::label {
namespace {

using Eigen::Vector2d;

constexpr double kSureDistance = 50, kLargestDistance = 55;

struct Naming {
  std::string_view category;
  ThingClass thing_class;
  bool plain;  // False: a person may or may not call it that.
};
constexpr std::array<Naming, 19> kNamings = {
    {{"movable_object.barrier", ThingClass::kBarrier, true},
     {"vehicle.bicycle", ThingClass::kBicycle, true},
     {"vehicle.bus.bendy", ThingClass::kBus, true},
     {"vehicle.bus.rigid", ThingClass::kBus, true},
     {"vehicle.car", ThingClass::kCar, true},
     {"vehicle.emergency.police", ThingClass::kCar, false},
     {"vehicle.construction", ThingClass::kConstructionVehicle, true},
     {"vehicle.motorcycle", ThingClass::kMotorcycle, true},
     {"human.pedestrian.adult", ThingClass::kPedestrian, true},
     {"human.pedestrian.child", ThingClass::kPedestrian, true},
     {"human.pedestrian.construction_worker", ThingClass::kPedestrian, true},
     {"human.pedestrian.police_officer", ThingClass::kPedestrian, true},
     {"human.pedestrian.personal_mobility", ThingClass::kPedestrian, false},
     {"human.pedestrian.stroller", ThingClass::kPedestrian, false},
     {"human.pedestrian.wheelchair", ThingClass::kPedestrian, false},
     {"movable_object.trafficcone", ThingClass::kTrafficCone, true},
     {"vehicle.trailer", ThingClass::kTrailer, true},
     {"vehicle.truck", ThingClass::kTruck, true},
     {"vehicle.emergency.ambulance", ThingClass::kTruck, false}}};

constexpr std::array<std::pair<std::string_view, Status>, 8> kAttributeStatus = {
    {{"vehicle.moving", Status::kMoving},
     {"vehicle.stopped", Status::kStopped},
     {"vehicle.parked", Status::kParked},
     {"pedestrian.moving", Status::kMoving},
     {"pedestrian.standing", Status::kStanding},
     {"pedestrian.sitting_lying_down", Status::kNotStanding},
     {"cycle.with_rider", Status::kWithRider},
     {"cycle.without_rider", Status::kWithoutRider}}};

std::optional<Status> StatusOf(const data::Annotation& annotation) {
  for (const auto& [name, status] : kAttributeStatus) {
    const auto& found = annotation.attributes;
    if (std::find(found.begin(), found.end(), name) != found.end()) return status;
  }
  return std::nullopt;
}

// From -180 to 180.
double Degrees(const Vector2d& direction_E) {
  return std::atan2(direction_E.y(), direction_E.x()) * 180 / std::numbers::pi;
}

std::optional<Thing> ThingOf(const data::Annotation& annotation, const geom::Pose& X_EG) {
  const auto naming = std::find_if(kNamings.begin(), kNamings.end(), [&](const Naming& one) {
    return one.category == annotation.category;
  });
  if (naming == kNamings.end()) return std::nullopt;
  const geom::Pose X_EB = X_EG * annotation.box_G.X_AB;
  Thing thing;
  thing.p_E = X_EB.translation().head<2>();
  thing.distance = thing.p_E.norm();
  if (thing.distance > kLargestDistance) return std::nullopt;
  thing.token = annotation.token;
  thing.instance_token = annotation.instance_token;
  thing.thing_class = naming->thing_class;
  thing.status = StatusOf(annotation);
  thing.sure = naming->plain && thing.distance <= kSureDistance && annotation.visibility != 1 &&
               annotation.lidar_points > 0;
  thing.yaw_E = std::atan2(X_EB.linear()(1, 0), X_EB.linear()(0, 0));
  thing.length = annotation.box_G.size.x();
  thing.width = annotation.box_G.size.y();
  if (annotation.velocity_G) thing.velocity_E = (X_EG.linear() * *annotation.velocity_G).head<2>();
  return thing;
}

std::optional<double> SpeedOf(const data::Frame& frame) {
  if (frame.ego.velocity_E)
    return std::hypot((*frame.ego.velocity_E)[0], (*frame.ego.velocity_E)[1]);
  if (!frame.future[0]) return std::nullopt;
  const double seconds =
      1e-6 * static_cast<double>(frame.future[0]->timestamp_us - frame.now->timestamp_us);
  if (!(seconds > 0)) return std::nullopt;
  return (frame.future[0]->X_GE.translation() - frame.now->X_GE.translation()).norm() / seconds;
}

bool IsInTraffic(const Thing& thing) {
  return thing.thing_class != ThingClass::kBarrier &&
         thing.thing_class != ThingClass::kTrafficCone &&
         thing.thing_class != ThingClass::kPedestrian;
}

void FindLead(SceneGraph& graph) {
  for (size_t i = 0; i < graph.things.size(); ++i) {
    const Thing& thing = graph.things[i];
    const double gap = thing.place.along - thing.length / 2 - kFrontReach;
    if (!IsInTraffic(thing) || gap < -1 || std::abs(thing.place.across) > 1.6) continue;
    if (graph.lead && gap >= graph.lead_gap) continue;
    graph.lead = i;
    graph.lead_gap = std::max(gap, 0.0);
  }
}

void FindWalkers(SceneGraph& graph) {
  for (size_t i = 0; i < graph.things.size(); ++i) {
    const Thing& thing = graph.things[i];
    if (thing.thing_class != ThingClass::kPedestrian || !thing.sure) continue;
    if (thing.place.along < kFrontReach || thing.place.along > 40) continue;
    const double across = std::abs(thing.place.across);
    bool walks_in = false;
    if (thing.status == Status::kMoving && thing.velocity_E && across < 6) {
      const Place next = PlaceOn(graph.road.route_E, thing.p_E + *thing.velocity_E);
      walks_in = across - std::abs(next.across) > 0.5 || next.across * thing.place.across < 0;
    }
    if (across < 1.8 || walks_in) graph.walkers.push_back(i);
  }
}

}  // namespace

Sector SectorOf(const Vector2d& direction_E) {
  const double angle = Degrees(direction_E);
  if (std::abs(angle) <= 30) return Sector::kFront;
  if (std::abs(angle) <= 90) return angle > 0 ? Sector::kFrontLeft : Sector::kFrontRight;
  if (std::abs(angle) <= 150) return angle > 0 ? Sector::kBackLeft : Sector::kBackRight;
  return Sector::kBack;
}

double DegreesFromBorder(const Vector2d& direction_E) {
  return std::abs(std::remainder(Degrees(direction_E) - 30, 60));
}

SceneNotes SceneNotes::From(std::string_view description) {
  std::string lower(description);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  const auto has = [&](std::string_view word) { return lower.find(word) != std::string::npos; };
  return {.night = has("night"), .dusk = has("dusk") || has("dawn"), .rain = has("rain")};
}

SceneGraph GraphOf(const data::Frame& frame, const SceneNotes& notes) {
  if (!frame.now) {
    throw DataError("keyframe " + Quoted(frame.token, 60) +
                    " has no ego pose, so nothing can be said of what is where. Use a keyframe of "
                    "a data set.");
  }
  SceneGraph graph;
  graph.token = frame.token;
  graph.notes = notes;
  graph.road = RoadOf(frame);
  graph.speed = SpeedOf(frame);
  const geom::Pose X_EG = frame.now->X_GE.inverse();
  for (const data::Annotation& annotation : frame.annotations) {
    if (auto thing = ThingOf(annotation, X_EG)) graph.things.push_back(std::move(*thing));
  }
  std::sort(graph.things.begin(), graph.things.end(), [](const Thing& a, const Thing& b) {
    return std::pair(a.distance, a.token) < std::pair(b.distance, b.token);
  });
  for (Thing& thing : graph.things) thing.place = PlaceOn(graph.road.route_E, thing.p_E);
  FindLead(graph);
  FindWalkers(graph);
  return graph;
}

}  // namespace occvla::label
