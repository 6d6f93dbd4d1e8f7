#include "occvla/view/path.h"

#include <gtest/gtest.h>

#include <cmath>

namespace occvla::view {
namespace {

constexpr Trajectory kStraight = {{{2, 0}, {4, 0}, {6, 0}, {8, 0}, {10, 0}, {12, 0}}};

TEST(PathTest, PassesThroughEveryPointAtItsTime) {
  const Trajectory bent = {{{2, 0}, {4, 0.5}, {6, 1.5}, {7, 3}, {8, 5}, {8, 8}}};
  const auto path = SmoothPath(bent);
  int found = 0;
  for (const PathPoint& point : path) {
    for (size_t index = 0; index < 6; ++index) {
      if (std::abs(point.time - 0.5 * static_cast<double>(index + 1)) > 1e-9) continue;
      EXPECT_NEAR(point.p_E.x(), bent[index][0], 1e-9);
      EXPECT_NEAR(point.p_E.y(), bent[index][1], 1e-9);
      ++found;
    }
  }
  EXPECT_EQ(found, 6);
}

TEST(PathTest, AStandingCarHasNoPathToDraw) {
  const auto path = SmoothPath(Trajectory{});
  EXPECT_EQ(path.size(), 1u);
  EXPECT_TRUE(Ribbon(path, 1).empty());
}

TEST(PathTest, StopsBeforePointsThatNoCarReaches) {
  Trajectory wild = kStraight;
  wild[2] = {1e300, 0};
  wild[3] = {std::nan(""), 0};
  const auto path = SmoothPath(wild);
  EXPECT_NEAR(path.back().p_E.x(), 4, 1e-9);
}

TEST(PathTest, RibbonOfAStraightPathIsAsWideAsTheCar) {
  for (const RibbonPiece& piece : Ribbon(SmoothPath(kStraight), 0.9)) {
    EXPECT_NEAR(piece.corners_E[0].y(), 0.9, 1e-12);
    EXPECT_NEAR(piece.corners_E[2].y(), -0.9, 1e-12);
    EXPECT_GT(piece.corners_E[1].x(), piece.corners_E[0].x());
  }
}

}  // namespace
}  // namespace occvla::view
