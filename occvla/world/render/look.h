#pragma once
#include <Eigen/Core>

#include "occvla/world/render/mesh.h"
#include "occvla/world/render/paint.h"

/// The colour of a surface at one point: procedural textures.
namespace occvla::world {

/// Where a ray met a surface. Lengths in metres.
struct SurfaceHit {
  const Material* material = nullptr;
  Eigen::Vector3f p_R = Eigen::Vector3f::Zero();         ///< In the scene's shifted frame R.
  Eigen::Vector3f p_T = Eigen::Vector3f::Zero();         ///< In the texture's frame.
  Eigen::Vector3f normal_T = Eigen::Vector3f::UnitZ();   ///< Unit length, in the texture's frame.
  Eigen::Vector3f direction = Eigen::Vector3f::UnitX();  ///< Of the ray, in R.
  Eigen::Vector3f normal = Eigen::Vector3f::UnitZ();     ///< In R, towards the viewer.
  float distance = 1;
  float pixel = 0.01f;  ///< How wide a pixel is at this distance.
};

struct SurfaceLook {
  Eigen::Vector3f albedo = Eigen::Vector3f::Zero();
  Eigen::Vector3f normal = Eigen::Vector3f::UnitZ();  ///< For shading; roughened.
  float mirror = 0;
  float glow = 0;  ///< Lit from inside, as windows are at night: 0 to 1.
};

SurfaceLook LookOf(const SurfaceHit& hit, const Paint& paint);

}  // namespace occvla::world
