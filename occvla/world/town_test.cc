#include "occvla/world/town.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace occvla::world {
namespace {

TEST(TownTest, EveryTownIsSound) {
  for (uint64_t seed = 0; seed < 3; ++seed) {
    for (const auto location : kTownLocations) {
      const Town town = MakeTown({.seed = seed, .location = std::string(location), .size_m = 520});
      EXPECT_THAT(CheckTown(town), testing::IsEmpty()) << location << " " << seed;
    }
  }
}

}  // namespace
}  // namespace occvla::world
