#pragma once
#include <Eigen/Core>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "occvla/world/drive.h"
#include "occvla/world/render/actor_mesh.h"
#include "occvla/world/render/ground_mesh.h"
#include "occvla/world/render/mesh.h"
#include "occvla/world/render/paint.h"
#include "occvla/world/render/ray_scene.h"
#include "occvla/world/scenery.h"

/// The solid world around one drive: what stands still, and everybody at any moment.
namespace occvla::world {

struct Ray {
  Eigen::Vector3d origin_G = Eigen::Vector3d::Zero();
  Eigen::Vector3d direction_G = Eigen::Vector3d::UnitX();  ///< Of unit length.
  double reach = 1000;                                     ///< Metres.
};

struct Hit {
  double distance = -1;   ///< Metres; negative = nothing was hit, the rest is unset.
  uint8_t category = 0;   ///< lidarseg index; 0 = nothing.
  int32_t actor = -1;     ///< Index into Drive::actors; -1 = what stands still.
  int32_t prop = -1;      ///< Index into the scene's props; -1 = ground or actor.
  uint16_t material = 0;  ///< Index into Scene::materials().
  uint32_t triangle = 0;  ///< Of the static mesh or of the actor's.
  Eigen::Vector3f normal_G = Eigen::Vector3f::Zero();  ///< Unit length, towards the ray's origin.
};

/// The rectangle around a drive's ego positions that a scene covers in full detail.
Region RegionAround(const Drive& drive, double margin = 170);

class Scene {
 public:
  /// Keeps references: `town` and `drive` must outlive the scene. Props farther from the region
  /// than 100 m are left out.
  Scene(const Town& town, std::span<const Prop> props, const Drive& drive, const Region& region);
  Scene(const Town& town, std::span<const Prop> props, const Drive& drive)
      : Scene(town, props, drive, RegionAround(drive)) {}
  ~Scene();
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;

  class Moment;
  /// Everything as it stands `time_s` after the drive's start. Thread-safe. The scene must outlive
  /// the moment.
  Moment At(double time_s) const;

  const Town& town() const { return town_; }
  const Drive& drive() const { return drive_; }
  /// The frame in which the static mesh lies: G's axes, shifted to this point. Keeps 32-bit
  /// coordinates exact: p_G = origin_G() + vertex.
  const Eigen::Vector3d& origin_G() const { return origin_G_; }
  const Mesh& static_mesh() const { return static_mesh_; }
  /// An actor's mesh in its own frame A (see ActorState::X_GA), as it looks at a moment.
  const Mesh& actor_mesh(size_t actor, const ActorState& state) const;
  /// All materials that a Hit may name: the static mesh's, then the actors'.
  std::span<const Material> materials() const { return materials_; }
  /// What lies on top of the ground at a point of G.
  SurfacePoint SurfaceAt(double x_G, double y_G) const { return ground_.At(x_G, y_G); }
  /// Those near enough to be in the scene, in the order of Hit::prop.
  std::span<const Prop> props() const { return props_; }
  /// Paint on the roads, in the static mesh's frame.
  const Paint& paint() const { return paint_; }

 private:
  struct Shape;
  const Shape& ShapeOf(size_t actor, const ActorState& state) const;

  const Town& town_;
  const Drive& drive_;
  std::vector<Prop> props_;
  Eigen::Vector3d origin_G_;
  GroundMap ground_;
  Mesh static_mesh_;
  Paint paint_;
  std::vector<Material> materials_;
  struct Facet {
    int32_t prop;
    uint16_t material;
    uint8_t category;
  };
  std::vector<Facet> facets_;  // Of the static mesh's triangles: one look-up a hit.
  RayDevice device_;
  std::unique_ptr<RayMesh> static_rays_;
  std::vector<std::vector<Shape>> shapes_;  // Per actor, its figures.
};

class Scene::Moment {
 public:
  struct Present {
    int32_t actor = -1;  ///< Index into Drive::actors.
    ActorState state;
    geom::Pose X_RA;  ///< In the scene's shifted frame R (see origin_G()).
    const Mesh* mesh = nullptr;
    uint16_t first_material = 0;  ///< Of the mesh's palette in Scene::materials().
  };

  double time_s() const { return time_s_; }
  const Scene& scene() const { return *scene_; }
  /// Everybody in the scene, in the order of instances.
  std::span<const Present> present() const { return present_; }
  const RayInstances& rays() const { return rays_; }

  /// Nearest hits, in the order of the rays. Thread-safe.
  std::vector<Hit> Cast(std::span<const Ray> rays) const;
  /// The hit of one ray of a packet that was intersected in frame R.
  Hit HitOf(const RayPacket& packet, size_t ray) const;

 private:
  friend class Scene;
  Moment(const Scene& scene, double time_s, std::vector<Present> present, RayInstances rays);

  const Scene* scene_;
  double time_s_;
  std::vector<Present> present_;
  RayInstances rays_;
};

/// The mesh of all that stands still: ground and props. Vertices relative to `origin_G`.
Mesh StaticMesh(const GroundMap& ground, std::span<const Prop> props,
                const Eigen::Vector3d& origin_G);

}  // namespace occvla::world
