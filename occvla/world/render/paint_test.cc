#include "occvla/world/render/paint.h"

#include <gtest/gtest.h>

namespace occvla::world {
namespace {

Paint MakePaint(const Marking& marking) {
  Town town;
  town.markings = {marking};
  return Paint(town, {0, 0}, {50, 50});
}

Patch At(float x, float y, float size = 0.01f) {
  return {.x = x, .y = y, .view_x = 1, .view_y = 0, .across = size, .along = size};
}

TEST(PaintTest, ABandCoversItsWidth) {
  const Paint paint = MakePaint({.line = {{-10, 1}, {10, 1}}, .width = 0.2});
  EXPECT_FLOAT_EQ(paint.At(At(0, 1)).cover, 1);
  EXPECT_FLOAT_EQ(paint.At(At(0, 1.09f)).cover, 1);
  EXPECT_NEAR(paint.At(At(0, 1.1f)).cover, 0.5, 1e-3);
  EXPECT_FLOAT_EQ(paint.At(At(0, 1.12f)).cover, 0);
  EXPECT_FLOAT_EQ(paint.At(At(10.1f, 1)).cover, 0);
  EXPECT_FALSE(paint.At(At(0, 1)).yellow);
}

TEST(PaintTest, DashesStartAtTheLinesBeginning) {
  const Paint paint = MakePaint({.line = {{0, 0}, {20, 0}},
                                 .width = 0.2,
                                 .dash = 3,
                                 .gap = 5,
                                 .colour = Marking::Colour::kYellow});
  EXPECT_NEAR(paint.At(At(1, 0)).cover, 1, 1e-5);
  EXPECT_TRUE(paint.At(At(1, 0)).yellow);
  EXPECT_FLOAT_EQ(paint.At(At(4, 0)).cover, 0);
  EXPECT_NEAR(paint.At(At(9, 0)).cover, 1, 1e-5);
  EXPECT_NEAR(paint.At(At(3, 0)).cover, 0.5, 1e-3);
}

// From far away a thin line fades instead of flickering.
TEST(PaintTest, APixelWiderThanTheBandTakesItsShare) {
  const Paint paint = MakePaint({.line = {{-10, 0}, {10, 0}}, .width = 0.1});
  EXPECT_NEAR(paint.At(At(0, 0, 0.4f)).cover, 0.25, 1e-3);
  // Looked at lengthwise the patch is long but narrow: the line stays whole.
  EXPECT_NEAR(
      paint.At({.x = 0, .y = 0, .view_x = 1, .view_y = 0, .across = 0.02f, .along = 2}).cover, 1,
      1e-3);
}

TEST(PaintTest, NothingOutsideTheIndex) {
  const Paint paint = MakePaint({.line = {{-10, 0}, {10, 0}}, .width = 0.1});
  EXPECT_FLOAT_EQ(paint.At(At(300, 0)).cover, 0);
  EXPECT_FLOAT_EQ(paint.At(At(-300, 900)).cover, 0);
}

}  // namespace
}  // namespace occvla::world
