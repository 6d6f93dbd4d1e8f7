#pragma once
#include <array>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/data/complaints.h"

namespace occvla::data {

/// An object as DriveLM's questions name it: "<c1,CAM_BACK,1088.3,497.5>".
struct DrivelmReference {
  std::string id;           ///< "c1".
  size_t camera = 0;        ///< Of kCameraNames.
  double u_I = 0, v_I = 0;  ///< Pixel in the 1600 x 900 image: right, down.
};
/// Nothing for another text.
std::optional<DrivelmReference> ParseDrivelmReference(std::string_view text);

struct DrivelmObject {
  DrivelmReference reference;
  std::string category;
  std::string status;  ///< Empty where DriveLM has null.
  std::string visual_description;
  std::array<double, 4> box_I{};  ///< u1, v1, u2, v2; pixels.
};

enum class DrivelmGroup { kPerception, kPrediction, kPlanning, kBehavior };
/// "perception", ...
std::string_view Name(DrivelmGroup group);

struct DrivelmQuestion {
  DrivelmGroup group = DrivelmGroup::kPerception;
  std::string question;
  std::string answer;  ///< Empty in files of questions only.
  /// How the challenge scores it: 0 accuracy, 1 judged, 2 language, 3 match. Often absent.
  std::vector<int> tags;
};

/// One keyframe of DriveLM-nuScenes v1.1 (facts/data-and-metrics.md E.2). The graph fields C,
/// con_up, con_down, cluster and layer are not read.
struct DrivelmFrame {
  std::string scene_token, sample_token;
  std::string scene_description;
  std::vector<DrivelmObject> objects;
  std::vector<DrivelmQuestion> questions;  ///< Group by group, in the file's order.
  /// By kCameraNames, below the nuScenes root: "samples/CAM_FRONT/...". The file's own paths climb
  /// ("../nuscenes/samples/..."); only their end is taken.
  std::array<std::filesystem::path, 6> images;
};

/// Hands out the keyframes in their order. Keyframes with a complaint are left out; a syntax error
/// ends the reading with its complaint. `where` names the file.
void ReadDrivelm(std::string_view text, const std::string& where,
                 const std::function<void(const DrivelmFrame&)>& take, Complaints& complaints);
/// The same from a file; throws one DataError with every complaint, at the end.
void ReadDrivelm(const std::filesystem::path& path,
                 const std::function<void(const DrivelmFrame&)>& take);

}  // namespace occvla::data
