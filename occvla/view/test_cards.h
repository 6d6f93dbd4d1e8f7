#pragma once
#include <array>

#include "occvla/data/frame.h"
#include "occvla/data/image/image.h"
#include "occvla/geom/camera.h"

namespace occvla::view {

/// One of the six pictures that the demo drives on: a plain road seen by one camera.
struct TestCard {
  data::Image image;           ///< 800 x 450.
  geom::PinholeCamera camera;  ///< With which the card was drawn, close to nuScenes' own.
};

/// The cards in the order of data::kCameraNames. All six show one scene, so lines continue from
/// card to card; each carries its camera's name and colour bars. Drawn without a font: the same
/// program gives the same pixels.
std::array<TestCard, 6> DrawTestCards();

/// The cards as a key frame (token "test-cards"): PNGs in memory, calibration, and a car that came
/// straight on at 5 m/s.
data::Frame TestCardFrame();

}  // namespace occvla::view
