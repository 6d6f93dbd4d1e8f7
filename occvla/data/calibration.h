#pragma once
#include <array>
#include <filesystem>
#include <optional>
#include <string>

#include "occvla/geom/camera.h"

namespace occvla::data {

/// What a calibration file knows of one camera.
struct CameraRecord {
  std::optional<geom::PinholeCamera> camera;
  std::string image_name;  ///< The file it was made for; empty when the calibration names none.
};

/// Cameras in the order of kCameraNames.
struct Calibration {
  std::string token;  ///< Empty when the file has none.
  std::array<CameraRecord, 6> cameras;
};

/// `calibration.json` as frame.h describes it. Throws DataError.
Calibration ReadCalibration(const std::filesystem::path& path);

/// An mmdetection3d info file (format 1.1) with exactly one sample. It does not say how large the
/// images are: width and height stay 0 for the caller to fill. Throws DataError.
Calibration ReadMmdetectionInfo(const std::filesystem::path& path);

}  // namespace occvla::data
