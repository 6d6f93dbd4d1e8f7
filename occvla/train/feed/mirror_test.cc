#include "occvla/train/feed/mirror.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "occvla/base/rng.h"

namespace occvla::train {
namespace {

using ::testing::ElementsAre;

std::vector<uint8_t> Random(size_t count, uint64_t below, uint64_t seed) {
  Rng rng(seed, "mirror test");
  std::vector<uint8_t> values(count);
  for (uint8_t& value : values) value = static_cast<uint8_t>(rng.Below(below));
  return values;
}

Example RandomExample(uint64_t seed) {
  Rng rng(seed, "example");
  Example example;
  example.size_px = 5;
  example.rgb = Random(6 * 5 * 5 * 3, 256, seed);
  constexpr size_t kVoxels = 200 * 200 * 16;
  example.labels = {Random(kVoxels, 18, seed), Random(kVoxels, 2, seed + 1),
                    Random(kVoxels, 2, seed + 2)};
  example.ego.velocity_E = {rng.Normal(), rng.Normal()};
  for (int i = 0; i < 4; ++i) example.ego.past_positions_E.push_back({rng.Normal(), rng.Normal()});
  for (size_t i = 0; i < 6; ++i)
    example.ego.past_meta_actions.push_back(
        {data::Velocity::kAccelerate, static_cast<data::Direction>(i)});
  example.meta_action = {data::Velocity::kDecelerate, data::Direction::kChangeLaneRight};
  for (auto& p_E : example.trajectory_E) p_E = {rng.Normal(), rng.Normal()};
  example.valid = {true, true, false, true, true, true};
  example.cameras.emplace();
  for (auto& camera : *example.cameras) {
    camera.width_px = 1600;
    camera.height_px = 900;
    camera.K << 1260, 0.5, 816 + rng.Normal(), 0, 1255, 491, 0, 0, 1;
    camera.X_EC.translation() = Eigen::Vector3d(rng.Normal(), rng.Normal(), rng.Normal());
    camera.X_EC.linear() =
        Eigen::Quaterniond(rng.Normal(), rng.Normal(), rng.Normal(), rng.Normal())
            .normalized()
            .toRotationMatrix();
  }
  return example;
}

TEST(MirrorTest, TwiceGivesBackEveryField) {
  for (uint64_t seed = 0; seed < 2; ++seed) {
    const Example before = RandomExample(seed);
    Example example = before;
    MirrorAllButTexts(example);
    EXPECT_TRUE(example.flipped);
    EXPECT_NE(example.rgb, before.rgb);
    EXPECT_NE(example.labels->semantics, before.labels->semantics);
    MirrorAllButTexts(example);
    EXPECT_FALSE(example.flipped);
    EXPECT_EQ(example.rgb, before.rgb);
    EXPECT_EQ(example.labels->semantics, before.labels->semantics);
    EXPECT_EQ(example.labels->mask_lidar, before.labels->mask_lidar);
    EXPECT_EQ(example.labels->mask_camera, before.labels->mask_camera);
    EXPECT_EQ(example.ego.velocity_E, before.ego.velocity_E);
    EXPECT_EQ(example.ego.past_positions_E, before.ego.past_positions_E);
    EXPECT_EQ(example.ego.past_meta_actions, before.ego.past_meta_actions);
    EXPECT_EQ(example.meta_action, before.meta_action);
    EXPECT_EQ(example.trajectory_E, before.trajectory_E);
    EXPECT_EQ(example.valid, before.valid);
    for (size_t i = 0; i < 6; ++i) {
      // width - (width - c) is exact for c in the middle of an image.
      EXPECT_EQ((*example.cameras)[i].K, (*before.cameras)[i].K);
      EXPECT_EQ((*example.cameras)[i].X_EC.matrix(), (*before.cameras)[i].X_EC.matrix());
    }
  }
}

TEST(MirrorTest, SwapsLeftAndRightWhereTheyAre) {
  Example example = RandomExample(3);
  const Example before = example;
  MirrorAllButTexts(example);
  // The first pixel of FRONT_RIGHT is the last of its row of what FRONT_LEFT saw.
  const size_t camera = 5 * 5 * 3;
  for (size_t c = 0; c < 3; ++c) {
    EXPECT_EQ(example.rgb[1 * camera + c], before.rgb[2 * camera + 4 * 3 + c]);
    EXPECT_EQ(example.rgb[0 * camera + c], before.rgb[0 * camera + 4 * 3 + c]);
    EXPECT_EQ(example.rgb[5 * camera + c], before.rgb[4 * camera + 4 * 3 + c]);
  }
  const auto at = [](size_t i, size_t j, size_t k) { return (i * 200 + j) * 16 + k; };
  EXPECT_EQ(example.labels->semantics[at(7, 0, 3)], before.labels->semantics[at(7, 199, 3)]);
  EXPECT_EQ(example.labels->mask_camera[at(9, 120, 15)], before.labels->mask_camera[at(9, 79, 15)]);
  EXPECT_EQ(data::ToString(*example.meta_action), "Decelerate, Change Lane Left");
  EXPECT_EQ(example.trajectory_E[2][0], before.trajectory_E[2][0]);
  EXPECT_EQ(example.trajectory_E[2][1], -before.trajectory_E[2][1]);
  EXPECT_EQ(example.ego.velocity_E->at(1), -before.ego.velocity_E->at(1));
}

TEST(MirrorTest, TurnsDirectionsButNotStraightOnAndStop) {
  std::vector<std::string> names;
  for (int i = 0; i < 6; ++i)
    names.push_back(
        data::ToString(Mirrored({data::Velocity::kMaintain, static_cast<data::Direction>(i)})));
  EXPECT_THAT(names, ElementsAre("Maintain speed, Go Straight", "Maintain speed, Turn Right",
                                 "Maintain speed, Turn Left", "Maintain speed, Change Lane Right",
                                 "Maintain speed, Change Lane Left", "Maintain speed, Stop"));
}

// What the mirrored camera sees of a mirrored point is the mirrored pixel.
TEST(MirrorTest, MirroredCamerasSeeTheMirroredWorld) {
  const Example example = RandomExample(5);
  Rng rng(1, "points");
  size_t seen = 0;
  for (int i = 0; i < 200; ++i) {
    const Eigen::Vector3d p_EQ(20 * rng.Normal(), 20 * rng.Normal(), 5 * rng.Normal());
    const Eigen::Vector3d mirrored_EQ(p_EQ.x(), -p_EQ.y(), p_EQ.z());
    for (const auto& camera : *example.cameras) {
      const auto pixel_I = geom::Project(camera, p_EQ);
      const auto mirrored_I = geom::Project(Mirrored(camera), mirrored_EQ);
      ASSERT_EQ(pixel_I.has_value(), mirrored_I.has_value());
      if (!pixel_I) continue;
      ++seen;
      EXPECT_NEAR(mirrored_I->x(), 1600 - pixel_I->x(), 1e-6 * (1 + std::abs(pixel_I->x())));
      EXPECT_NEAR(mirrored_I->y(), pixel_I->y(), 1e-6 * (1 + std::abs(pixel_I->y())));
    }
  }
  EXPECT_GT(seen, 300U);
  EXPECT_NEAR(Mirrored(example.cameras->front()).X_EC.linear().determinant(), 1.0, 1e-12);
}

}  // namespace
}  // namespace occvla::train
