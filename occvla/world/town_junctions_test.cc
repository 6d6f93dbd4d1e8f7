#include "occvla/world/town_junctions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace occvla::world {
namespace {

constexpr double kPi = std::numbers::pi;

Lane Straight(double x, double y, double yaw, double length) {
  Lane lane;
  for (double s = 0; s <= length; s += 0.5) {
    lane.centreline.push_back({x + s * std::cos(yaw), y + s * std::sin(yaw), yaw});
    lane.arc_lengths.push_back(s);
  }
  return lane;
}

TEST(SweptPathsMeetTest, CrossingLanesMeetAndNeighboursDoNot) {
  EXPECT_TRUE(SweptPathsMeet(Straight(0, 0, 0, 20), Straight(10, -10, kPi / 2, 20)));
  EXPECT_FALSE(SweptPathsMeet(Straight(0, 0, 0, 20), Straight(0, 3.2, 0, 20)));
  EXPECT_FALSE(SweptPathsMeet(Straight(0, 0, 0, 20), Straight(10, 3, kPi / 2, 20)));
}

TEST(LightOfTest, PhasesFollowEachOtherWithAllRedBetween) {
  Junction junction;
  junction.control = Control::kLights;
  junction.phases = {{1, 2}, {3}};
  junction.green_s = 10;
  junction.amber_s = 3;
  junction.clear_s = 2;
  using enum LightState;
  const auto at = [&](double t) {
    return std::array<LightState, 2>{LightOf(junction, 2, t), LightOf(junction, 3, t)};
  };
  using testing::ElementsAre;
  EXPECT_THAT(at(0), ElementsAre(kGreen, kRed));
  EXPECT_THAT(at(9.9), ElementsAre(kGreen, kRed));
  EXPECT_THAT(at(10.1), ElementsAre(kAmber, kRed));
  EXPECT_THAT(at(13.1), ElementsAre(kRed, kRed));
  EXPECT_THAT(at(15.1), ElementsAre(kRed, kGreen));
  EXPECT_THAT(at(25.1), ElementsAre(kRed, kAmber));
  EXPECT_THAT(at(29), ElementsAre(kRed, kRed));
  EXPECT_THAT(at(30.1), ElementsAre(kGreen, kRed));
  EXPECT_THAT(at(-0.5), ElementsAre(kRed, kRed));
  junction.offset_s = 20;
  EXPECT_THAT(at(0.1), ElementsAre(kRed, kGreen));
}

class PriorityTest : public testing::Test {
 protected:
  static const Town& TheTown(uint64_t seed) {
    static const std::array<Town, 3> towns = {MakeTown({.seed = 0, .size_m = 620}),
                                              MakeTown({.seed = 1, .size_m = 620}),
                                              MakeTown({.seed = 2, .size_m = 620})};
    return towns[seed];
  }

  /// Calls see(junction, waiting, first, mutual) for every conflict.
  template <typename See>
  static void EachConflict(See&& see) {
    for (uint64_t seed = 0; seed < 3; ++seed) {
      const Town& town = TheTown(seed);
      for (const Junction& junction : town.junctions) {
        for (const auto& [waits, first] : junction.conflicts) {
          const bool mutual =
              std::find(junction.conflicts.begin(), junction.conflicts.end(),
                        std::array<int, 2>{first, waits}) != junction.conflicts.end();
          see(junction, town.lanes[static_cast<size_t>(waits)],
              town.lanes[static_cast<size_t>(first)], mutual);
        }
      }
    }
  }

