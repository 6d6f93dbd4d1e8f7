#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "occvla/train/feed/example.h"

/// The world mirrored at the car's x-z plane: y -> -y in E. Everything here is its own inverse.
namespace occvla::train {

/// Which camera sees, mirrored, what camera i saw: by kCameraNames.
inline constexpr std::array<size_t, 6> kMirroredCamera = {0, 2, 1, 3, 5, 4};

data::MetaAction Mirrored(data::MetaAction action);
data::EgoState Mirrored(data::EgoState ego);
/// The camera that sees the mirrored world in the mirrored image: u becomes width - u, for u counts
/// from the image's left edge (the centre of pixel i is at i + 0.5).
geom::PinholeCamera Mirrored(const geom::PinholeCamera& camera);
/// [200][200][16]: cell j of the second axis becomes 199 - j.
void MirrorGrid(std::vector<uint8_t>& grid_E);
/// [6][size][size][3]: rows turned round, cameras at the sides swapped.
void MirrorImages(std::vector<uint8_t>& rgb, int size_px);

/// All of an example but its dialogues, whose texts are gone (MirrorText); turns `flipped`.
void MirrorAllButTexts(Example& example);

}  // namespace occvla::train
