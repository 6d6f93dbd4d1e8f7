#include "occvla/world/render/actor_mesh.h"

#include <gtest/gtest.h>

#include <array>

namespace occvla::world {
namespace {

Actor ActorOf(uint8_t category, uint64_t look = 3) {
  constexpr std::array<std::array<double, 3>, 24> kSizes{
      {{0, 0, 0},         {1.0, 0.4, 0.7},   {0.7, 0.7, 1.75}, {0.5, 0.5, 1.2},  {0.7, 0.7, 1.8},
       {1.2, 0.6, 1.8},   {0.7, 0.7, 1.8},   {0.95, 0.6, 1.1}, {1.1, 0.7, 1.35}, {0.5, 2.5, 1.0},
       {1.0, 1.2, 0.5},   {0.7, 0.65, 1.06}, {0.4, 0.4, 1.07}, {3.0, 1.8, 1.3},  {1.7, 0.6, 1.3},
       {17.5, 2.9, 3.4},  {11.0, 2.9, 3.4},  {4.6, 1.95, 1.7}, {6.5, 2.8, 3.2},  {6.2, 2.3, 2.7},
       {4.9, 1.95, 1.75}, {2.1, 0.8, 1.45},  {11., 2.8, 3.7},  {7.2, 2.6, 2.9}}};
  const auto& size = kSizes[category];
  return {category, {size[0], size[1], size[2]}, look};
}

class ActorMeshTest : public testing::TestWithParam<int> {
 protected:
  uint8_t category() const { return static_cast<uint8_t>(GetParam()); }
};

void ExpectInside(const Extent& extent, const Eigen::Vector3f& size) {
  EXPECT_GE(extent.low.x(), -size.x() / 2);
  EXPECT_GE(extent.low.y(), -size.y() / 2);
  EXPECT_GE(extent.low.z(), 0);
  EXPECT_LE(extent.high.x(), size.x() / 2);
  EXPECT_LE(extent.high.y(), size.y() / 2);
  EXPECT_LE(extent.high.z(), size.z());
}

TEST_P(ActorMeshTest, FillsItsBoxAndStaysWithin) {
  for (uint64_t look = 0; look < 6; ++look) {
    for (const bool rider : {false, true}) {
      const Actor actor = ActorOf(category(), look);
      const Eigen::Vector3f size = actor.size.cast<float>();
      Extent all;
      for (uint8_t pose = 0; pose < kWalkPoses; ++pose) {
        const Extent extent =
            ExtentOf(ActorMesh(actor, {.rider = rider, .sitting = false, .pose = pose}));
        ExpectInside(extent, size);
        all.low = all.low.cwiseMin(extent.low);
        all.high = all.high.cwiseMax(extent.high);
      }
      EXPECT_TRUE(((all.high - all.low).array() >= 0.99f * size.array()).all())
          << (all.high - all.low).transpose() << " of " << size.transpose();
    }
  }
}

TEST_P(ActorMeshTest, IsOfItsCategoryWithAPaletteThatHolds) {
  const Mesh mesh = ActorMesh(ActorOf(category()));
  EXPECT_GT(mesh.triangles.size(), 30u);
  EXPECT_LT(mesh.triangles.size(), 2000u);
  ASSERT_EQ(mesh.categories.size(), mesh.triangles.size());
  ASSERT_EQ(mesh.materials.size(), mesh.triangles.size());
  ASSERT_EQ(mesh.props.size(), mesh.triangles.size());
  for (size_t i = 0; i < mesh.triangles.size(); ++i) {
    EXPECT_EQ(mesh.categories[i], category());
    EXPECT_LT(mesh.materials[i], mesh.palette.size());
    for (const uint32_t corner : mesh.triangles[i]) EXPECT_LT(corner, mesh.vertices.size());
  }
}

// Solids whose faces look outwards enclose a positive volume; faces that look inwards take away.
TEST_P(ActorMeshTest, FacesLookOutwards) {
  for (uint64_t look = 0; look < 4; ++look) {
    const Actor actor = ActorOf(category(), look);
    const Mesh mesh = ActorMesh(actor);
    double volume = 0, up = 0, down = 0;
    for (const auto& t : mesh.triangles) {
      const Eigen::Vector3d a = mesh.vertices[t[0]].cast<double>(),
                            b = mesh.vertices[t[1]].cast<double>(),
                            c = mesh.vertices[t[2]].cast<double>();
      volume += a.dot(b.cross(c)) / 6;
      const double z = (b - a).cross(c - a).z() / 2;
      (z > 0 ? up : down) += std::abs(z);
    }
    EXPECT_GT(volume, 0.005 * actor.size.prod());
    EXPECT_LT(volume, 2.0 * actor.size.prod());
    // Closed: what looks up is as large as what looks down.
    EXPECT_NEAR(up, down, 0.03 * (up + down));
  }
}

TEST_P(ActorMeshTest, IsAFunctionOfItsArguments) {
  const Mesh a = ActorMesh(ActorOf(category(), 9)), b = ActorMesh(ActorOf(category(), 9));
  EXPECT_EQ(a.vertices, b.vertices);
  EXPECT_EQ(a.triangles, b.triangles);
}

INSTANTIATE_TEST_SUITE_P(EveryCategory, ActorMeshTest, testing::Range(1, 24));

TEST(FigureTest, WalkersStepThroughTheirPosesAndOthersStandStill) {
  const Actor adult = ActorOf(2), car = ActorOf(17), bicycle = ActorOf(14);
  ActorState state;
  state.activity = Activity::kMoving;
  state.stride = 0.1;
  EXPECT_EQ(FigureOf(adult, state).pose, 0);
  state.stride = 1.6;
  EXPECT_EQ(FigureOf(adult, state).pose, 2);
  EXPECT_EQ(FigureOf(car, state).pose, 0);
  state.activity = Activity::kStanding;
  EXPECT_EQ(FigureOf(adult, state).pose, 0);
  state.activity = Activity::kSitting;
  EXPECT_TRUE(FigureOf(adult, state).sitting);
  state.activity = Activity::kWithRider;
  EXPECT_TRUE(FigureOf(bicycle, state).rider);
  EXPECT_FALSE(FigureOf(car, state).rider);
}

}  // namespace
}  // namespace occvla::world