  static double InYaw(const Lane& lane) { return lane.centreline.front()[2]; }
  /// How far the second lane's traffic comes turned against the first one's, degrees, [-180, 180).
  static double From(const Lane& lane, const Lane& other) {
    return std::remainder(InYaw(other) - InYaw(lane), 2 * kPi) * 180 / kPi;
  }
};

TEST_F(PriorityTest, ALeftTurnWaitsForOncomingTraffic) {
  size_t seen = 0;
  EachConflict([&](const Junction&, const Lane& waits, const Lane& first, bool mutual) {
    if (std::abs(From(waits, first)) < 150 || mutual) return;
    if (waits.turn == first.turn) return;
    EXPECT_EQ(waits.turn, Turn::kLeft);
    ++seen;
  });
  EXPECT_GT(seen, 100u);
}

TEST_F(PriorityTest, WithLightsCrossTrafficHasNoPriorityByItself) {
  size_t seen = 0;
  EachConflict([&](const Junction& junction, const Lane& waits, const Lane& first, bool mutual) {
    const double from = std::abs(From(waits, first));
    if (junction.control != Control::kLights || from < 50 || from > 130) return;
    EXPECT_TRUE(mutual);
    ++seen;
  });
  EXPECT_GT(seen, 100u);
}

TEST_F(PriorityTest, WithoutSignsWhoComesFromTheRightGoesFirst) {
  size_t seen = 0;
  EachConflict([&](const Junction& junction, const Lane& waits, const Lane& first, bool mutual) {
    const double from = From(waits, first);
    if (junction.control != Control::kNone || std::abs(from) < 50 || std::abs(from) > 130) return;
    EXPECT_FALSE(mutual);
    EXPECT_GT(from, 0) << "who comes from the right heads to the left";
    ++seen;
  });
  EXPECT_GT(seen, 15u);
}

TEST_F(PriorityTest, WhoHasAStopSignWaitsForWhoHasNone) {
  size_t seen = 0;
  for (uint64_t seed = 0; seed < 3; ++seed) {
    const Town& town = TheTown(seed);
    const auto must_wait = [&](int connector) {
      const int before = town.lanes[static_cast<size_t>(connector)].predecessors[0];
      const int line = town.lanes[static_cast<size_t>(before)].stop_line;
      return line != kNoIndex && (town.stop_lines[static_cast<size_t>(line)].type == "STOP_SIGN" ||
                                  town.stop_lines[static_cast<size_t>(line)].type == "YIELD");
    };
    for (const Junction& junction : town.junctions) {
      if (junction.control != Control::kStopSigns && junction.control != Control::kYield) continue;
      for (const auto& [waits, first] : junction.conflicts) {
        if (must_wait(waits) == must_wait(first)) continue;
        EXPECT_TRUE(must_wait(waits));
        ++seen;
      }
    }
  }
  EXPECT_GT(seen, 30u);
}

TEST_F(PriorityTest, PathsThatCrossWithoutAConflictDoNotExist) {
  const Town& town = TheTown(1);
  for (const Junction& junction : town.junctions) {
    for (const int a : junction.connectors) {
      for (const int b : junction.connectors) {
        const Lane &lane_a = town.lanes[static_cast<size_t>(a)],
                   &lane_b = town.lanes[static_cast<size_t>(b)];
        if (a >= b || lane_a.predecessors == lane_b.predecessors) continue;
        const bool listed = std::any_of(
            junction.conflicts.begin(), junction.conflicts.end(), [&](const auto& pair) {
              return pair == std::array<int, 2>{a, b} || pair == std::array<int, 2>{b, a};
            });
        ASSERT_EQ(listed, SweptPathsMeet(lane_a, lane_b));
        ASSERT_TRUE(listed || lane_a.successors != lane_b.successors);
      }
    }
  }
}

TEST_F(PriorityTest, WhatIsGreenTogetherCrossesOnlyWherePriorityIsPlain) {
  for (uint64_t seed = 0; seed < 3; ++seed) {
    const Town& town = TheTown(seed);
    for (const Junction& junction : town.junctions) {
      for (const auto& phase : junction.phases) {
        const auto green = [&](int c) {
          return std::find(phase.begin(), phase.end(), c) != phase.end();
        };
        for (const auto& [a, b] : junction.conflicts) {
          if (!green(a) || !green(b)) continue;
          // Face to face, or side by side into one lane; never from the side.
          const double from = std::abs(
              From(town.lanes[static_cast<size_t>(a)], town.lanes[static_cast<size_t>(b)]));
          EXPECT_TRUE(from < 1e-3 || from > 135) << from;
        }
      }
    }
  }
}

TEST_F(PriorityTest, PostsFaceTheTrafficThatObeysThem) {
  const Town& town = TheTown(2);
  ASSERT_FALSE(town.lights.empty());
  for (const TrafficLightPost& post : town.lights) {
    ASSERT_FALSE(post.connectors.empty());
    for (const int c : post.connectors) {
      const auto& start = town.lanes[static_cast<size_t>(c)].centreline.front();
      EXPECT_NEAR(std::remainder(post.yaw - start[2] - kPi, 2 * kPi), 0, 1e-6);
      const double dx = post.at.x() - start[0], dy = post.at.y() - start[1];
      const double ahead = std::cos(start[2]) * dx + std::sin(start[2]) * dy;
      const double left = std::cos(start[2]) * dy - std::sin(start[2]) * dx;
      EXPECT_GT(ahead, -1);
      // Beside the stop line on the right; beyond a junction that bends wherever the road goes on.
      EXPECT_LT(left, ahead < 5 ? -1.5 : 12);
    }
  }
}

}  // namespace
}  // namespace occvla::world
