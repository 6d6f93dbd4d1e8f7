#include "occvla/world/render/actor_mesh.h"

#include <cmath>
#include <numbers>

#include "occvla/world/render/mesh_builder.h"

namespace occvla::world {

Figure FigureOf(const Actor& actor, const ActorState& state) {
  Figure figure;
  const bool cycle = actor.category == 14 || actor.category == 21;
  figure.rider = cycle && state.activity == Activity::kWithRider;
  const bool person = actor.category >= 2 && actor.category <= 8;
  figure.sitting = person && state.activity == Activity::kSitting;
  const bool walks = (person && !figure.sitting) || actor.category == 1;
  if (walks && state.activity != Activity::kStanding) {
    const double turns = state.stride / (2 * std::numbers::pi);
    figure.pose = static_cast<uint8_t>(static_cast<int>((turns - std::floor(turns)) * kWalkPoses) %
                                       kWalkPoses);
  }
  return figure;
}

Mesh ActorMesh(const Actor& actor, const Figure&) {
  MeshBuilder builder(actor.category);
  Material paint;
  paint.colour = {0.3f, 0.05f, 0.05f};
  const Eigen::Vector3f size = actor.size.cast<float>();
  builder.Box({-size.x() / 2, -size.y() / 2, 0}, {size.x() / 2, size.y() / 2, size.z()},
              builder.Add(paint));
  return builder.Take();
}

}  // namespace occvla::world
