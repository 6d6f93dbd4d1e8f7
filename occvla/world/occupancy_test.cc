#include "occvla/world/occupancy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "occvla/base/rng.h"
#include "occvla/data/prediction.h"
#include "occvla/geom/voxel_grid.h"

namespace occvla::world {
namespace {

using Eigen::Vector3d;
using Eigen::Vector3f;
using geom::VoxelGrid;

constexpr uint8_t kRoad = 24, kTerrain = 27, kManmade = 28, kCar = 17;  // lidarseg
constexpr uint8_t kRoadLabel = 11, kTerrainLabel = 14, kManmadeLabel = 15, kCarLabel = 4;

/// A mesh that owns what a PlacedMesh points at.
struct OwnedMesh {
  std::vector<Vector3f> vertices;
  std::vector<std::array<uint32_t, 3>> triangles;
  std::vector<uint8_t> categories;
  geom::Pose X_GA = geom::Pose::Identity();

  void AddQuad(const Vector3f& a, const Vector3f& b, const Vector3f& c, const Vector3f& d,
               uint8_t category) {
    const auto first = static_cast<uint32_t>(vertices.size());
    vertices.insert(vertices.end(), {a, b, c, d});
    triangles.push_back({first, first + 1, first + 2});
    triangles.push_back({first, first + 2, first + 3});
    categories.insert(categories.end(), 2, category);
  }
  PlacedMesh Placed() const { return {vertices, triangles, categories, X_GA}; }
};

OwnedMesh Floor(float from_y, float to_y, uint8_t category) {
  OwnedMesh mesh;
  mesh.AddQuad({-500, from_y, 0}, {500, from_y, 0}, {500, to_y, 0}, {-500, to_y, 0}, category);
  return mesh;
}

/// A wall across x = 10, from the ground up to 3 m, 20 m wide.
OwnedMesh Wall() {
  OwnedMesh mesh;
  mesh.AddQuad({10.1f, -10, 0}, {10.1f, 10, 0}, {10.1f, 10, 3}, {10.1f, -10, 3}, kManmade);
  return mesh;
}

std::map<int, int> Histogram(const std::vector<uint8_t>& labels) {
  std::map<int, int> counts;
  for (const uint8_t label : labels) ++counts[label];
  return counts;
}

TEST(OccupancyTest, AFlatRoadFillsOneLayer) {
  const OwnedMesh floor = Floor(-500, 500, kRoad);
  const auto labels = Voxelise(geom::Pose::Identity(), std::vector{floor.Placed()});
  const auto counts = Histogram(labels);
  EXPECT_EQ(counts.at(kRoadLabel), 200 * 200);
  EXPECT_EQ(labels[VoxelGrid::Index(3, 120, 2)], kRoadLabel);  // Height 0 is in voxel 2.
  EXPECT_EQ(labels[VoxelGrid::Index(3, 120, 1)], data::kFreeClass);
}

TEST(OccupancyTest, MostSamplesDecideAVoxelAndTiesGoToTheLowerClass) {
  // The border at y = 0.1 m runs through voxels from 0 to 0.4 m: a quarter is road.
  const OwnedMesh road = Floor(-50, 0.1f, kRoad), terrain = Floor(0.1f, 50, kTerrain);
  auto labels = Voxelise(geom::Pose::Identity(), std::vector{terrain.Placed(), road.Placed()});
  EXPECT_EQ(labels[VoxelGrid::Index(90, 100, 2)], kTerrainLabel);
  EXPECT_EQ(labels[VoxelGrid::Index(90, 99, 2)], kRoadLabel);
  const OwnedMesh twice = Floor(-50, 50, kRoad), over = Floor(-50, 50, kTerrain);
  labels = Voxelise(geom::Pose::Identity(), std::vector{over.Placed(), twice.Placed()});
  EXPECT_EQ(Histogram(labels).count(kTerrainLabel), 0u);
}

TEST(OccupancyTest, EverySurfaceLeavesNoHoles) {
  Rng rng(5, "occupancy-test");
  const auto at = [&] {
    return Vector3f(static_cast<float>(rng.Uniform() * 100 - 50),
                    static_cast<float>(rng.Uniform() * 100 - 50),
                    static_cast<float>(rng.Uniform() * 10 - 2));
  };
  for (int n = 0; n < 12; ++n) {
    OwnedMesh mesh;
    mesh.vertices = {at(), at(), at()};
    mesh.triangles = {{0, 1, 2}};
    mesh.categories = {kManmade};
    const auto labels = Voxelise(geom::Pose::Identity(), std::vector{mesh.Placed()});
    for (int i = 0; i < 4000; ++i) {
      double u = rng.Uniform(), v = rng.Uniform();
      if (u + v > 1) u = 1 - u, v = 1 - v;
      const Vector3d p =
          (mesh.vertices[0] + static_cast<float>(u) * (mesh.vertices[1] - mesh.vertices[0]) +
           static_cast<float>(v) * (mesh.vertices[2] - mesh.vertices[0]))
              .cast<double>();
      const auto voxel = VoxelGrid::Locate(p);
      if (!voxel) continue;
      // A surface that cuts a corner of a voxel may pass between samples 0.1 m apart: some voxel
      // within that distance must be filled.
      bool filled = false;
      for (int corner = 0; corner < 27 && !filled; ++corner) {
        const Vector3d near =
            p + 0.1 * Vector3d(corner % 3 - 1, corner / 3 % 3 - 1, corner / 9 - 1);
        const auto there = VoxelGrid::Locate(near);
        filled = there &&
                 labels[VoxelGrid::Index((*there)[0], (*there)[1], (*there)[2])] == kManmadeLabel;
      }
      EXPECT_TRUE(filled) << "triangle " << n << " at " << p.transpose();
    }
  }
}

TEST(OccupancyTest, TheGridGoesWithTheCar) {
  OwnedMesh post;
  post.AddQuad({20, -0.1f, 0}, {20, 0.1f, 0}, {20, 0.1f, 2}, {20, -0.1f, 2}, kManmade);
  geom::Pose X_GE = geom::Pose::Identity();
  X_GE.translation() = Vector3d(20, -10, 0);
  X_GE.linear() = Eigen::AngleAxisd(M_PI / 2, Vector3d::UnitZ()).toRotationMatrix();
  const auto labels = Voxelise(X_GE, std::vector{post.Placed()});
  const auto voxel = VoxelGrid::Locate({10, 0.05, 0.5});  // Ten metres ahead.
  ASSERT_TRUE(voxel);
  EXPECT_EQ(labels[VoxelGrid::Index((*voxel)[0], (*voxel)[1], (*voxel)[2])], kManmadeLabel);
}

/// A lidar 1.8 m above the origin that has hit the given points.
LidarFrame Sweep(std::initializer_list<LidarReturn> returns) {
  LidarFrame frame;
  frame.X_GL.translation() = Vector3d(0, 0.1, 1.9);
  frame.returns = returns;
  return frame;
}

struct Scene {
  OwnedMesh floor = Floor(-500, 500, kRoad), wall = Wall();
  std::vector<PlacedMesh> meshes{floor.Placed(), wall.Placed()};
  std::vector<std::optional<geom::Pose>> actors;
  std::vector<geom::PinholeCamera> cameras;

