#include "occvla/geom/box.h"

#include <gtest/gtest.h>

#include <limits>
#include <numbers>

namespace occvla::geom {
namespace {

using Eigen::Vector3d;

Box MadeBox(double x, double y, double z, double yaw, const Vector3d& size) {
  Box box{.X_AB = Pose::Identity(), .size = size};
  box.X_AB.translation() << x, y, z;
  box.X_AB.rotate(Eigen::AngleAxisd(yaw, Vector3d::UnitZ()));
  return box;
}

// Looks along E's x from its origin: camera x is -y of E, camera y is -z.
PinholeCamera ForwardCamera() {
  PinholeCamera camera;
  camera.K << 100, 0, 80, 0, 100, 45, 0, 0, 1;
  camera.width_px = 160;
  camera.height_px = 90;
  camera.X_EC.linear() << 0, 0, 1, -1, 0, 0, 0, -1, 0;
  return camera;
}

TEST(BoxTest, CornersComeInTheDevkitsOrder) {
  const auto corners = Corners(MadeBox(10, 0, 1, 0, {4, 2, 1}));
  EXPECT_EQ(corners[0], Vector3d(12, 1, 1.5));
  EXPECT_EQ(corners[1], Vector3d(12, -1, 1.5));
  EXPECT_EQ(corners[2], Vector3d(12, -1, 0.5));
  EXPECT_EQ(corners[3], Vector3d(12, 1, 0.5));
  EXPECT_EQ(corners[4], Vector3d(8, 1, 1.5));
  EXPECT_EQ(corners[7], Vector3d(8, 1, 0.5));
}

TEST(BoxTest, CornersTurnWithTheBox) {
  const auto corners = Corners(MadeBox(0, 0, 0, std::numbers::pi / 2, {4, 2, 1}));
  EXPECT_TRUE(corners[0].isApprox(Vector3d(-1, 2, 0.5), 1e-12));  // Front is +y, left is -x.
}

TEST(BoxTest, HoldsItsFacesButNothingBeyondAndNoNan) {
  const Box box = MadeBox(1, 2, 3, 0, {4, 2, 1});
  EXPECT_TRUE(Contains(box, {3, 2, 3}));
  EXPECT_FALSE(Contains(box, {3.001, 2, 3}));
  EXPECT_FALSE(Contains(box, {1, 3.001, 3}));
  EXPECT_FALSE(Contains(box, {1, std::numeric_limits<double>::quiet_NaN(), 3}));
  EXPECT_TRUE(Contains(MadeBox(0, 0, 0, std::numbers::pi / 2, {4, 2, 1}), {0, 1.9, 0}));
}

TEST(BoxTest, IsVisibleWithOneCornerInTheImageAndNoneBehindTheCamera) {
  const PinholeCamera camera = ForwardCamera();
  EXPECT_TRUE(IsVisible(MadeBox(10, 0, 0, 0, {2, 2, 1}), camera));
  // The image is 16 m wide 10 m ahead: from 8.5 to 10.5 m aside one corner is still inside.
  EXPECT_TRUE(IsVisible(MadeBox(10, 9.2, 0, 0, {4, 2, 1}), camera));
  EXPECT_FALSE(IsVisible(MadeBox(10, 12, 0, 0, {4, 2, 1}), camera));
  EXPECT_FALSE(IsVisible(MadeBox(-10, 0, 0, 0, {2, 2, 1}), camera));
  // Its rear reaches behind the camera.
  EXPECT_FALSE(IsVisible(MadeBox(2, 0, 0, 0, {5, 2, 1}), camera));
  // Wholly between 0.1 and 1 m ahead: no corner counts.
  EXPECT_FALSE(IsVisible(MadeBox(0.5, 0, 0, 0, {0.6, 0.1, 0.1}), camera));
}

}  // namespace
}  // namespace occvla::geom
