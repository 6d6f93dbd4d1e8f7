#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/data/meta_action.h"
#include "occvla/geom/camera.h"

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
  std::optional<geom::PinholeCamera> camera;
};

/// HAND-OVER 1: one key frame and everything known about it. Nothing is decoded until asked for.
/// Grows with the data readers; the image part is complete.
struct Frame {
  std::string token;                  ///< nuScenes sample token, or the folder's name.
  std::array<CameraImage, 6> images;  ///< In the order of kCameraNames.
  EgoState ego;
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
