#pragma once
#include <optional>

#include "occvla/world/traffic/recording.h"
#include "occvla/world/traffic/roads.h"
#include "occvla/world/traffic/simulate.h"

/// One draw of a scene: where the ego starts, who is there, and what becomes of it.
namespace occvla::world::traffic {

/// Simulates the draw number `draw` of the options' seed. Nothing if the town has no place for
/// the ego's start.
std::optional<Recording> Record(const Roads& roads, const DriveOptions& options, uint64_t draw);

}  // namespace occvla::world::traffic
