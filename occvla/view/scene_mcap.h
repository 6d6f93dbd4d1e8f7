#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "occvla/data/complaints.h"
#include "occvla/data/frame.h"
#include "occvla/data/prediction.h"
#include "occvla/view/mcap.h"

namespace occvla::view {

/// Key frames as an MCAP file for Foxglove. Frames of reference: `map` (G), `ego` (E) and one a
/// camera, tied by /tf. Topics, all JSON:
///
///   /tf                          foxglove.FrameTransforms
///   /camera/CAM_X/image          foxglove.CompressedImage, the file's bytes as they are
///   /camera/CAM_X/calibration    foxglove.CameraCalibration
///   /boxes, /map                 foxglove.SceneUpdate in E
///   /trajectory/driven, /trajectory/planned      foxglove.SceneUpdate in E, three seconds
///   /occupancy/true, /occupancy/predicted        foxglove.PointCloud in E, a point for each voxel
///                                of a surface, with its class and its class's colour
///   /text/labels, /text/model    foxglove.Log: meta action, questions and answers, what was said
///
/// Everything stands at the key frame's time; images and calibrations say in their own time stamp
/// when the camera fired. A topic exists once something was written to it.
class SceneMcap {
 public:
  explicit SceneMcap(const std::filesystem::path& path) : writer_(path) {}

  /// `prediction` may be null. Throws one DataError with everything that is wrong with the frame:
  /// no ego pose, files that cannot be read or are damaged.
  void Add(const data::Frame& frame, const data::Prediction* prediction);
  /// Writes the index and gives the file its name.
  void Finish() { writer_.Finish(); }

  uint64_t messages() const { return writer_.messages(); }

 private:
  enum class Kind { kImage, kCalibration, kTransforms, kScene, kCloud, kLog };
  struct Moment {
    uint64_t log_ns = 0, measured_ns = 0;
  };

  void Write(const std::string& topic, Kind kind, const Moment& moment, const std::string& json);
  void AddCameras(const data::Frame& frame, uint64_t now_ns, data::Complaints& complaints);
  void AddScene(const data::Frame& frame, const data::Prediction* prediction, uint64_t now_ns);
  void AddOccupancy(const data::Frame& frame, const data::Prediction* prediction, uint64_t now_ns,
                    data::Complaints& complaints);
  void AddTexts(const data::Frame& frame, const data::Prediction* prediction, uint64_t now_ns);

  McapWriter writer_;
  std::map<std::string, uint16_t> channels_;
};

}  // namespace occvla::view
