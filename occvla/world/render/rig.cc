#include "occvla/world/render/rig.h"

#include <cmath>
#include <numbers>

namespace occvla::world {
namespace {

struct Mount {
  double x, y, z;   // In E; metres.
  double yaw_deg;   // Of the optical axis; left is positive.
  double focal_px;  // At 1600 x 900.
  double offset_s;
};

// FRONT, FRONT_RIGHT, FRONT_LEFT, BACK, BACK_LEFT, BACK_RIGHT.
constexpr std::array<Mount, 6> kMounts{{{1.70, 0.0, 1.50, 0, 1260, -0.035},
                                        {1.55, -0.50, 1.50, -55, 1260, -0.027},
                                        {1.55, 0.50, 1.50, 55, 1260, -0.043},
                                        {0.05, 0.0, 1.55, 180, 800, -0.010},
                                        {1.05, 0.50, 1.55, 110, 1260, -0.002},
                                        {1.05, -0.50, 1.55, -110, 1260, -0.019}}};

}  // namespace

Rig MakeRig(double image_scale) {
  constexpr double kWidth = 1600, kHeight = 900, kCentreX = 800, kCentreY = 480;
  Rig rig;
  for (size_t i = 0; i < kMounts.size(); ++i) {
    const Mount& mount = kMounts[i];
    geom::PinholeCamera& camera = rig.cameras[i];
    camera.width_px = static_cast<int>(std::lround(kWidth * image_scale));
    camera.height_px = static_cast<int>(std::lround(kHeight * image_scale));
    // The rounded size decides: a pixel stays a pixel.
    const double sx = camera.width_px / kWidth, sy = camera.height_px / kHeight;
    camera.K << mount.focal_px * sx, 0, kCentreX * sx, 0, mount.focal_px * sy, kCentreY * sy, 0, 0,
        1;
    const double yaw = mount.yaw_deg * std::numbers::pi / 180;
    Eigen::Matrix3d R_EC;  // Columns: the camera's right, down, forward.
    R_EC << std::sin(yaw), 0, std::cos(yaw), -std::cos(yaw), 0, std::sin(yaw), 0, -1, 0;
    camera.X_EC.linear() = R_EC;
    camera.X_EC.translation() = Eigen::Vector3d(mount.x, mount.y, mount.z);
    rig.offsets_s[i] = mount.offset_s;
  }
  rig.X_EL.translation() = Eigen::Vector3d(0.98, 0, 1.84);
  rig.X_EL.linear() =
      Eigen::AngleAxisd(-std::numbers::pi / 2, Eigen::Vector3d::UnitZ()).toRotationMatrix();
  return rig;
}

}  // namespace occvla::world
