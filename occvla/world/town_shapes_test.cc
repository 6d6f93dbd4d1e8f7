#include "occvla/world/town_shapes.h"

#include <gtest/gtest.h>

#include "occvla/base/rng.h"
#include "occvla/geom/polygon.h"

namespace occvla::world {
namespace {

TEST(RectangleTest, LiesAlongItsYaw) {
  const Polygon2 box = Rectangle({10, 20}, 1.5707963267948966, 6, 2);
  const auto bounds = geom::BoundsOf(box.points);
  EXPECT_NEAR(bounds.min.x(), 9, 1e-9);
  EXPECT_NEAR(bounds.max.y(), 23, 1e-9);
  EXPECT_NEAR(geom::SignedArea(box.points), 12, 1e-9);
}

TEST(FreeSpaceTest, WhatOverlapsIsNeverFree) {
  Rng rng(3, "free space");
  const auto draw = [&] {
    return Rectangle({6 + 28 * rng.Uniform(), 6 + 28 * rng.Uniform()}, 6 * rng.Uniform(),
                     0.3 + 6 * rng.Uniform(), 0.3 + 3 * rng.Uniform());
  };
  int free = 0;
  for (int i = 0; i < 300; ++i) {
    FreeSpace space(40, 40);
    const Polygon2 taken = draw(), asked = draw();
    space.Take(taken);
    EXPECT_FALSE(geom::Overlap(taken.points, asked.points) && space.IsFree(asked));
    free += space.IsFree(asked) ? 1 : 0;
    EXPECT_FALSE(space.IsFree(taken));
  }
  EXPECT_GT(free, 200);
}

TEST(FreeSpaceTest, CirclesTakeAndAsk) {
  FreeSpace space(40, 40);
  space.Take({20, 20}, 3);
  EXPECT_FALSE(space.IsFree({24, 20}, 1.1));
  EXPECT_TRUE(space.IsFree({25, 20}, 1.1));
  EXPECT_FALSE(space.IsFree(Rectangle({22.5, 20}, 0, 0.2, 0.2)));
}

TEST(FreeSpaceTest, BeyondTheCanvasNothingIsFree) {
  FreeSpace space(40, 40);
  EXPECT_FALSE(space.IsFree(Rectangle({0, 20}, 0, 2, 2)));
  EXPECT_FALSE(space.IsFree({20, 41}, 0.5));
  space.Take(Rectangle({40, 20}, 0, 6, 2));
  EXPECT_FALSE(space.IsFree(Rectangle({38, 20}, 0, 1, 1)));
}

}  // namespace
}  // namespace occvla::world
