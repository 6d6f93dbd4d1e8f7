#pragma once
#include <Eigen/Core>
#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "occvla/geom/camera.h"
#include "occvla/world/render/mesh.h"

/// Rays against triangles; the only file that knows Embree.
namespace occvla::world {

inline constexpr int kPacket = 16;
inline constexpr int32_t kNoHit = -2, kStaticHit = -1;

/// Sixteen rays that run alike, and what they hit. Directions need not be of unit length;
/// `distance` counts in their lengths.
struct alignas(64) RayPacket {
  using Floats = std::array<float, kPacket>;
  Floats origin_x, origin_y, origin_z;
  Floats direction_x, direction_y, direction_z;
  alignas(64) std::array<int32_t, kPacket> active;  ///< -1 = cast this ray, 0 = leave it out.
  // Filled by Intersect:
  Floats distance;                         ///< In: the farthest; out: the nearest hit's.
  Floats normal_x, normal_y, normal_z;     ///< Not of unit length; in the hit mesh's axes.
  std::array<uint32_t, kPacket> triangle;  //
  std::array<int32_t, kPacket> instance;   ///< kNoHit, kStaticHit or an instance's number.
};

/// A place where triangles can be shot at; made once, then shared by threads.
class RayDevice {
 public:
  RayDevice();
  ~RayDevice();
  RayDevice(const RayDevice&) = delete;
  RayDevice& operator=(const RayDevice&) = delete;

 private:
  friend class RayMesh;
  friend class RayInstances;
  void* device_;
};

/// The triangles of one mesh. The device must outlive it, the mesh need not.
class RayMesh {
 public:
  RayMesh(const RayDevice& device, const Mesh& mesh);
  ~RayMesh();
  RayMesh(RayMesh&& other) noexcept;
  RayMesh& operator=(RayMesh&& other) = delete;

 private:
  friend class RayInstances;
  void* scene_;
};

/// One large mesh and many small ones that stand about it.
class RayInstances {
 public:
  struct Placed {
    const RayMesh* mesh;  ///< Must outlive the instances.
    geom::Pose pose;      ///< In the large mesh's frame.
  };
  RayInstances(const RayDevice& device, const RayMesh& large, std::span<const Placed> placed);
  ~RayInstances();
  RayInstances(RayInstances&& other) noexcept;
  RayInstances& operator=(RayInstances&& other) = delete;

  /// Nearest hits of the active rays.
  void Intersect(RayPacket& rays) const;
  /// Sets `active` to 0 for those active rays that hit something before `distance`.
  void Occlude(RayPacket& rays) const;

 private:
  void* large_;
  void* small_ = nullptr;  ///< Absent without instances.
};

}  // namespace occvla::world
