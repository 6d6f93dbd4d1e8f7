#include "occvla/serve/camera_check.h"

#include <gmock/gmock.h>

#include <numbers>

namespace occvla::serve {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::array<double, 6> kYaw_deg = {0, -55, 55, 180, 110, -110};

// A camera that looks along the yaw, level: z ahead, x right, y down.
geom::PinholeCamera Looking(double yaw_deg) {
  const double yaw = yaw_deg * std::numbers::pi / 180;
  geom::PinholeCamera camera{.width_px = 100, .height_px = 50};
  camera.X_EC.linear().col(2) = Eigen::Vector3d(std::cos(yaw), std::sin(yaw), 0);
  camera.X_EC.linear().col(1) = Eigen::Vector3d(0, 0, -1);
  camera.X_EC.linear().col(0) =
      camera.X_EC.linear().col(1).cross(camera.X_EC.linear().col(2)).eval();
  return camera;
}

std::array<std::optional<geom::PinholeCamera>, 6> Car() {
  std::array<std::optional<geom::PinholeCamera>, 6> cameras;
  for (size_t i = 0; i < 6; ++i) cameras[i] = Looking(kYaw_deg[i]);
  return cameras;
}

data::Image Ramp(int step) {
  data::Image image{.width_px = 8, .height_px = 4, .rgb = {}};
  for (int i = 0; i < 8 * 4 * 3; ++i) image.rgb.push_back(static_cast<uint8_t>(i * step));
  return image;
}

data::Image Mirrored(const data::Image& image) {
  auto mirrored = image;
  for (int v = 0; v < image.height_px; ++v)
    for (int u = 0; u < image.width_px; ++u)
      for (int c = 0; c < 3; ++c)
        mirrored.rgb[static_cast<size_t>((v * image.width_px + u) * 3 + c)] =
            image.rgb[static_cast<size_t>((v * image.width_px + image.width_px - 1 - u) * 3 + c)];
  return mirrored;
}

TEST(CameraCheckTest, ACarWhoseCamerasLookWhereTheyShouldHasNoFlags) {
  auto cameras = Car();
  cameras[1] = Looking(-45);  // Another car's camera.
  EXPECT_THAT(CheckCalibration(cameras), IsEmpty());
}

TEST(CameraCheckTest, SwappedCalibrationsNameEachOther) {
  auto cameras = Car();
  std::swap(cameras[1], cameras[2]);
  EXPECT_THAT(CheckCalibration(cameras),
              ElementsAre("calibration_of:CAM_FRONT_RIGHT=CAM_FRONT_LEFT",
                          "calibration_of:CAM_FRONT_LEFT=CAM_FRONT_RIGHT"));
}

TEST(CameraCheckTest, ACameraThatStandsOnItsHeadIsTold) {
  auto cameras = Car();
  cameras[3]->X_EC.linear().col(1) *= -1;
  cameras[3]->X_EC.linear().col(0) *= -1;
  EXPECT_THAT(CheckCalibration(cameras), ElementsAre("camera_upside_down:CAM_BACK"));
}

TEST(CameraCheckTest, MissingCalibrationIsToldForAllOrForEach) {
  EXPECT_THAT(CheckCalibration({}), ElementsAre("calibration_missing"));
  auto cameras = Car();
  cameras[4].reset();
  EXPECT_THAT(CheckCalibration(cameras), ElementsAre("calibration_missing:CAM_BACK_LEFT"));
}

TEST(CameraCheckTest, EqualMirroredAndBlankImagesAreTold) {
  std::vector<data::Image> made;
  for (int i = 0; i < 6; ++i) made.push_back(Ramp(7 + 2 * i));
  EXPECT_THAT(CheckImages({made[0], made[1], made[2], made[3], made[4], made[5]}), IsEmpty());
  auto near = made[0];
  near.rgb[5] ^= 1;  // JPEG need not give the same bytes.
  auto blank = made[5];
  std::fill(blank.rgb.begin(), blank.rgb.end(), uint8_t{9});
  EXPECT_THAT(
      CheckImages({made[0], made[1], near, made[3], Mirrored(made[1]), blank}),
      ElementsAre("images_equal:CAM_FRONT=CAM_FRONT_LEFT",
                  "images_mirrored:CAM_FRONT_RIGHT=CAM_BACK_LEFT", "image_blank:CAM_BACK_RIGHT"));
  EXPECT_THAT(CheckImages({}), IsEmpty());
}

}  // namespace
}  // namespace occvla::serve
