#pragma once
#include "occvla/world/drive.h"
#include "occvla/world/render/mesh.h"

/// Shapes of vehicles, people, animals and objects.
namespace occvla::world {

/// What of an actor's state changes its shape.
struct Figure {
  bool rider = false;    ///< Somebody sits on the cycle, in the wheelchair.
  bool sitting = false;  ///< Of people.
  uint8_t pose = 0;      ///< Of those who walk: 0 to kWalkPoses - 1.
  bool operator==(const Figure&) const = default;
};
inline constexpr int kWalkPoses = 8;
Figure FigureOf(const Actor& actor, const ActorState& state);

/// An actor in its own frame A: x forward, z up, origin on the ground below its box's centre. Lies
/// within its box; fills it from face to face, walkers over all their poses together.
Mesh ActorMesh(const Actor& actor, const Figure& figure = {});

}  // namespace occvla::world
