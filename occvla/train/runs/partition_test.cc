#include "occvla/train/runs/partition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace occvla::train {
namespace {

using ::testing::ElementsAre;

TEST(PartitionTest, TheLargestGoFirstToWhoHasLeast) {
  const std::vector<int64_t> elements{3, 10, 4, 4, 1};
  const auto owners = OwnerOfParameters(elements, 2);
  EXPECT_THAT(owners, ElementsAre(1, 0, 1, 1, 0));
  EXPECT_THAT(OwnedElements(elements, owners, 2), ElementsAre(11, 11));
}

TEST(PartitionTest, OneRankOwnsAll) {
  EXPECT_THAT(OwnerOfParameters(std::vector<int64_t>{5, 6}, 1), ElementsAre(0, 0));
}

TEST(PartitionTest, MoreRanksThanParametersLeaveSomeWithNothing) {
  EXPECT_THAT(OwnerOfParameters(std::vector<int64_t>{5, 6}, 4), ElementsAre(1, 0));
  EXPECT_THAT(OwnerOfParameters({}, 4), ElementsAre());
}

TEST(PartitionTest, NoRankHasMoreThanAnEvenShareAndTheLargest) {
  std::vector<int64_t> elements;
  for (int64_t i = 0; i < 200; ++i) elements.push_back(i * 7919 % 1013 + 1);
  int64_t total = 0;
  for (const auto count : elements) total += count;
  for (int ranks = 1; ranks <= 9; ++ranks) {
    const auto owned = OwnedElements(elements, OwnerOfParameters(elements, ranks), ranks);
    for (const auto count : owned) EXPECT_LE(count, total / ranks + 1014);
  }
}

}  // namespace
}  // namespace occvla::train
