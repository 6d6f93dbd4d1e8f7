#include "occvla/view/voxel_view.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "occvla/data/prediction.h"
#include "occvla/geom/voxel_grid.h"

namespace occvla::view {
namespace {

using Eigen::Vector3d;
using geom::VoxelGrid;

constexpr uint8_t kCar = 4, kRoad = 11;

class VoxelViewTest : public ::testing::Test {
 protected:
  VoxelViewTest() : labels_(VoxelGrid::kCount, data::kFreeClass) {}

  uint8_t& At(int i, int j, int k) { return labels_[VoxelGrid::Index(i, j, k)]; }
  data::Image Draw(const geom::PinholeCamera& camera) const {
    return DrawVoxels(labels_, camera, {.rays_per_pixel_edge = 1, .draw_car = false});
  }
  // The sum of the colours at the pixel where the camera sees a point.
  static int Brightness(const data::Image& image, const geom::PinholeCamera& camera,
                        const Vector3d& p_E) {
    const auto p_I = geom::Project(camera, p_E);
    const auto at = static_cast<size_t>(static_cast<int>(p_I->y()) * image.width_px +
                                        static_cast<int>(p_I->x())) *
                    3;
    return image.rgb[at] + image.rgb[at + 1] + image.rgb[at + 2];
  }

  std::vector<uint8_t> labels_;
};

TEST_F(VoxelViewTest, AVoxelStandsWhereTheCameraSeesItsCentre) {
  const geom::PinholeCamera camera = LookAt({-30, 5, 12}, {0, 0, 0}, 60, 160, 120);
  for (const auto& [i, j, k] : {std::array<int, 3>{100, 100, 3}, {120, 140, 8}, {60, 90, 0}}) {
    labels_.assign(VoxelGrid::kCount, data::kFreeClass);
    At(i, j, k) = kCar;
    const data::Image image = Draw(camera);
    const Vector3d centre_E = VoxelGrid::Centre(i, j, k);
    const auto p_I = *geom::Project(camera, centre_E);
    const auto at =
        static_cast<size_t>(static_cast<int>(p_I.y()) * 160 + static_cast<int>(p_I.x())) * 3;
    EXPECT_GT(image.rgb[at], 2 * image.rgb[at + 2] + 20) << i << " " << j << " " << k;
  }
}

TEST_F(VoxelViewTest, LeftOfTheCarIsLeftInThePicture) {
  for (int i = 120; i < 124; ++i)
    for (int j = 130; j < 134; ++j)  // y = +12 m.
      for (int k = 0; k < 5; ++k) At(i, j, k) = kCar;
  const data::Image image = Draw(ChaseCamera(80, 60));
  int left = 0, right = 0;
  for (size_t pixel = 0; pixel < 80 * 60; ++pixel) {
    if (image.rgb[pixel * 3] < 60) continue;
    (pixel % 80 < 40 ? left : right) += image.rgb[pixel * 3] > 2 * image.rgb[pixel * 3 + 2];
  }
  EXPECT_GT(left, 0);
  EXPECT_EQ(right, 0);
}

TEST_F(VoxelViewTest, WhatIsNearerHidesWhatIsBehind) {
  const geom::PinholeCamera camera = LookAt({-39, 0.2, 1.2}, {0, 0.2, 1.2}, 40, 81, 61);
  At(140, 100, 5) = kCar;
  const int far = Brightness(Draw(camera), camera, VoxelGrid::Centre(140, 100, 5));
  EXPECT_GT(far, 60);
  for (int j = 98; j < 103; ++j)
    for (int k = 3; k < 8; ++k) At(60, j, k) = 16;
  const data::Image image = Draw(camera);
  const auto at = static_cast<size_t>(30 * 81 + 40) * 3;
  EXPECT_GT(image.rgb[at + 1], image.rgb[at]);  // Green.
}

// A wall at j = 110 on the sun's side of the road.
TEST_F(VoxelViewTest, CornersAndShadowsAreDarkerThanOpenGround) {
  for (int i = 80; i < 140; ++i)
    for (int j = 80; j < 120; ++j) At(i, j, 0) = kRoad;
  const geom::PinholeCamera camera = LookAt({0, -12, 14}, {0, 2, -1}, 60, 200, 150);
  const auto on_road = [](int i, int j) -> Vector3d {
    return VoxelGrid::Centre(i, j, 0) + Vector3d(0, 0, VoxelGrid::kVoxel / 2);
  };
  const data::Image open = Draw(camera);
  for (int i = 80; i < 140; ++i)
    for (int k = 1; k < 5; ++k) At(i, 110, k) = 15;
  const data::Image walled = Draw(camera);
  // In the shadow, two voxels from the wall; right at its foot; far off in the sun.
  const int shadow = Brightness(walled, camera, on_road(105, 107));
  EXPECT_LT(shadow, Brightness(open, camera, on_road(105, 107)) * 3 / 4);
  EXPECT_LT(Brightness(walled, camera, on_road(105, 109)), shadow);
  EXPECT_EQ(Brightness(walled, camera, on_road(105, 90)),
            Brightness(open, camera, on_road(105, 90)));
}

TEST_F(VoxelViewTest, TopsAreBrighterThanSidesInTheShade) {
  for (int i = 98; i < 103; ++i)
    for (int j = 98; j < 103; ++j)
      for (int k = 3; k < 8; ++k) At(i, j, k) = 15;
  const geom::PinholeCamera camera = LookAt({-12, 0.2, 8}, {0.2, 0.2, 1.2}, 30, 120, 90);
  const data::Image image = Draw(camera);
  const int top = Brightness(image, camera, {0.2, 0.2, -1 + 8 * 0.4});
  const int side = Brightness(image, camera, {-40 + 98 * 0.4, 0.2, 1.2});
  EXPECT_GT(top, side * 5 / 4);
}

TEST_F(VoxelViewTest, TheSameGridGivesTheSamePixels) {
  for (size_t index = 0; index < labels_.size(); index += 997) labels_[index] = 16;
  const geom::PinholeCamera camera = ChaseCamera(90, 70);
  EXPECT_EQ(DrawVoxels(labels_, camera, {}).rgb, DrawVoxels(labels_, camera, {}).rgb);
}

TEST_F(VoxelViewTest, TheCarStandsAtTheOriginAndIsHiddenByWhatIsBefore) {
  const geom::PinholeCamera camera = LookAt({-20, 0, 3}, {1, 0, 0.5}, 30, 80, 60);
  const auto draw = [&](bool car) {
    return DrawVoxels(labels_, camera, {.rays_per_pixel_edge = 1, .draw_car = car});
  };
  const Vector3d back_E(-0.66, 0, 0.5);
  EXPECT_GT(Brightness(draw(true), camera, back_E), 300);
  EXPECT_LT(Brightness(draw(false), camera, back_E), 100);
  for (int j = 90; j < 110; ++j)
    for (int k = 0; k < 8; ++k) At(80, j, k) = 16;
  EXPECT_EQ(Brightness(draw(true), camera, back_E), Brightness(draw(false), camera, back_E));
}

}  // namespace
}  // namespace occvla::view
