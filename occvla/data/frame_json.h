#pragma once
#include "occvla/base/json.h"
#include "occvla/data/calibration.h"
#include "occvla/data/frame.h"

/// What stands in a key frame's files (calibration.json, ego.json), for those who have it from
/// elsewhere.
namespace occvla::data {

/// `ReadCalibration` of an object. Throws what the node throws, and names the field.
Calibration CalibrationFromJson(const JsonNode& cameras);
/// `ReadEgoState` of an object.
EgoState EgoStateFromJson(const JsonNode& ego);

}  // namespace occvla::data
