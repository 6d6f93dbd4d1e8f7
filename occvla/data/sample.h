#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "occvla/data/frame.h"
#include "occvla/data/occ3d/labels.h"

namespace occvla::data {

/// What training reads of one keyframe, decoded.
struct Sample {
  std::string token;
  int size_px = 0;
  std::vector<uint8_t> rgb;  ///< [6][size][size][3] by kCameraNames; NormalisePixels makes input.
  std::optional<occ3d::Labels> labels;
};

/// Decodes a frame's images (bicubic to size x size, on the calling thread) and, where the frame
/// names them, its labels. Throws DataError.
Sample MakeSample(const Frame& frame, int size_px);

}  // namespace occvla::data
