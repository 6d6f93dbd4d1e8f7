#pragma once
#include <string>

/// JSON schemas of the Foxglove messages that an exported scene holds (docs.foxglove.dev/docs/
/// sdk/schemas): the fields, their types and how bytes are encoded. A reader that knows the names
/// draws the messages; one that does not can check them.
namespace occvla::view {

std::string CompressedImageSchema();
std::string CameraCalibrationSchema();
std::string FrameTransformsSchema();
std::string SceneUpdateSchema();
std::string PointCloudSchema();
std::string LogSchema();

}  // namespace occvla::view
