#pragma once
#include <Eigen/Core>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "occvla/data/occ3d/labels.h"
#include "occvla/geom/camera.h"

/// Occ3D labels and masks of a keyframe whose surfaces are known exactly
/// (facts/data-and-metrics.md H.2, H.3, H.5).
namespace occvla::world {

/// Triangles in a frame A of their own, each with its lidarseg category, and where A stands.
/// Not owned; the meshes outlive the call.
struct PlacedMesh {
  std::span<const Eigen::Vector3f> vertices_A;  ///< Metres.
  std::span<const std::array<uint32_t, 3>> triangles;
  std::span<const uint8_t> categories;  ///< Index into data::nuscenes::kCategories.
  geom::Pose X_GA = geom::Pose::Identity();
};

/// One lidar point: in L where it lies on what stands still, in the actor's frame A where on an
/// actor.
struct LidarReturn {
  Eigen::Vector3f p = Eigen::Vector3f::Zero();
  int32_t actor = -1;
};

/// A keyframe's sweep.
struct LidarFrame {
  geom::Pose X_GL = geom::Pose::Identity();
  std::vector<LidarReturn> returns;
};

/// Which voxels count as seen. The defaults are the Occ3D paper's; with 1 m `ignore_near`, 2
/// `least_hits` the author's code (H.2).
struct VisibilityRules {
  int least_hits = 1;    ///< Points that make a voxel occupied.
  int least_passes = 1;  ///< Walked rays that make a voxel free.
  /// Whether only every second ray is walked; all points are hits. For large `least_passes`.
  bool half_the_rays = false;
  double ignore_near =
      0;  ///< Metres (L1, between voxels): a ray frees nothing this near its point or origin.
};

/// Everything about one keyframe that its labels depend on. E is the ego frame at its lidar's time.
struct OccupancyInput {
  geom::Pose X_GE = geom::Pose::Identity();
  std::span<const PlacedMesh> meshes;  ///< As they stand at that time, actors included.
  /// Sweeps whose rays say what was seen: those of the keyframes around, the own one among them.
  std::span<const LidarFrame* const> sweeps;
  Eigen::Vector3d p_GL = Eigen::Vector3d::Zero();  ///< The lidar's own position at that time.
  /// X_GA of every actor at that time; absent for those that are not there.
  std::span<const std::optional<geom::Pose>> actors;
  /// The six cameras with X_EC through the world, at full resolution.
  std::span<const geom::PinholeCamera> cameras;
  VisibilityRules rules;
};

/// Semantics: a voxel holds the class of most surface samples in it (at most 0.1 m apart; ties to
/// the lower class). mask_lidar: a sweep's point lies in it or a ray from a point to its sensor
/// crosses it; points of actors stand where the actor is now and count as seen from here.
/// mask_camera: a camera's ray crosses it before it has met an occupied voxel, and mask_lidar. What
/// no lidar saw is free with mask 0.
data::occ3d::Labels MakeLabels(const OccupancyInput& input);

/// The semantics alone, before any mask: [200][200][16] of 0..17.
std::vector<uint8_t> Voxelise(const geom::Pose& X_GE, std::span<const PlacedMesh> meshes);

}  // namespace occvla::world
