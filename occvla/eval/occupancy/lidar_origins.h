#pragma once
#include <Eigen/Core>
#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "occvla/geom/camera.h"

namespace occvla::eval {

/// Where LIDAR_TOP was at a keyframe.
struct LidarPlace {
  geom::Pose X_GE, X_EL;
};

/// The origins that RayIoU casts from at `keyframes[frame]`: LIDAR_TOP's place at every keyframe of
/// the scene, in that frame's E, within 39 m ahead, behind and to the sides; of more than eight,
/// eight evenly spread (facts/data-and-metrics.md B.5).
std::vector<Eigen::Vector3d> RayOrigins(std::span<const LidarPlace> keyframes, size_t frame);

/// `lidar_origins.json`: {name: [[x, y, z], ...]} in E. Throws DataError.
std::map<std::string, std::vector<Eigen::Vector3d>> ReadRayOrigins(
    const std::filesystem::path& path);

}  // namespace occvla::eval
