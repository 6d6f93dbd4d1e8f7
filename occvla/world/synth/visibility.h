#pragma once
#include <cstdint>
#include <vector>

#include "occvla/geom/camera.h"
#include "occvla/world/render/scene.h"

namespace occvla::world::synth {

/// How much of each actor cameras see, from rays to points spread over its surface.
struct Visibility {
  struct Count {
    int seen = 0;     ///< Of `in_view`: nothing else stands before the point.
    int in_view = 0;  ///< Points of faces turned to a camera that lie in its image.
    double share() const { return in_view == 0 ? 0 : static_cast<double>(seen) / in_view; }
  };
  std::vector<Count> actors;  ///< By index into Drive::actors.
};

/// Adds what one camera sees at a moment; `camera.X_EC` is relative to the ego's pose then. Points
/// are spread by the area that they take in the picture, which does not depend on its resolution.
/// Actors beyond `range` metres are left alone.
void AddVisibility(const Scene::Moment& moment, const geom::PinholeCamera& camera, double range,
                   Visibility* visibility);

}  // namespace occvla::world::synth