  data::occ3d::Labels Labels(const LidarFrame& sweep, const VisibilityRules& rules = {}) const {
    const std::vector<const LidarFrame*> sweeps{&sweep};
    return MakeLabels({.X_GE = geom::Pose::Identity(),
                       .meshes = meshes,
                       .sweeps = sweeps,
                       .p_GL = Vector3d(0, 0.1, 1.9),
                       .actors = actors,
                       .cameras = cameras,
                       .rules = rules});
  }
};

uint8_t At(const std::vector<uint8_t>& values, const Vector3d& p_E) {
  const auto voxel = VoxelGrid::Locate(p_E);
  return voxel ? values[VoxelGrid::Index((*voxel)[0], (*voxel)[1], (*voxel)[2])] : 255;
}

TEST(OccupancyTest, ARaySeesWhatLiesBetweenPointAndSensor) {
  const Scene scene;
  const auto labels = scene.Labels(Sweep({{Vector3f(10.1f, 0, 0), -1}}));
  EXPECT_EQ(At(labels.mask_lidar, {10.1, 0.1, 1.9}), 1);
  EXPECT_EQ(At(labels.semantics, {10.1, 0.1, 1.9}), kManmadeLabel);
  EXPECT_EQ(At(labels.mask_lidar, {5, 0.1, 1.9}), 1);
  EXPECT_EQ(At(labels.semantics, {5, 0.1, 1.9}), data::kFreeClass);
  EXPECT_EQ(At(labels.mask_lidar, {5, 0.1, 0}), 0);
  EXPECT_EQ(At(labels.semantics, {5, 0.1, 0}), data::kFreeClass) << "the road there was not seen";
  EXPECT_EQ(At(labels.mask_lidar, {11, 0.1, 1.9}), 0);
}

TEST(OccupancyTest, TheAuthorsRulesFreeNothingNearPointOrOrigin) {
  const Scene scene;
  const auto labels =
      scene.Labels(Sweep({{Vector3f(10.1f, 0, 0), -1}}), {.least_hits = 2, .ignore_near = 1});
  EXPECT_EQ(At(labels.mask_lidar, {10.1, 0.1, 1.9}), 0) << "one point is not enough";
  EXPECT_EQ(At(labels.mask_lidar, {9.3, 0.1, 1.9}), 0);
  EXPECT_EQ(At(labels.mask_lidar, {0.8, 0.1, 1.9}), 0);
  EXPECT_EQ(At(labels.mask_lidar, {5, 0.1, 1.9}), 1);
}

TEST(OccupancyTest, PointsOfAnActorStandWhereItIsNow) {
  Scene scene;
  OwnedMesh car;
  car.AddQuad({-2, 0, 0}, {2, 0, 0}, {2, 0, 1.5f}, {-2, 0, 1.5f}, kCar);
  car.X_GA.translation() = Vector3d(0, 8, 0);
  scene.meshes = {scene.floor.Placed(), car.Placed()};
  const LidarFrame sweep = Sweep({{Vector3f(0, 0, 1), 0}});  // In the actor's frame.
  scene.actors = {car.X_GA};
  auto labels = scene.Labels(sweep);
  EXPECT_EQ(At(labels.semantics, {0.1, 8, 1}), kCarLabel);
  EXPECT_EQ(At(labels.mask_lidar, {0.1, 4, 1.45}), 1) << "its ray comes from the present sensor";
  scene.actors = {std::nullopt};
  labels = scene.Labels(sweep);
  EXPECT_EQ(Histogram(labels.mask_lidar).count(1), 0u)
      << "an actor that is not there has no points";
}

TEST(OccupancyTest, ACameraSeesUpToTheFirstObservedSurfaceOnly) {
  Scene scene;
  geom::PinholeCamera camera;
  camera.width_px = 1600, camera.height_px = 900;
  camera.K << 1266, 0, 800, 0, 1266, 450, 0, 0, 1;
  camera.X_EC.linear() << 0, 0, 1, -1, 0, 0, 0, -1, 0;  // Looks along x.
  camera.X_EC.translation() = Vector3d(1.5, 0, 1.5);
  scene.cameras = {camera};
  // One point far behind the wall (seen over it, some other time) and one on it.
  const auto labels =
      scene.Labels(Sweep({{Vector3f(10.1f, 0, -0.2f), -1}, {Vector3f(30, 0, -0.5f), -1}}));
  EXPECT_EQ(At(labels.mask_camera, {10.1, 0.1, 1.6}), 1);
  EXPECT_EQ(At(labels.mask_camera, {5, 0.1, 1.7}), 1);
  EXPECT_EQ(At(labels.mask_lidar, {25, 0.1, 1.48}), 1);
  EXPECT_EQ(At(labels.mask_camera, {25, 0.1, 1.48}), 0) << "the wall hides it";
  EXPECT_EQ(At(labels.mask_camera, {0.2, 0.1, 1.9}), 0) << "behind the camera";
  for (size_t i = 0; i < labels.mask_camera.size(); ++i)
    ASSERT_LE(labels.mask_camera[i], labels.mask_lidar[i]);
}

}  // namespace
}  // namespace occvla::world
