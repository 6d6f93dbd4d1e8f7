#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/data/meta_action.h"
#include "occvla/geom/box.h"
#include "occvla/geom/camera.h"

namespace occvla::data::nuscenes {
class Map;
}

namespace occvla::data {

/// The six cameras in the one order that images, embeddings and command lines use.
inline constexpr std::array<std::string_view, 6> kCameraNames = {
    "CAM_FRONT", "CAM_FRONT_RIGHT", "CAM_FRONT_LEFT",
    "CAM_BACK",  "CAM_BACK_LEFT",   "CAM_BACK_RIGHT"};

/// What is known about the car's own motion at and before the key frame, in its ego frame E at that
/// moment: x forward, y left, metres, seconds.
struct EgoState {
  /// Metres a second over the last half second; absent when unknown.
  std::optional<std::array<double, 2>> velocity_E;
  /// Positions at -0.5 s, -1.0 s, ... relative to now, newest first, at most four.
  std::vector<std::array<double, 2>> past_positions_E;
  /// Meta actions of the past, oldest first, 2 Hz, at most 64.
  std::vector<MetaAction> past_meta_actions;
};

/// One camera's image of the key frame: a file, or bytes already in memory.
struct CameraImage {
  std::filesystem::path path;
  std::string bytes;  ///< Used when not empty.
  /// X_EC leads through the world, from the camera at its own time Ec to E at the key frame's:
  /// X_EC = X_GE^-1 * X_GEc * X_EcC. Where no poses are known, the two times count as one.
  std::optional<geom::PinholeCamera> camera;
  int64_t timestamp_us = 0;                        ///< 0 = unknown.
  std::optional<geom::Pose> X_GEc = std::nullopt;  ///< Ego pose when this camera fired.
  std::optional<geom::Pose> X_EcC =
      std::nullopt;  ///< The camera's mount: its row of calibrated_sensor.
};

/// The LIDAR_TOP sweep of the key frame. Its time and ego pose are the key frame's own: El = E.
struct LidarSweep {
  std::filesystem::path path;  ///< Empty = none. float32 [n][5]: x, y, z in L, intensity, ring.
  int64_t timestamp_us = 0;
  geom::Pose X_EL = geom::Pose::Identity();
};

/// Where the car was at a keyframe.
struct EgoMoment {
  int64_t timestamp_us = 0;
  geom::Pose X_GE = geom::Pose::Identity();
};

/// One annotated box of the key frame.
struct Annotation {
  std::string token, instance_token;
  std::string category;  ///< "vehicle.car"; nuscenes/category.h knows the usual ones.
  std::vector<std::string> attributes;
  int visibility = 0;  ///< Level 1 (below 40 %) to 4 (above 80 %); 0 = not stated.
  geom::Box box_G;
  std::optional<Eigen::Vector3d>
      velocity_G;  ///< m/s as the devkit's box_velocity; absent = NaN there.
  int64_t lidar_points = 0, radar_points = 0;
};

/// A question about the key frame with its answer.
struct QuestionAnswer {
  std::string question, answer;
  /// Where from and of what kind: "nuscenes-qa/exist/0", "omnidrive/conversation",
  /// "drivelm/perception", "nuscenes-mqa/...".
  std::string kind;
};

/// HAND-OVER 1: one key frame and everything known about it. Lazy: files are named, and nothing is
/// decoded until asked for (DecodeCamera, occ3d::ReadLabels, nuscenes::ReadLidar).
struct Frame {
  std::string token;                  ///< nuScenes sample token, or the folder's name.
  std::array<CameraImage, 6> images;  ///< In the order of kCameraNames.
  EgoState ego;                       ///< What a model may know of the past.

  // The rest comes with data sets; a folder of six images has none of it.
  std::string scene;             ///< "scene-0061".
  std::string location;          ///< "boston-seaport".
  std::optional<EgoMoment> now;  ///< X_GE at the LIDAR_TOP sweep's time.
  /// Ego poses of keyframes, each attached to its LIDAR_TOP sweep: past[0] is the previous one,
  /// future[0] the next. Absent beyond the scene's ends. Real times, about 0.5 s apart.
  std::array<std::optional<EgoMoment>, 6> past, future;
  LidarSweep lidar;
  std::vector<Annotation> annotations;
  std::filesystem::path occupancy;  ///< Occ3D labels.npz; empty = none.
  const nuscenes::Map* map =
      nullptr;  ///< Owned by the Dataset, which outlives the frame; may be null.
  std::vector<QuestionAnswer> questions;
  std::optional<MetaAction> meta_action;  ///< The label of the next three seconds.
};

/// Six files in the order of kCameraNames, no calibration; the token is the front image's name
/// without extension. Throws ConfigError for another number of paths, one DataError for all files
/// that are not there.
Frame FrameFromImages(const std::vector<std::filesystem::path>& paths);

/// A folder that holds one key frame: per camera one image named `CAM_X.jpg|jpeg|png` or, as
/// nuScenes names them, `*__CAM_X__*.jpg`. Calibration comes from `calibration.json` (docs/DATA.md:
/// per camera `intrinsic` [3][3], `camera_in_ego` {`rotation` (w, x, y, z), `translation`},
/// `width`, `height`; cameras may be left out) or, where that is absent, from an mmdetection3d
/// `info.json` of one sample (`cam2img`, `cam2ego`; the token too). Ego state from `ego.json` when
/// present. Throws DataError listing every camera that is missing or doubled.
Frame FrameFromFolder(const std::filesystem::path& folder);

/// `--ego`: {"velocity": [vx, vy], "past_positions": [[x, y], ...], "past_meta_actions":
/// ["Maintain speed, Go Straight", ...]}; every key optional, unknown keys refused.
EgoState ReadEgoState(const std::filesystem::path& path);

}  // namespace occvla::data
