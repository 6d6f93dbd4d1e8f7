#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "occvla/data/frame.h"
#include "occvla/data/nuscenes/map.h"

namespace occvla::view {

/// What a map shows of the ground around the car, in E.
struct LocalMap {
  /// Exterior ring first, then holes; not closed.
  struct Area {
    data::nuscenes::Layer layer = data::nuscenes::Layer::kDrivableArea;
    std::vector<std::vector<Eigen::Vector3d>> rings_E;
  };
  enum class LineKind : uint8_t { kLaneDivider, kRoadDivider, kCentreline };
  struct Line {
    LineKind kind = LineKind::kLaneDivider;
    std::vector<Eigen::Vector3d> points_E;
  };
  /// In the order in which they are painted: drivable areas first, stop lines last.
  std::vector<Area> areas;
  std::vector<Line> lines;
};

/// The frame's map within a square of +-radius metres around the car; lines are cut to it, areas
/// that reach into it are whole. The map is flat, the road need not be: the ground has the height
/// of the nearest point of the way that the car came and went. Empty without a map or an ego pose.
LocalMap MapAround(const data::Frame& frame, double radius);

}  // namespace occvla::view
