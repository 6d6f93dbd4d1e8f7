#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/data/complaints.h"

namespace occvla::data::occ3d {

/// A pose as the file writes it: of the named frame in the next outer one.
struct FilePose {
  std::array<double, 3> translation{};  ///< Metres.
  std::array<double, 4> rotation{};     ///< w, x, y, z; a unit quaternion.
};

struct AnnotatedCamera {
  std::string sample_data_token;
  std::filesystem::path image;  ///< Below the folder of annotations.json: "imgs/CAM_FRONT/...".
  std::array<double, 9> intrinsic{};  ///< Row-major.
  FilePose camera_in_ego;             ///< X_EcC.
  FilePose ego_in_global;             ///< X_GEc, at the camera's time.
};

/// One keyframe of `annotations.json` (facts/data-and-metrics.md B.3).
struct AnnotatedFrame {
  std::string scene, sample_token;
  int64_t timestamp_us = 0;
  std::vector<AnnotatedCamera> cameras;
  FilePose ego_in_global;        ///< X_GE.
  std::filesystem::path labels;  ///< "gts/<scene>/<token>/labels.npz"; empty in the test split.
  std::string previous, next;    ///< Sample tokens; empty at a scene's ends.
};

struct AnnotationSplits {
  std::vector<std::string> train, val;  ///< Scene names.
};

/// Hands out the keyframes scene by scene, in the file's order, in the memory of one scene; returns
/// the splits. Checks what a record says and that neighbours name each other in the order of time.
/// Records with a complaint are left out; `where` names the file.
AnnotationSplits ReadAnnotations(std::string_view text, const std::string& where,
                                 const std::function<void(const AnnotatedFrame&)>& take,
                                 Complaints& complaints);
/// The same from a file; throws one DataError with every complaint, at the end.
AnnotationSplits ReadAnnotations(const std::filesystem::path& path,
                                 const std::function<void(const AnnotatedFrame&)>& take);

}  // namespace occvla::data::occ3d
