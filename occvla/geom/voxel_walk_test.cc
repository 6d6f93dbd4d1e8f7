#include "occvla/geom/voxel_walk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "occvla/base/rng.h"

namespace occvla::geom {
namespace {

using Eigen::Vector3d;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Voxel = std::array<int, 3>;

Voxel At(size_t index) {
  const int n = static_cast<int>(index);
  return {n / VoxelGrid::kZ / VoxelGrid::kY, n / VoxelGrid::kZ % VoxelGrid::kY, n % VoxelGrid::kZ};
}

std::vector<Voxel> Segment(const Vector3d& start, const Vector3d& end) {
  std::vector<Voxel> voxels;
  WalkSegment(start, end, [&](size_t index) { voxels.push_back(At(index)); });
  return voxels;
}

std::vector<Voxel> Ray(const Vector3d& origin, const Vector3d& direction) {
  std::vector<Voxel> voxels;
  WalkRay(origin, direction, [&](size_t index) {
    voxels.push_back(At(index));
    return true;
  });
  return voxels;
}

// As Occ3D's loop does: it asks before each step whether the last voxel is behind it.
TEST(VoxelWalkTest, TheStartIsNotReportedTheEndIsAndOneVoxelBehindIt) {
  EXPECT_THAT(Segment({1.5, 2.5, 3.5}, {4.5, 2.5, 3.5}),
              ElementsAre(Voxel{2, 2, 3}, Voxel{3, 2, 3}, Voxel{4, 2, 3}, Voxel{5, 2, 3}));
  EXPECT_THAT(Segment({1.5, 2.5, 3.5}, {1.4, 2.4, 3.4}), ElementsAre(Voxel{1, 2, 2}));
}

TEST(VoxelWalkTest, ASegmentEndsWhereItLeavesTheGrid) {
  EXPECT_THAT(Segment({0.5, 0.5, 0.5}, {-5, 0.5, 0.5}), IsEmpty());
  EXPECT_THAT(Segment({1.5, 0.5, 0.5}, {-5, 0.5, 0.5}), ElementsAre(Voxel{0, 0, 0}));
}

TEST(VoxelWalkTest, ARayFromOutsideBeginsAtTheGridsFace) {
  const auto voxels = Ray({-10, 0.5, 0.5}, {1, 0, 0});
  ASSERT_EQ(voxels.size(), 200u);
  EXPECT_EQ(voxels.front(), (Voxel{0, 0, 0}));
  EXPECT_EQ(voxels.back(), (Voxel{199, 0, 0}));
  EXPECT_THAT(Ray({-10, 0.5, 0.5}, {-1, 0, 0}), IsEmpty());
  EXPECT_THAT(Ray({-10, 0.5, 20}, {1, 0, 0}), IsEmpty());
}

TEST(VoxelWalkTest, WalksThroughEveryVoxelThatSmallStepsFind) {
  Rng rng(3, "voxel-walk");
  for (int n = 0; n < 200; ++n) {
    const Vector3d origin(rng.Uniform() * 200, rng.Uniform() * 200, rng.Uniform() * 16);
    const Vector3d direction =
        Vector3d(rng.Normal(), rng.Normal(), 0.2 * rng.Normal()).normalized();
    const auto voxels = Ray(origin, direction);
    const std::set<Voxel> walked(voxels.begin(), voxels.end());
    EXPECT_EQ(walked.size(), voxels.size());
    for (double s = 0; s < 60; s += 0.07) {
      const Vector3d p = origin + s * direction;
      const Voxel at = {static_cast<int>(std::floor(p.x())), static_cast<int>(std::floor(p.y())),
                        static_cast<int>(std::floor(p.z()))};
      if (!VoxelGrid::Holds(at[0], at[1], at[2])) break;
      EXPECT_TRUE(walked.count(at)) << n << " at " << s;
    }
  }
}

TEST(VoxelWalkTest, TheGridsWalkGoesWhereTheWalkInFloatingPointGoes) {
  Rng rng(4, "voxel-walk");
  const auto point = [&] {
    return Vector3d(rng.Uniform() * 200, rng.Uniform() * 200, rng.Uniform() * 16);
  };
  for (int n = 0; n < 500; ++n) {
    const Vector3d start = point(), end = point();
    std::vector<Voxel> expected;
    for (VoxelWalk walk(start, end - start);
         VoxelGrid::Holds(walk.voxel()[0], walk.voxel()[1], walk.voxel()[2]); walk.Next())
      expected.push_back(walk.voxel());
    EXPECT_EQ(Ray(start, end - start).size(), expected.size());
    const auto found = Segment(start, end);
    ASSERT_LT(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i) ASSERT_EQ(found[i], expected[i + 1]) << n;
    const Voxel& last = found.back();
    EXPECT_LE(std::abs(last[0] - std::floor(end.x())) + std::abs(last[1] - std::floor(end.y())) +
                  std::abs(last[2] - std::floor(end.z())),
              3);
  }
}

TEST(VoxelGridTest, CentresLieInTheirVoxelsAndTheBorderIsHalfOpen) {
  EXPECT_EQ(VoxelGrid::Locate(VoxelGrid::Centre(7, 199, 15)), (std::array<int, 3>{7, 199, 15}));
  EXPECT_EQ(VoxelGrid::Locate({-40, -40, -1}), (std::array<int, 3>{0, 0, 0}));
  EXPECT_EQ(VoxelGrid::Locate({40, 0, 0}), std::nullopt);
  EXPECT_EQ(VoxelGrid::Index(1, 2, 3), (1u * 200 + 2) * 16 + 3);
}

}  // namespace
}  // namespace occvla::geom
