#include "occvla/geom/box.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "occvla/base/json.h"

namespace occvla::geom {
namespace {

using Eigen::Vector3d;

Box BoxAt(const Vector3d& centre, double yaw, const Vector3d& size) {
  Box box{.X_AB = Pose::Identity(), .size = size};
  box.X_AB.linear() = Eigen::AngleAxisd(yaw, Vector3d::UnitZ()).toRotationMatrix();
  box.X_AB.translation() = centre;
  return box;
}

TEST(BoxTest, CornersComeInTheDevkitsOrder) {
  const auto corners = Corners(BoxAt({10, 20, 1}, 0, {4, 2, 1.5}));
  EXPECT_EQ(corners[0], Vector3d(12, 21, 1.75));
  EXPECT_EQ(corners[1], Vector3d(12, 19, 1.75));
  EXPECT_EQ(corners[2], Vector3d(12, 19, 0.25));
  EXPECT_EQ(corners[3], Vector3d(12, 21, 0.25));
  EXPECT_EQ(corners[4], Vector3d(8, 21, 1.75));
  EXPECT_EQ(corners[5], Vector3d(8, 19, 1.75));
  EXPECT_EQ(corners[6], Vector3d(8, 19, 0.25));
  EXPECT_EQ(corners[7], Vector3d(8, 21, 0.25));
  // A quarter turn to the left: what was ahead along x is ahead along y.
  const auto turned = Corners(BoxAt({0, 0, 0}, M_PI / 2, {4, 2, 2}));
  EXPECT_TRUE(turned[0].isApprox(Vector3d(-1, 2, 1)));
  EXPECT_TRUE(turned[7].isApprox(Vector3d(-1, -2, -1)));
}

TEST(BoxTest, HoldsItsFacesAndNothingBeyond) {
  const Box box = BoxAt({1, 2, 3}, 0, {4, 2, 1});
  EXPECT_TRUE(Contains(box, {1, 2, 3}));
  EXPECT_TRUE(Contains(box, {3, 3, 3.5}));
  EXPECT_FALSE(Contains(box, {3.001, 2, 3}));
  EXPECT_FALSE(Contains(box, {1, 3.001, 3}));
  EXPECT_FALSE(Contains(box, {1, 2, 2.499}));
  EXPECT_FALSE(Contains(box, {NAN, 2, 3}));
  EXPECT_TRUE(Contains(BoxAt({0, 0, 0}, M_PI / 4, {4, 2, 1}), {1.3, 1.3, 0}));
  EXPECT_FALSE(Contains(BoxAt({0, 0, 0}, M_PI / 4, {4, 2, 1}), {1.3, -1.3, 0}));
}

// A camera at E's origin that looks along x.
PinholeCamera Camera() {
  PinholeCamera camera;
  camera.K << 100, 0, 50, 0, 100, 40, 0, 0, 1;
  camera.width_px = 100;
  camera.height_px = 80;
  camera.X_EC.linear() << 0, 0, 1, -1, 0, 0, 0, -1, 0;
  return camera;
}

TEST(BoxTest, IsVisibleWhenACornerIsInTheImageAndAllAreAhead) {
  const PinholeCamera camera = Camera();
  EXPECT_TRUE(IsVisible(BoxAt({10, 0, 0}, 0, {2, 2, 2}), camera));
  EXPECT_FALSE(IsVisible(BoxAt({10, 20, 0}, 0, {2, 2, 2}), camera)) << "beside the image";
  EXPECT_FALSE(IsVisible(BoxAt({-10, 0, 0}, 0, {2, 2, 2}), camera)) << "behind";
  EXPECT_FALSE(IsVisible(BoxAt({5, 0, 0}, 0, {10, 1, 1}), camera)) << "a corner at 0 m ahead";
  EXPECT_TRUE(IsVisible(BoxAt({5, 0, 0}, 0, {9.7, 1, 1}), camera)) << "all beyond 0.1 m";
  // All corners between 0.1 and 1 m ahead, in the image or not.
  EXPECT_FALSE(IsVisible(BoxAt({0.5, 0, 0}, 0, {0.2, 0.1, 0.1}), camera));
  // It fills the image, and no corner is in it.
  EXPECT_FALSE(IsVisible(BoxAt({5, 0, 0}, 0, {1, 40, 40}), camera));
}

// The file states a box's yaw in L alone, and the LiDAR is tilted: the box is level in G.
Box LevelBox(const Pose& X_GL, const Vector3d& p_LB, double yaw_L, const Vector3d& size) {
  Vector3d ahead_L(std::cos(yaw_L), std::sin(yaw_L), 0);
  ahead_L.z() = -X_GL.linear().row(2).head<2>().dot(ahead_L.head<2>()) / X_GL.linear()(2, 2);
  const Vector3d ahead_G = X_GL.linear() * ahead_L;
  Box box = BoxAt(Vector3d::Zero(), std::atan2(ahead_G.y(), ahead_G.x()), size);
  box.X_AB.linear() = (X_GL.linear().transpose() * box.X_AB.linear()).eval();
  box.X_AB.translation() = p_LB;
  return box;
}

// True for a box whose corners all fall into the image: then its rectangle there is theirs.
bool AgreesWithItsRectangle(const Box& box_E, const PinholeCamera& camera,
                            const std::vector<double>& rectangle) {
  Eigen::Vector2d low(1e9, 1e9), high(-1e9, -1e9);
  for (const Vector3d& p_EQ : Corners(box_E)) {
    const auto pixel = Project(camera, p_EQ);
    if (!pixel) return false;
    low = low.cwiseMin(*pixel);
    high = high.cwiseMax(*pixel);
  }
  if (low.x() < 0 || low.y() < 0 || high.x() > 1600 || high.y() > 900) return false;
  // float32 rounding at kilometres, as above.
  EXPECT_NEAR(low.x(), rectangle[0], 0.2);
  EXPECT_NEAR(low.y(), rectangle[1], 0.2);
  EXPECT_NEAR(high.x(), rectangle[2], 0.2);
  EXPECT_NEAR(high.y(), rectangle[3], 0.2);
  EXPECT_TRUE(IsVisible(box_E, camera));
  return true;
}

// The 84 projected centres that mmdetection3d states for a real keyframe, from its 69 boxes.
TEST(BoxTest, ProjectsARealKeyframesBoxesAsExpected) {
  const std::filesystem::path path = "../shared/realdata/mmdetection3d_demo/info.json";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not there";
  const nlohmann::json info = ReadJsonFile(path);
  const nlohmann::json& sample = info["data_list"][0];
  const auto pose_of = [](const nlohmann::json& matrix) {
    Pose pose = Pose::Identity();
    for (int i = 0; i < 3; ++i)
      for (int j = 0; j < 4; ++j)
        pose.matrix()(i, j) = matrix[static_cast<size_t>(i)][static_cast<size_t>(j)];
    return pose;
  };
  const Pose X_GL = pose_of(sample["ego2global"]) * pose_of(sample["lidar_points"]["lidar2ego"]);
  std::vector<Box> boxes_L;
  for (const auto& instance : sample["instances"]) {
    const std::vector<double> b = instance["bbox_3d"];
    boxes_L.push_back(LevelBox(X_GL, {b[0], b[1], b[2]}, b[6], {b[3], b[4], b[5]}));
  }
  EXPECT_EQ(boxes_L.size(), 69);
  size_t expected = 0, agreed = 0, inside = 0;
  for (const auto& [name, instances] : sample["cam_instances"].items()) {
    const auto& entry = sample["images"][name];
    PinholeCamera camera_L;  // Seen from L in place of E: the very matrix that the file states.
    for (int i = 0; i < 3; ++i)
      for (int j = 0; j < 3; ++j)
        camera_L.K(i, j) = entry["cam2img"][static_cast<size_t>(i)][static_cast<size_t>(j)];
    camera_L.X_EC = pose_of(entry["lidar2cam"]).inverse();
    camera_L.width_px = 1600;
    camera_L.height_px = 900;
    for (const auto& instance : instances) {
      ++expected;
      const std::vector<double> centre = instance["center_2d"];
      const double depth = instance["depth"];
      for (const Box& box_L : boxes_L) {
        const auto pixel = Project(camera_L, box_L.X_AB.translation());
        const double ahead = (camera_L.X_EC.inverse() * box_L.X_AB.translation()).z();
        // Matrices rounded to float32 at kilometres: a tenth of a pixel far away.
        if (!pixel || std::abs(ahead - depth) > 0.01) continue;
        if (std::hypot(pixel->x() - centre[0], pixel->y() - centre[1]) > 0.2) continue;
        ++agreed;
        inside += AgreesWithItsRectangle(box_L, camera_L, instance["bbox"]);
        break;
      }
    }
  }
  EXPECT_EQ(expected, 84);
  EXPECT_EQ(agreed, 84);
  EXPECT_EQ(inside, 75) << "the others are cut by the image's edge";
}

}  // namespace
}  // namespace occvla::geom
