#include "occvla/world/render/lidar.h"

#include <gtest/gtest.h>

#include <numbers>

#include "occvla/world/render/test_town.h"

namespace occvla::world {
namespace {

class LidarTest : public testing::Test {
 protected:
  TestTown world_;
  Region region_{{-40, -40}, {50, 40}};
  Rig rig_ = MakeRig(0.5);
};

TEST_F(LidarTest, PointsLieOnTheirBeams) {
  const Scene scene(world_.town, world_.props, world_.drive, region_);
  const auto points = CastLidar(scene, 0, rig_.X_EL);
  EXPECT_GT(points.size(), 12000u);
  EXPECT_LE(points.size(), size_t{32} * 1080);
  for (const LidarPoint& point : points) {
    const Eigen::Vector3d p(point.x, point.y, point.z);
    EXPECT_LE(p.norm(), kLidarReach + 1e-3);
    ASSERT_GE(point.ring, 0);
    ASSERT_LT(point.ring, 32);
    const double elevation = std::atan2(p.z(), p.head<2>().norm());
    ASSERT_NEAR(elevation, BeamElevation(static_cast<int>(point.ring)), 1e-5);
    EXPECT_GE(point.intensity, 0);
    EXPECT_LE(point.intensity, 255);
    EXPECT_EQ(point.intensity, std::floor(point.intensity));
  }
  EXPECT_NEAR(BeamElevation(0) * 180 / std::numbers::pi, -30.67, 1e-9);
  EXPECT_NEAR(BeamElevation(31) * 180 / std::numbers::pi, 10.67, 1e-9);
}

TEST_F(LidarTest, PointsOfAnActorLieInItsBox) {
  const Scene scene(world_.town, world_.props, world_.drive, region_);
  int count = 0;
  for (const LidarPoint& point : CastLidar(scene, 0, rig_.X_EL)) {
    if (point.actor < 0) continue;
    ++count;
    const auto actor = static_cast<size_t>(point.actor);
    geom::Box box = BoxOf(world_.drive.actors[actor], *world_.drive.states[0][actor]);
    box.size += Eigen::Vector3d::Constant(2e-3);  // Float32 files.
    const Eigen::Vector3d p_G =
        world_.drive.ego[0].X_GE * rig_.X_EL * Eigen::Vector3d(point.x, point.y, point.z);
    EXPECT_TRUE(geom::Contains(box, p_G)) << actor;
    EXPECT_EQ(point.category, world_.drive.actors[actor].category);
  }
  EXPECT_GT(count, 50);
}

TEST_F(LidarTest, GroundIsWhereSurfaceAtSays) {
  const Scene scene(world_.town, world_.props, world_.drive, region_);
  for (const LidarPoint& point : CastLidar(scene, 0, rig_.X_EL)) {
    if (point.category < 24 || point.category > 27) continue;
    const Eigen::Vector3d p_G =
        world_.drive.ego[0].X_GE * rig_.X_EL * Eigen::Vector3d(point.x, point.y, point.z);
    if ((p_G.head<2>().array() < -38).any() || p_G.x() > 48 || p_G.y() > 38) continue;
    const SurfacePoint surface = scene.SurfaceAt(p_G.x(), p_G.y());
    const auto beside = [&](double dy) { return scene.SurfaceAt(p_G.x(), p_G.y() + dy).surface; };
    if (beside(0.02) != beside(-0.02)) continue;  // A kerb's face.
    EXPECT_NEAR(p_G.z(), surface.height, 5e-3);
    EXPECT_EQ(surface.category, point.category) << p_G.transpose();
  }
}

}  // namespace
}  // namespace occvla::world
