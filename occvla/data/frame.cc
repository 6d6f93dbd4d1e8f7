#include "occvla/data/frame.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "occvla/base/error.h"
#include "occvla/base/json.h"
#include "occvla/base/text.h"
#include "occvla/data/calibration.h"
#include "occvla/data/frame_json.h"
#include "occvla/data/image/image.h"

namespace occvla::data {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostPastPositions = 4;
constexpr size_t kMostPastActions = 64;

[[noreturn]] void ThrowAll(const std::string& where, const std::vector<std::string>& complaints) {
  throw DataError(where + ":\n  - " + Join(complaints, "\n  - "));
}

bool IsImageName(const fs::path& name) {
  std::string extension = name.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png";
}

bool ShowsCamera(const fs::path& name, std::string_view camera) {
  return name.stem() == camera ||
         name.string().find(fmt::format("__{}__", camera)) != std::string::npos;
}

std::vector<fs::path> ImagesIn(const fs::path& folder) {
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  if (error) {
    throw DataError(
        fmt::format("{}: is not a folder that can be read ({}). Name the folder that "
                    "holds the key frame's six images.",
                    folder.string(), error.message()));
  }
  std::vector<fs::path> images;
  for (const fs::directory_entry& entry : entries) {
    const fs::path name = entry.path().filename();
    if (entry.is_regular_file(error) && IsImageName(name)) images.push_back(name);
  }
  std::sort(images.begin(), images.end());
  return images;
}

std::array<fs::path, 6> OneImagePerCamera(const fs::path& folder) {
  const std::vector<fs::path> names = ImagesIn(folder);
  std::array<fs::path, 6> chosen;
  std::vector<std::string> complaints;
  for (size_t index = 0; index < kCameraNames.size(); ++index) {
    std::vector<std::string> found;
    for (const fs::path& name : names) {
      if (ShowsCamera(name, kCameraNames[index])) found.push_back(name.string());
    }
    if (found.size() == 1) {
      chosen[index] = folder / found.front();
    } else if (found.empty()) {
      complaints.push_back(
          fmt::format("{0}: no image; expected {0}.jpg, {0}.png or a name with "
                      "__{0}__",
                      kCameraNames[index]));
    } else {
      complaints.push_back(fmt::format("{}: {} images, expected one: {}", kCameraNames[index],
                                       found.size(), Join(found, ", ")));
    }
  }
  if (!complaints.empty()) ThrowAll(folder.string() + ": is not one key frame", complaints);
  return chosen;
}

// The folder's calibration, checked against the images that it was found with.
Calibration FindCalibration(const fs::path& folder, const std::array<fs::path, 6>& images) {
  const fs::path own = folder / "calibration.json", info = folder / "info.json";
  if (fs::exists(own)) return ReadCalibration(own);
  if (!fs::exists(info)) return {};
  Calibration calibration = ReadMmdetectionInfo(info);
  std::vector<std::string> complaints;
  for (size_t index = 0; index < images.size(); ++index) {
    CameraRecord& record = calibration.cameras[index];
    if (record.image_name != images[index].filename()) {
      complaints.push_back(fmt::format("{}: made for {}, but the folder holds {}",
                                       kCameraNames[index], record.image_name,
                                       images[index].filename().string()));
      continue;
    }
    try {
      const ImageSize size = ReadImageSize(images[index]);
      record.camera->width_px = size.width_px;
      record.camera->height_px = size.height_px;
    } catch (const DataError& complaint) {
      complaints.push_back(complaint.what());
    }
  }
  if (!complaints.empty()) ThrowAll(info.string() + ": does not fit the images", complaints);
  return calibration;
}

std::array<double, 2> ReadPoint(const JsonNode& node) {
  const std::vector<double> values = node.Numbers(2);
  return {values[0], values[1]};
}

}  // namespace

Frame FrameFromImages(const std::vector<fs::path>& paths) {
  Frame frame;
  if (paths.size() != frame.images.size()) {
    throw ConfigError(
        fmt::format("expected six image files in the order CAM_FRONT, "
                    "CAM_FRONT_RIGHT, CAM_FRONT_LEFT, CAM_BACK, CAM_BACK_LEFT, "
                    "CAM_BACK_RIGHT, but got {}.",
                    paths.size()));
  }
  std::vector<std::string> complaints;
  for (size_t index = 0; index < paths.size(); ++index) {
    std::error_code error;
    if (!fs::is_regular_file(paths[index], error)) {
      complaints.push_back(
          fmt::format("{}: there is no file {}", kCameraNames[index], paths[index].string()));
    }
    frame.images[index].path = paths[index];
  }
  if (!complaints.empty()) ThrowAll("the six images", complaints);
  frame.token = paths.front().stem().string();
  return frame;
}

Frame FrameFromFolder(const fs::path& folder) {
  const std::array<fs::path, 6> images = OneImagePerCamera(folder);
  const Calibration calibration = FindCalibration(folder, images);
  Frame frame;
  frame.token = calibration.token;
  if (frame.token.empty()) {
    // "dir/" has no last name of its own; its parent's last name is the folder's.
    const fs::path whole = fs::absolute(folder).lexically_normal();
    frame.token = (whole.has_filename() ? whole : whole.parent_path()).filename().string();
  }
  for (size_t index = 0; index < images.size(); ++index) {
    frame.images[index].path = images[index];
    frame.images[index].camera = calibration.cameras[index].camera;
  }
  if (const fs::path ego = folder / "ego.json"; fs::exists(ego)) frame.ego = ReadEgoState(ego);
  return frame;
}

EgoState ReadEgoState(const fs::path& path) {
  const nlohmann::json document = ReadJsonFile(path, {.max_bytes = size_t{1} << 20});
  return EgoStateFromJson(JsonNode(document, path.string()));
}

EgoState EgoStateFromJson(const JsonNode& root) {
  root.RefuseOthers({"velocity", "past_positions", "past_meta_actions"});
  EgoState ego;
  if (const auto velocity = root.Find("velocity")) ego.velocity_E = ReadPoint(*velocity);
  if (const auto positions = root.Find("past_positions")) {
    if (!positions->is_array() || positions->size() > kMostPastPositions) {
      positions->Fail(
          fmt::format("must be a list of at most {} positions, newest first", kMostPastPositions));
    }
    for (size_t index = 0; index < positions->size(); ++index) {
      ego.past_positions_E.push_back(ReadPoint(positions->At(index)));
    }
  }
  if (const auto actions = root.Find("past_meta_actions")) {
    if (!actions->is_array() || actions->size() > kMostPastActions) {
      actions->Fail(
          fmt::format("must be a list of at most {} meta actions, oldest first", kMostPastActions));
    }
    for (size_t index = 0; index < actions->size(); ++index) {
      const JsonNode text = actions->At(index);
      const std::optional<MetaAction> action = ParseMetaAction(text.String());
      if (!action) {
        text.Fail(
            "must be \"<velocity>, <direction>\" such as \"Maintain speed, Go Straight\", "
            "but is " +
            text.json().dump());
      }
      ego.past_meta_actions.push_back(*action);
    }
  }
  return ego;
}

}  // namespace occvla::data
