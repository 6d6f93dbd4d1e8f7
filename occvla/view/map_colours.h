#pragma once
#include "occvla/view/canvas.h"
#include "occvla/view/local_map.h"

namespace occvla::view {

Colour LayerColour(data::nuscenes::Layer layer);
Colour LineColour(LocalMap::LineKind kind);

}  // namespace occvla::view
