// Pictures, sweeps and occupancy come from one world: they must tell the same story.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "occvla/data/nuscenes/category.h"
#include "occvla/data/prediction.h"
#include "occvla/geom/voxel_walk.h"
#include "occvla/world/occupancy.h"
#include "occvla/world/render/camera.h"
#include "occvla/world/render/lidar.h"
#include "occvla/world/render/rig.h"
#include "occvla/world/render/test_town.h"

namespace occvla::world {
namespace {

using Eigen::Vector3d;
using geom::VoxelGrid;

struct Labelled {
  TestTown world;
  Scene scene{world.town, world.props, world.drive};
  Scene::Moment moment = scene.At(0);
  geom::Pose X_GE = EgoAt(world.drive, 0).X_GE;
  std::vector<uint8_t> semantics;

  Labelled() {
    std::vector<PlacedMesh> meshes;
    const auto place = [&](const Mesh& mesh, const geom::Pose& X_GA) {
      meshes.push_back({mesh.vertices, mesh.triangles, mesh.categories, X_GA});
    };
    place(scene.static_mesh(), geom::Pose(Eigen::Translation3d(scene.origin_G())));
    for (const auto& who : moment.present()) place(*who.mesh, who.state.X_GA);
    semantics = Voxelise(X_GE, meshes);
  }
};

/// True if the categories around a pixel are its own: away from silhouettes.
bool Even(const CameraShot& shot, int u, int v, int reach) {
  const int width = shot.image.width_px, height = shot.image.height_px;
  if (u < reach || v < reach || u >= width - reach || v >= height - reach) return false;
  const auto at = [&](int x, int y) {
    return shot
        .categories[static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x)];
  };
  for (int y = v - reach; y <= v + reach; ++y)
    for (int x = u - reach; x <= u + reach; ++x)
      if (at(x, y) != at(u, v)) return false;
  return true;
}

TEST(AgreementTest, TheFirstOccupiedVoxelOfAPixelsRayHoldsItsClass) {
  const Labelled world;
  int compared = 0, equal = 0;
  for (const auto& camera : MakeRig(0.15).cameras) {
    const auto shot = RenderCamera(world.moment, camera);
    const Eigen::Matrix3d to_E = camera.X_EC.linear() * camera.K.inverse();
    for (int v = 0; v < shot.image.height_px; v += 3) {
      for (int u = 0; u < shot.image.width_px; u += 3) {
        if (!Even(shot, u, v, 6)) continue;
        const uint8_t category =
            shot.categories[static_cast<size_t>(v) * static_cast<size_t>(shot.image.width_px) +
                            static_cast<size_t>(u)];
        uint8_t found = data::kFreeClass;
        geom::WalkRay(VoxelGrid::ToVoxels(camera.X_EC.translation()),
                      to_E * Vector3d(u + 0.5, v + 0.5, 1), [&](size_t voxel) {
                        found = world.semantics[voxel];
                        return found == data::kFreeClass;
                      });
        if (found == data::kFreeClass || category == 0) continue;  // Beyond the grid, or sky.
        ++compared;
        equal += found == data::nuscenes::kCategories[category].occupancy;
      }
    }
  }
  EXPECT_GT(compared, 2000);
  EXPECT_GE(equal, 0.97 * compared) << equal << " of " << compared;
}

TEST(AgreementTest, LidarPointsLieInVoxelsOfTheirClass) {
  const Labelled world;
  const auto rig = MakeRig(0.15);
  int compared = 0, equal = 0;
  for (const auto& point : CastLidar(world.moment, rig.X_EL)) {
    const auto voxel = VoxelGrid::Locate(rig.X_EL * Vector3d(point.x, point.y, point.z));
    if (!voxel) continue;
    ++compared;
    equal += world.semantics[VoxelGrid::Index((*voxel)[0], (*voxel)[1], (*voxel)[2])] ==
             data::nuscenes::kCategories[point.category].occupancy;
  }
  EXPECT_GT(compared, 5000);
  EXPECT_GE(equal, 0.95 * compared) << equal << " of " << compared;
}

}  // namespace
}  // namespace occvla::world
