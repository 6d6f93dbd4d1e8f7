#include "occvla/view/map_colours.h"

namespace occvla::view {

using data::nuscenes::Layer;

Colour LayerColour(Layer layer) {
  switch (layer) {
    case Layer::kDrivableArea:
      return Rgb(0x4a5563);
    case Layer::kCarparkArea:
      return Rgb(0x3f6470);
    case Layer::kWalkway:
      return Rgb(0x5d5348);
    case Layer::kPedCrossing:
      return Rgb(0xa9b4c0);
    case Layer::kStopLine:
      return Rgb(0xd0574f);
    default:
      return Rgb(0x7c8794);
  }
}

Colour LineColour(LocalMap::LineKind kind) {
  switch (kind) {
    case LocalMap::LineKind::kLaneDivider:
      return Rgb(0xf2f4f6);
    case LocalMap::LineKind::kRoadDivider:
      return Rgb(0xffc63d);
    case LocalMap::LineKind::kCentreline:
      break;
  }
  return Rgb(0x5fb4e8);
}

}  // namespace occvla::view
