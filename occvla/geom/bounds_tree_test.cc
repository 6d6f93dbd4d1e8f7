#include "occvla/geom/bounds_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "occvla/base/rng.h"

namespace occvla::geom {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(BoundsTreeTest, FindsWhatEachRectangleByItselfSays) {
  for (const size_t count : {1, 7, 8, 9, 64, 65, 700}) {
    Rng rng(1, "bounds", 0, count);
    std::vector<Bounds2> bounds;
    for (size_t i = 0; i < count; ++i) {
      Bounds2 box = Bounds2::Around({100 * rng.Uniform(), 100 * rng.Uniform()}, 0);
      box.max += Eigen::Vector2d(5 * rng.Uniform(), 50 * rng.Uniform() * rng.Uniform());
      bounds.push_back(box);
    }
    const BoundsTree tree(bounds);
    for (int query = 0; query < 50; ++query) {
      const Bounds2 box =
          Bounds2::Around({120 * rng.Uniform() - 10, 120 * rng.Uniform() - 10}, 9 * rng.Uniform());
      std::vector<uint32_t> want;
      for (uint32_t i = 0; i < count; ++i)
        if (bounds[i].Meets(box)) want.push_back(i);
      EXPECT_EQ(tree.Meeting(box), want);
    }
  }
}

TEST(BoundsTreeTest, TouchingIsMeetingAndEmptyMeetsNothing) {
  const std::vector<Bounds2> bounds = {Bounds2::Around({0, 0}, 1), {}, Bounds2::Around({3, 0}, 1)};
  const BoundsTree tree(bounds);
  EXPECT_THAT(tree.Meeting(Bounds2::Around({1.5, 0}, 0.5)), ElementsAre(0, 2));
  EXPECT_THAT(tree.Meeting(Bounds2::Around({0, 0}, 1e9)), ElementsAre(0, 2));
  EXPECT_THAT(tree.Meeting({}), IsEmpty());
  EXPECT_THAT(BoundsTree().Meeting(Bounds2::Around({0, 0}, 1)), IsEmpty());
  EXPECT_THAT(BoundsTree(std::vector<Bounds2>(3)).Meeting(Bounds2::Around({0, 0}, 1)), IsEmpty());
}

TEST(BoundsTreeTest, EqualRectanglesAreAllFound) {
  const BoundsTree tree(std::vector<Bounds2>(100, Bounds2::Around({2, 2}, 1)));
  EXPECT_EQ(tree.Meeting(Bounds2::Around({2, 2}, 0)).size(), 100u);
}

}  // namespace
}  // namespace occvla::geom
