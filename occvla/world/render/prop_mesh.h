#pragma once
#include "occvla/world/render/mesh.h"
#include "occvla/world/scenery.h"

/// Shapes of what stands still.
namespace occvla::world {

/// A prop in a frame whose origin is `origin_G` and whose axes are G's. The palette's texture
/// origins are in that frame too.
Mesh PropMesh(const Prop& prop, const Eigen::Vector3d& origin_G);

}  // namespace occvla::world
