#pragma once
#include <filesystem>

#include "occvla/data/frame.h"
#include "occvla/data/image/image.h"
#include "occvla/data/prediction.h"

namespace occvla::view {

/// One page, 1600 pixels wide, that shows what a model saw and said: the six cameras as a driver
/// would look round (ahead above, behind below, left to the left), the planned path on the ground
/// where calibration is known, the scene from above with occupancy where there is some, and the
/// prediction in words. What is missing is left out or named. Draws without a display.
data::Image DrawPicture(const data::Frame& frame, const data::Prediction& prediction);

/// The same as a PNG, written atomically. Throws DataError for an image that cannot be read.
void WritePicture(const std::filesystem::path& path, const data::Frame& frame,
                  const data::Prediction& prediction);

}  // namespace occvla::view
