#include "occvla/train/recipe/crop.h"

#include <gtest/gtest.h>

#include <set>

namespace occvla::train {
namespace {

TEST(CropTest, WithoutOneTheWholeGridIsLookedAt) {
  const auto crop = CropAt({}, 1, 5, 25, 8);
  EXPECT_EQ(crop.x, 0);
  EXPECT_EQ(crop.y, 0);
  EXPECT_EQ(crop.size, 25);
}

TEST(CropTest, EveryPlaceOfTheGridIsReachedAndNoneOutsideIt) {
  LossConfig config;
  config.crop = 96;
  std::set<int64_t> x, y;
  for (uint64_t position = 0; position < 400; ++position) {
    const auto crop = CropAt(config, 1, position, 25, 8);
    EXPECT_EQ(crop.size, 12);
    x.insert(crop.x);
    y.insert(crop.y);
  }
  EXPECT_EQ(*x.begin(), 0);
  EXPECT_EQ(*x.rbegin(), 13);
  EXPECT_EQ(y.size(), 14u);
}

TEST(CropTest, SeedAndPositionAloneDecide) {
  LossConfig config;
  config.crop = 40;
  const auto first = CropAt(config, 1, 7, 200, 1), again = CropAt(config, 1, 7, 200, 1);
  EXPECT_EQ(first.x, again.x);
  EXPECT_EQ(first.y, again.y);
  const auto other = CropAt(config, 2, 7, 200, 1);
  EXPECT_TRUE(first.x != other.x || first.y != other.y);
}

}  // namespace
}  // namespace occvla::train
