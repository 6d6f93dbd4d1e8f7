#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "occvla/world/town.h"

/// What stands still in a town and has no box: buildings, walls, poles, trees, bushes.
namespace occvla::world {

enum class PropKind : uint8_t {
  kHouse,         ///< Gabled roof, windows, door; its front towards +x, as of all buildings.
  kBlock,         ///< Flat-roofed building of several storeys.
  kWall,          ///< Garden wall or fence along x.
  kStreetLamp,    ///< Post at the origin, arm of size.x towards +x, which is the road.
  kTrafficLight,  ///< Post with lamps facing +x; `link` = index into Town::lights.
  kStopSign,      ///< Facing +x; `link` = index into Town::signs.
  kPole,
  kBin,  ///< Litter bin, hydrant, box: "manmade".
  kTree,
  kConifer,
  kBush,
  kHedge  ///< Along x.
};

struct Prop {
  PropKind kind = PropKind::kHouse;
  /// On the ground; of buildings as low as the ground below any of their corners.
  Eigen::Vector3d p_G = Eigen::Vector3d::Zero();
  double yaw = 0;
  /// Along x, y, z; metres. Of trees: the widths of the crown and the whole height.
  Eigen::Vector3d size = Eigen::Vector3d::Ones();
  uint64_t look = 0;  ///< Key of colour and shape variation.
  int link = kNoIndex;
};

/// The part of a prop that stands on the ground: a building's, wall's or hedge's whole rectangle, a
/// lamp's or light's post, a tree's trunk.
Polygon2 FootprintOf(const Prop& prop);

/// Fills a town's lots and roadsides. Nothing stands on a road, a crossing, a walk or a parking
/// slot.
std::vector<Prop> MakeScenery(const Town& town);

}  // namespace occvla::world
