#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "occvla/world/town.h"

/// What stands still in a town and has no box: buildings, walls, poles, trees, bushes.
namespace occvla::world {

enum class PropKind : uint8_t {
  kHouse,  ///< Gabled roof, windows, door.
  kBlock,  ///< Flat-roofed building of several storeys.
  kWall,   ///< Garden wall or fence along x.
  kStreetLamp,
  kTrafficLight,  ///< Post with lamps; `link` = index into Town::lights.
  kStopSign,      ///< `link` = index into Town::signs.
  kPole,
  kBin,  ///< Litter bin, hydrant, box: "manmade".
  kTree,
  kConifer,
  kBush,
  kHedge  ///< Along x.
};

struct Prop {
  PropKind kind = PropKind::kHouse;
  Eigen::Vector3d p_G = Eigen::Vector3d::Zero();  ///< On the ground.
  double yaw = 0;
  Eigen::Vector3d size = Eigen::Vector3d::Ones();  ///< Along x, y, z; metres.
  uint64_t look = 0;                               ///< Key of colour and shape variation.
  int link = kNoIndex;
};

/// Fills a town's lots and roadsides. Nothing stands on a road, a crossing, a walk or a parking
/// slot.
std::vector<Prop> MakeScenery(const Town& town);

}  // namespace occvla::world
