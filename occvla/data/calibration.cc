#include "occvla/data/calibration.h"

#include <fmt/format.h>

#include <cmath>

#include "occvla/base/json.h"
#include "occvla/data/frame.h"
#include "occvla/data/frame_json.h"

namespace occvla::data {
namespace {

// The widest error that float32 files and hand-typed quaternions have; a wrong matrix is far off.
constexpr double kRotationTolerance = 1e-3;
constexpr double kFarthestCamera = 100;  // Metres from the ego frame's origin.

Eigen::Matrix3d ReadIntrinsic(const JsonNode& node) {
  if (node.size() != 3) node.Fail(fmt::format("must have 3 rows, but has {}", node.size()));
  Eigen::Matrix3d K;
  for (size_t row = 0; row < 3; ++row) {
    const std::vector<double> values = node.At(row).Numbers(3);
    for (size_t column = 0; column < 3; ++column) {
      K(static_cast<Eigen::Index>(row), static_cast<Eigen::Index>(column)) = values[column];
    }
  }
  const bool last_row = K(2, 0) == 0 && K(2, 1) == 0 && K(2, 2) == 1;
  if (!(K(0, 0) > 0 && K(1, 1) > 0 && K(1, 0) == 0 && last_row)) {
    node.Fail("must be [[fx, s, cx], [0, fy, cy], [0, 0, 1]] with fx and fy above 0, but is " +
              node.json().dump());
  }
  return K;
}

geom::Pose ReadPose(const JsonNode& node) {
  const std::vector<double> q = node.At("rotation").Numbers(4);
  const double norm = std::hypot(std::hypot(q[0], q[1]), std::hypot(q[2], q[3]));
  if (!(std::abs(norm - 1) < kRotationTolerance)) {
    node.At("rotation")
        .Fail(fmt::format("must be a unit quaternion (w, x, y, z), but its norm is {:.4f}", norm));
  }
  const std::vector<double> t = node.At("translation").Numbers(3);
  geom::Pose pose = geom::Pose::Identity();
  pose.linear() = Eigen::Quaterniond(q[0], q[1], q[2], q[3]).normalized().toRotationMatrix();
  pose.translation() << t[0], t[1], t[2];
  return pose;
}

geom::Pose ReadMatrix(const JsonNode& node) {
  if (node.size() != 4) node.Fail(fmt::format("must have 4 rows, but has {}", node.size()));
  Eigen::Matrix4d X;
  for (size_t row = 0; row < 4; ++row) {
    const std::vector<double> values = node.At(row).Numbers(4);
    for (size_t column = 0; column < 4; ++column) {
      X(static_cast<Eigen::Index>(row), static_cast<Eigen::Index>(column)) = values[column];
    }
  }
  const Eigen::Matrix3d R = X.topLeftCorner<3, 3>();
  const double off = (R * R.transpose() - Eigen::Matrix3d::Identity()).cwiseAbs().maxCoeff();
  if (!(off < kRotationTolerance) || R.determinant() < 0 ||
      X.row(3) != Eigen::RowVector4d(0, 0, 0, 1)) {
    node.Fail(
        fmt::format("must be a rigid transform (rotation, translation, last row 0 0 0 1), but "
                    "its rotation is off by {:.4f}",
                    off));
  }
  geom::Pose pose = geom::Pose::Identity();
  pose.matrix() = X;
  return pose;
}

void CheckPlace(const JsonNode& node, const geom::Pose& X_EC) {
  if (!(X_EC.translation().norm() < kFarthestCamera)) {
    node.Fail(
        fmt::format("puts the camera {:.0f} m from the car; the pose must be in the ego frame",
                    X_EC.translation().norm()));
  }
}

void RefuseOtherCameras(const JsonNode& cameras) {
  cameras.RefuseOthers({kCameraNames[0], kCameraNames[1], kCameraNames[2], kCameraNames[3],
                        kCameraNames[4], kCameraNames[5]});
}

}  // namespace

Calibration ReadCalibration(const std::filesystem::path& path) {
  const nlohmann::json document = ReadJsonFile(path);
  return CalibrationFromJson(JsonNode(document, path.string()));
}

Calibration CalibrationFromJson(const JsonNode& root) {
  RefuseOtherCameras(root);
  Calibration calibration;
  for (size_t index = 0; index < kCameraNames.size(); ++index) {
    const std::optional<JsonNode> entry = root.Find(kCameraNames[index]);
    if (!entry) continue;
    entry->RefuseOthers({"intrinsic", "camera_in_ego", "width", "height"});
    entry->At("camera_in_ego").RefuseOthers({"rotation", "translation"});
    geom::PinholeCamera camera;
    camera.K = ReadIntrinsic(entry->At("intrinsic"));
    camera.X_EC = ReadPose(entry->At("camera_in_ego"));
    CheckPlace(entry->At("camera_in_ego"), camera.X_EC);
    camera.width_px = static_cast<int>(entry->At("width").Int(1, 65535));
    camera.height_px = static_cast<int>(entry->At("height").Int(1, 65535));
    calibration.cameras[index].camera = camera;
  }
  return calibration;
}

Calibration ReadMmdetectionInfo(const std::filesystem::path& path) {
  const nlohmann::json document = ReadJsonFile(path);
  const JsonNode root(document, path.string());
  const JsonNode list = root.At("data_list");
  if (list.size() != 1) {
    list.Fail(fmt::format("must hold the one sample of this folder, but holds {}", list.size()));
  }
  const JsonNode sample = list.At(size_t{0});
  Calibration calibration;
  if (const auto token = sample.Find("token")) calibration.token = token->String();
  const JsonNode images = sample.At("images");
  for (size_t index = 0; index < kCameraNames.size(); ++index) {
    const JsonNode entry = images.At(kCameraNames[index]);
    geom::PinholeCamera camera;
    camera.K = ReadIntrinsic(entry.At("cam2img"));
    camera.X_EC = ReadMatrix(entry.At("cam2ego"));
    CheckPlace(entry.At("cam2ego"), camera.X_EC);
    calibration.cameras[index] = {
        .camera = camera,
        .image_name = std::filesystem::path(entry.At("img_path").String()).filename().string()};
  }
  return calibration;
}

}  // namespace occvla::data
