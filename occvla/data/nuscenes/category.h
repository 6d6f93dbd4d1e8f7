#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace occvla::data::nuscenes {

/// One of the 32 lidarseg categories; 1 to 23 are the annotated box categories
/// (facts/data-and-metrics.md A.9).
struct Category {
  std::string_view name;
  uint8_t occupancy;  ///< Occ3D class 0..16 (B.2); 0 = others.
};

/// Index = lidarseg index.
inline constexpr std::array<Category, 32> kCategories = {
    {{"noise", 0},
     {"animal", 0},
     {"human.pedestrian.adult", 7},
     {"human.pedestrian.child", 7},
     {"human.pedestrian.construction_worker", 7},
     {"human.pedestrian.personal_mobility", 0},
     {"human.pedestrian.police_officer", 7},
     {"human.pedestrian.stroller", 0},
     {"human.pedestrian.wheelchair", 0},
     {"movable_object.barrier", 1},
     {"movable_object.debris", 0},
     {"movable_object.pushable_pullable", 0},
     {"movable_object.trafficcone", 8},
     {"static_object.bicycle_rack", 0},
     {"vehicle.bicycle", 2},
     {"vehicle.bus.bendy", 3},
     {"vehicle.bus.rigid", 3},
     {"vehicle.car", 4},
     {"vehicle.construction", 5},
     {"vehicle.emergency.ambulance", 0},
     {"vehicle.emergency.police", 0},
     {"vehicle.motorcycle", 6},
     {"vehicle.trailer", 9},
     {"vehicle.truck", 10},
     {"flat.driveable_surface", 11},
     {"flat.other", 12},
     {"flat.sidewalk", 13},
     {"flat.terrain", 14},
     {"static.manmade", 15},
     {"static.other", 0},
     {"static.vegetation", 16},
     {"vehicle.ego", 0}}};

inline constexpr uint8_t kFirstBoxCategory = 1, kLastBoxCategory = 23;

/// The lidarseg index of a category name, if it is one of nuScenes's.
inline std::optional<uint8_t> CategoryIndex(std::string_view name) {
  for (uint8_t i = 0; i < kCategories.size(); ++i)
    if (kCategories[i].name == name) return i;
  return std::nullopt;
}

/// The eight attributes of boxes, in alphabetical order.
inline constexpr std::array<std::string_view, 8> kAttributes = {
    "cycle.with_rider",    "cycle.without_rider",
    "pedestrian.moving",   "pedestrian.sitting_lying_down",
    "pedestrian.standing", "vehicle.moving",
    "vehicle.parked",      "vehicle.stopped"};

}  // namespace occvla::data::nuscenes
