#include "occvla/world/render/scene.h"

#include <gtest/gtest.h>

#include "occvla/world/render/test_town.h"

namespace occvla::world {
namespace {

class SceneTest : public testing::Test {
 protected:
  TestTown world_;
  Region region_{{-40, -40}, {50, 40}};
};

TEST_F(SceneTest, SurfaceAndHeightAtAPointAreWhatADownwardRayHits) {
  // Bumps so short that the mesh's triangles differ from the smooth ground.
  world_.town.ground.waves.push_back({0.2, 0.5, 0.4, 0.1});
  const Scene scene(world_.town, {}, world_.drive, region_);
  std::vector<Ray> rays;
  for (int i = 0; i < 2000; ++i)
    rays.push_back({.origin_G = {std::fmod(i * 7.31, 88) - 39, std::fmod(i * 3.77, 78) - 39, 50},
                    .direction_G = {0, 0, -1}});
  const auto hits = scene.At(0).Cast(rays);
  int categories[28] = {};
  for (size_t i = 0; i < rays.size(); ++i) {
    const auto& at = rays[i].origin_G;
    const SurfacePoint point = scene.SurfaceAt(at.x(), at.y());
    if (hits[i].actor >= 0) continue;
    EXPECT_EQ(hits[i].category, point.category) << at.transpose();
    EXPECT_NEAR(50 - hits[i].distance, point.height, 1e-3) << at.transpose();
    EXPECT_GT(hits[i].normal_G.z(), 0.9f);
    ++categories[hits[i].category];
  }
  for (const int category : {24, 25, 26, 27}) EXPECT_GT(categories[category], 20) << category;
}

TEST_F(SceneTest, SurfacesEndExactlyAtTheirOutlines) {
  const Scene scene(world_.town, {}, world_.drive, region_);
  EXPECT_EQ(scene.SurfaceAt(0, 3.9999).category, 24);
  EXPECT_EQ(scene.SurfaceAt(0, 4.0001).category, 26);
  EXPECT_EQ(scene.SurfaceAt(0, 6.0001).category, 27);
  EXPECT_EQ(scene.SurfaceAt(15, -6.0001).category, 24);
  EXPECT_EQ(scene.SurfaceAt(-15, 10.0001).category, 25);
  // Beside the region too.
  EXPECT_EQ(scene.SurfaceAt(200, 3.9999).category, 24);
  EXPECT_EQ(scene.SurfaceAt(200, 5).category, 26);
  EXPECT_NEAR(scene.SurfaceAt(0, 5).height, world_.town.ground.Height(0, 5) + 0.12, 2e-3);
  EXPECT_NEAR(scene.SurfaceAt(0, 2).height, world_.town.ground.Height(0, 2), 2e-3);
}

// A ray along the road at half a kerb's height runs into the kerb, not under the sidewalk.
TEST_F(SceneTest, KerbsStandBetweenRoadAndSidewalk) {
  world_.town.ground.waves.clear();
  const Scene scene(world_.town, {}, world_.drive, region_);
  const auto hits =
      scene.At(0).Cast(std::vector<Ray>{{.origin_G = {-10, 0, 0.06}, .direction_G = {0, 1, 0}},
                                        {.origin_G = {-10, 0, 0.06}, .direction_G = {0, -1, 0}},
                                        {.origin_G = {-10, 20, 0.06}, .direction_G = {0, -1, 0}}});
  for (const Hit& hit : hits) EXPECT_EQ(hit.category, 26);
  EXPECT_NEAR(hits[0].distance, 4, 1e-3);
  EXPECT_NEAR(hits[1].distance, 4, 1e-3);
  EXPECT_NEAR(hits[2].distance, 14, 1e-3);
  EXPECT_LT(hits[0].normal_G.y(), -0.99f);
}

TEST_F(SceneTest, TheGroundHasNoHoles) {
  const Scene scene(world_.town, {}, world_.drive, region_);
  std::vector<Ray> rays;
  for (int i = 0; i < 20000; ++i) {
    const double yaw = 0.7548 * i, down = 0.02 + 0.3 * std::fmod(0.5698 * i, 1.0);
    rays.push_back(
        {.origin_G = {0, -2, world_.town.ground.Height(0, -2) + 1.6},
         .direction_G = Eigen::Vector3d(std::cos(yaw), std::sin(yaw), -down).normalized()});
  }
  int missed = 0;
  for (const Hit& hit : scene.At(0).Cast(rays)) missed += hit.distance < 0;
  EXPECT_EQ(missed, 0);
}

TEST_F(SceneTest, HitsNameActorsAndProps) {
  const Scene scene(world_.town, world_.props, world_.drive, region_);
  const double z = world_.town.ground.Height(14, -2) + 0.7;
  const auto hits = scene.At(0).Cast(std::vector<Ray>{
      {.origin_G = {0, -2, z}, .direction_G = {1, 0, 0}},
      {.origin_G = {34, 0, world_.town.ground.Height(34, 8) + 5}, .direction_G = {0, 1, 0}},
      {.origin_G = {0, 0, 20}, .direction_G = {0, 0, 1}}});
  EXPECT_EQ(hits[0].category, 17);
  EXPECT_EQ(hits[0].actor, 0);
  EXPECT_EQ(hits[0].prop, -1);
  EXPECT_LT(hits[0].normal_G.x(), 0);
  EXPECT_EQ(hits[1].category, 30);
  EXPECT_EQ(hits[1].prop, 1);
  EXPECT_EQ(hits[1].actor, -1);
  EXPECT_LT(hits[2].distance, 0);
}

TEST_F(SceneTest, ActorsComeAndGo) {
  world_.drive.states[1][0].reset();
  world_.drive.states.push_back(world_.drive.states[1]);
  world_.drive.ego.push_back(world_.drive.ego.back());
  const Scene scene(world_.town, {}, world_.drive, region_);
  EXPECT_EQ(scene.At(0).present().size(), 2u);
  EXPECT_EQ(scene.At(2).present().size(), 1u);
}

TEST_F(SceneTest, EveryKindOfPropIsASolidOfItsCategory) {
  std::vector<Prop> props;
  std::vector<Ray> rays;
  for (int kind = 0; kind <= static_cast<int>(PropKind::kHedge); ++kind) {
    const auto at = world_.Ground(-30 + 6 * kind, 25);
    props.push_back({static_cast<PropKind>(kind), at, 0.4, {3, 2, 5}, 5, kNoIndex});
    rays.push_back({.origin_G = at + Eigen::Vector3d(0.01, 0.02, 30), .direction_G = {0, 0, -1}});
  }
  const Scene scene(world_.town, props, world_.drive, region_);
  const auto hits = scene.At(0).Cast(rays);
  for (size_t kind = 0; kind < props.size(); ++kind) {
    const bool plant = props[kind].kind >= PropKind::kTree;
    EXPECT_EQ(hits[kind].category, plant ? 30 : 28) << kind;
    EXPECT_EQ(hits[kind].prop, static_cast<int>(kind));
  }
}

}  // namespace
}  // namespace occvla::world
