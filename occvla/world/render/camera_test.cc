#include "occvla/world/render/camera.h"

#include <gtest/gtest.h>

#include <thread>

#include "occvla/world/render/lidar.h"
#include "occvla/world/render/test_town.h"

namespace occvla::world {
namespace {

class CameraTest : public testing::Test {
 protected:
  TestTown world_;
  Region region_{{-40, -40}, {50, 40}};
  Rig rig_ = MakeRig(0.125);

  double Brightness(const CameraShot& shot, const Eigen::Vector3d& p_G) const {
    const Eigen::Vector3d p_E = world_.drive.ego[0].X_GE.inverse() * p_G;
    const auto pixel = geom::Project(rig_.cameras[0], p_E);
    const auto at = static_cast<size_t>(static_cast<int>(pixel->y()) * shot.image.width_px +
                                        static_cast<int>(pixel->x()));
    return shot.image.rgb[3 * at] + shot.image.rgb[3 * at + 1] + shot.image.rgb[3 * at + 2];
  }
};

TEST_F(CameraTest, APixelHasTheClassOfWhatLiesBehindIt) {
  const Scene scene(world_.town, world_.props, world_.drive, region_);
  const CameraShot shot = RenderCamera(scene, 0, rig_.cameras[0]);
  ASSERT_EQ(shot.image.width_px, 200);
  ASSERT_EQ(shot.image.height_px, 113);
  const auto at = [&](const Eigen::Vector3d& p_G) {
    const Eigen::Vector3d p_E = world_.drive.ego[0].X_GE.inverse() * p_G;
    const auto pixel = geom::Project(rig_.cameras[0], p_E);
    return static_cast<size_t>(static_cast<int>(pixel->y()) * 200 + static_cast<int>(pixel->x()));
  };
  const size_t car = at(world_.Ground(13, -2) + Eigen::Vector3d(0, 0, 0.6));
  EXPECT_EQ(shot.categories[car], 17);
  EXPECT_EQ(shot.actors[car], 0);
  EXPECT_EQ(shot.categories[at(world_.Ground(8, -2))], 24);
  EXPECT_EQ(shot.categories[at(world_.Ground(14, -5) + Eigen::Vector3d(0, 0, 0.12))], 26);
  EXPECT_EQ(shot.categories[at(world_.Ground(30, 9))], 27);
  EXPECT_EQ(shot.categories[at(world_.Ground(28, 12.3) + Eigen::Vector3d(0, 0, 3))], 28);
  EXPECT_EQ(shot.categories[at(world_.Ground(34, 8) + Eigen::Vector3d(0, 0, 5))], 30);
  EXPECT_EQ(shot.categories[at({40, -10, 12})], 0);
  EXPECT_EQ(shot.actors[at({40, -10, 12})], -1);
}

// What projects onto a pixel is what the pixel's own ray hit, but for silhouettes.
TEST_F(CameraTest, LidarPointsLandOnWhatTheCameraSees) {
  const Scene scene(world_.town, world_.props, world_.drive, region_);
  const auto moment = scene.At(0);
  int judged = 0, agree = 0, solid = 0, agree_solid = 0;
  const auto points = CastLidar(moment, rig_.X_EL);
  for (const geom::PinholeCamera& camera : rig_.cameras) {
    const CameraShot shot = RenderCamera(moment, camera);
    const int width = camera.width_px, height = camera.height_px;
    for (const LidarPoint& point : points) {
      const auto pixel =
          geom::Project(camera, rig_.X_EL * Eigen::Vector3d(point.x, point.y, point.z));
      if (!pixel) continue;
      const int u = static_cast<int>(std::floor(pixel->x())),
                v = static_cast<int>(std::floor(pixel->y()));
      if (u < 2 || v < 2 || u >= width - 2 || v >= height - 2) continue;
      const auto here = static_cast<size_t>(v * width + u);
      bool inner = true;  // No silhouette within two pixels.
      for (int dv = -2; dv <= 2; ++dv)
        for (int du = -2; du <= 2; ++du) {
          const auto there = static_cast<size_t>((v + dv) * width + u + du);
          inner = inner && shot.categories[there] == shot.categories[here] &&
                  shot.actors[there] == shot.actors[here];
        }
      if (!inner) continue;
      const bool same = shot.categories[here] == point.category && shot.actors[here] == point.actor;
      ++judged;
      agree += same;
      // The ground is the same everywhere: it hides what is out of place.
      const bool flat = point.category >= 24 && point.category <= 27;
      solid += !flat;
      agree_solid += !flat && same;
    }
  }
  EXPECT_GT(judged, 2000);
  EXPECT_GT(solid, 100);
  EXPECT_GE(agree, 0.99 * judged) << agree << " of " << judged;
  EXPECT_GE(agree_solid, 0.99 * solid) << agree_solid << " of " << solid;
}

TEST_F(CameraTest, ShadowsFallAwayFromTheSun) {
  world_.town.ground.waves.clear();
  world_.town.markings.clear();
  world_.drive.sun_elevation = 0.7;
  for (const double side : {1.0, -1.0}) {
    world_.drive.sun_azimuth = side * 1.5708;  // To the left, to the right.
    const Scene scene(world_.town, {}, world_.drive, region_);
    const CameraShot shot = RenderCamera(scene, 0, rig_.cameras[0]);
    const double left = Brightness(shot, {12.5, -0.5, 0}),
                 right = Brightness(shot, {12.5, -3.5, 0});
    if (side > 0) {
      EXPECT_LT(right, 0.7 * left);
    } else {
      EXPECT_LT(left, 0.7 * right);
    }
  }
}

TEST_F(CameraTest, NightIsDarkerThanDayAndLampsShow) {
  const auto mean = [](const CameraShot& shot) {
    double sum = 0;
    for (const uint8_t value : shot.image.rgb) sum += value;
    return sum / static_cast<double>(shot.image.rgb.size());
  };
  const Scene day(world_.town, world_.props, world_.drive, region_);
  const double day_mean = mean(RenderCamera(day, 0, rig_.cameras[0]));
  world_.drive.day_time = DayTime::kNight;
  const Scene night(world_.town, world_.props, world_.drive, region_);
  const CameraShot shot = RenderCamera(night, 0, rig_.cameras[0]);
  EXPECT_GT(day_mean, 100);
  EXPECT_LT(mean(shot), 0.5 * day_mean);
  EXPECT_GT(mean(shot), 8);
}

TEST_F(CameraTest, BrakeLampsLightUp) {
  world_.drive.states[0][0]->braking = world_.drive.states[1][0]->braking = false;
  const Scene off(world_.town, {}, world_.drive, region_);
  const auto red = [&](const Scene& scene) {
    const CameraShot shot = RenderCamera(scene, 0, rig_.cameras[0]);
    int count = 0;
    for (size_t i = 0; i < shot.actors.size(); ++i)
      count +=
          shot.actors[i] == 0 && shot.image.rgb[3 * i] > 170 && shot.image.rgb[3 * i + 1] < 110;
    return count;
  };
  const int before = red(off);
  Drive braking = world_.drive;
  braking.states[0][0]->braking = braking.states[1][0]->braking = true;
  const Scene on(world_.town, {}, braking, region_);
  EXPECT_GT(red(on), before + 2);
}

TEST_F(CameraTest, ThreadsDoNotChangeThePicture) {
  const Scene scene(world_.town, world_.props, world_.drive, region_);
  const auto moment = scene.At(0);
  const CameraShot alone = RenderCamera(moment, rig_.cameras[0]);
  CameraShot first, second;
  std::thread thread([&] { first = RenderCamera(moment, rig_.cameras[0]); });
  const CameraShot other = RenderCamera(moment, rig_.cameras[1]);
  second = RenderCamera(scene, 0, rig_.cameras[0]);
  thread.join();
  EXPECT_EQ(first.image.rgb, alone.image.rgb);
  EXPECT_EQ(second.image.rgb, alone.image.rgb);
  EXPECT_EQ(first.categories, alone.categories);
  EXPECT_NE(other.image.rgb, alone.image.rgb);
}

TEST(RigTest, CamerasLookWhereTheirNamesSay) {
  const Rig rig = MakeRig(0.5);
  // FRONT, FRONT_RIGHT, FRONT_LEFT, BACK, BACK_LEFT, BACK_RIGHT.
  const std::array<Eigen::Vector3d, 6> targets_E{
      {{20, 0, 1}, {12, -16, 1}, {12, 16, 1}, {-20, 0, 1}, {-6, 18, 1}, {-6, -18, 1}}};
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(rig.cameras[i].width_px, 800);
    EXPECT_EQ(rig.cameras[i].height_px, 450);
    EXPECT_NEAR(rig.cameras[i].X_EC.linear().determinant(), 1, 1e-9);
    const auto pixel = geom::Project(rig.cameras[i], targets_E[i]);
    ASSERT_TRUE(pixel) << i;
    EXPECT_NEAR(pixel->x(), 400, 130) << i;
    EXPECT_NEAR(pixel->y(), 255, 40) << i;
    // Up is up.
    const auto above = geom::Project(rig.cameras[i], targets_E[i] + Eigen::Vector3d(0, 0, 1));
    EXPECT_LT(above->y(), pixel->y()) << i;
  }
  // The lidar's x points to the right, its y ahead.
  EXPECT_LT((rig.X_EL.linear() * Eigen::Vector3d::UnitX() + Eigen::Vector3d::UnitY()).norm(), 1e-9);
}

}  // namespace
}  // namespace occvla::world
