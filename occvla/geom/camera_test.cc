#include "occvla/geom/camera.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace occvla::geom {
namespace {

// At (1, 0, 2) in E, looking ahead and level.
PinholeCamera LevelCamera() {
  PinholeCamera camera;
  camera.K << 100, 0, 50, 0, 200, 40, 0, 0, 1;
  camera.width_px = 100;
  camera.height_px = 80;
  camera.X_EC.linear().col(0) << 0, -1, 0;
  camera.X_EC.linear().col(1) << 0, 0, -1;
  camera.X_EC.linear().col(2) << 1, 0, 0;
  camera.X_EC.translation() << 1, 0, 2;
  return camera;
}

// 10 m ahead, 1 m left, 2 m below the camera: u = 100 * -1 / 10 + 50, v = 200 * 2 / 10 + 40.
TEST(CameraTest, ProjectsAsWorkedByHand) {
  const auto p_I = Project(LevelCamera(), {11, 1, 0});
  ASSERT_TRUE(p_I.has_value());
  EXPECT_DOUBLE_EQ(p_I->x(), 40);
  EXPECT_DOUBLE_EQ(p_I->y(), 80);
}

TEST(CameraTest, PointsBehindOrTooNearOrUndefinedHaveNoPixel) {
  const PinholeCamera camera = LevelCamera();
  EXPECT_FALSE(Project(camera, {-5, 0, 0}));
  EXPECT_FALSE(Project(camera, {1.05, 0, 2}));
  EXPECT_TRUE(Project(camera, {1.15, 0, 2}));
  EXPECT_FALSE(Project(camera, {1.15, 0, 2}, 0.2));
  EXPECT_FALSE(Project(camera, {std::numeric_limits<double>::quiet_NaN(), 0, 0}));
}

TEST(CameraTest, PolygonAheadKeepsItsCorners) {
  const std::array<Eigen::Vector3d, 3> corners_E = {
      Eigen::Vector3d(11, 1, 0), Eigen::Vector3d(21, 0, 0), Eigen::Vector3d(11, -1, 0)};
  const auto pixels = ProjectPolygon(LevelCamera(), corners_E);
  ASSERT_EQ(pixels.size(), 3u);
  for (size_t index = 0; index < 3; ++index) {
    EXPECT_EQ(pixels[index], *Project(LevelCamera(), corners_E[index]));
  }
}

// The road from 9 m behind the camera to 10 m ahead is cut at 1 m: its near corners lie at
// v = 200 * 2 / 1 + 40, one metre left and right at u = 50 -+ 100.
TEST(CameraTest, PolygonThroughTheCameraIsCutAtTheNearPlane) {
  const std::array<Eigen::Vector3d, 4> corners_E = {
      Eigen::Vector3d(-8, 1, 0), Eigen::Vector3d(11, 1, 0), Eigen::Vector3d(11, -1, 0),
      Eigen::Vector3d(-8, -1, 0)};
  const auto pixels = ProjectPolygon(LevelCamera(), corners_E, 1.0);
  ASSERT_EQ(pixels.size(), 4u);
  EXPECT_NEAR((pixels[0] - Eigen::Vector2d(-50, 440)).norm(), 0, 1e-9);
  EXPECT_NEAR((pixels[1] - Eigen::Vector2d(40, 80)).norm(), 0, 1e-9);
  EXPECT_NEAR((pixels[2] - Eigen::Vector2d(60, 80)).norm(), 0, 1e-9);
  EXPECT_NEAR((pixels[3] - Eigen::Vector2d(150, 440)).norm(), 0, 1e-9);
}

TEST(CameraTest, PolygonBehindHasNoPixels) {
  const std::array<Eigen::Vector3d, 3> corners_E = {
      Eigen::Vector3d(-1, 1, 0), Eigen::Vector3d(-2, 0, 0), Eigen::Vector3d(-1, -1, 0)};
  EXPECT_TRUE(ProjectPolygon(LevelCamera(), corners_E).empty());
}

}  // namespace
}  // namespace occvla::geom
