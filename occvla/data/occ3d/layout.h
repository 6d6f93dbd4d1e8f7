#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace occvla::data::occ3d {

/// `gts/<scene>/<sample token>/labels.npz`.
std::filesystem::path LabelsPath(const std::filesystem::path& gts, std::string_view scene,
                                 std::string_view sample_token);

/// The folder of scenes below `root`: `gts` beside the nuScenes tables, or the published archive's
/// `trainval/gts` or `mini/gts`, with or without its own folder `Occpancy3D-nuScenes-V1.0` (sic);
/// empty when there is none.
std::filesystem::path FindScenes(const std::filesystem::path& root);

/// One keyframe's place in the folder of scenes.
struct LabelsFile {
  std::string scene, sample_token;
  std::filesystem::path path;
};
/// Every keyframe's folder by scene and token, whether its labels.npz is there or not. What is no
/// scene's or keyframe's folder is listed in one DataError.
std::vector<LabelsFile> ListLabels(const std::filesystem::path& gts);

}  // namespace occvla::data::occ3d
