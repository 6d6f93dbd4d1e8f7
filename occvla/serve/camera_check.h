#pragma once
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "occvla/data/image/image.h"
#include "occvla/geom/camera.h"

/// What is wrong with six cameras as far as they themselves tell. Flags for
/// data::Prediction::flags: they warn, they refuse nothing.
namespace occvla::serve {

/// "calibration_missing" (of all) or "calibration_missing:CAM_X";
/// "calibration_of:CAM_X=CAM_Y" where X's calibration looks where Y does on the car of nuScenes and
/// not where X does; "camera_upside_down:CAM_X".
std::vector<std::string> CheckCalibration(
    const std::array<std::optional<geom::PinholeCamera>, 6>& cameras);

/// Of images of one size, in the order of data::kCameraNames; absent ones are not looked at.
/// "images_equal:CAM_X=CAM_Y"; "images_mirrored:CAM_X=CAM_Y" where one is the other's mirror
/// image; "image_blank:CAM_X" where all pixels are nearly the same.
std::vector<std::string> CheckImages(const std::array<std::optional<data::Image>, 6>& images);

}  // namespace occvla::serve
