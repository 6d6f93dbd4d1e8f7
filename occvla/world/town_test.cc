#include "occvla/world/town.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "occvla/base/error.h"
#include "occvla/geom/polygon.h"

namespace occvla::world {
namespace {

using Eigen::Vector2d;
using testing::Contains;
using testing::IsEmpty;
using testing::StartsWith;

const Town& SmallTown() {
  static const Town town = MakeTown({.seed = 4, .location = "singapore-onenorth", .size_m = 480});
  return town;
}

class EveryTownTest : public testing::TestWithParam<uint64_t> {};

TEST_P(EveryTownTest, IsSound) {
  const Town town = MakeTown({.seed = GetParam(),
                              .location = std::string(kTownLocations[GetParam() % 4]),
                              .size_m = GetParam() == 0 ? 800.0 : 500.0});
  EXPECT_THAT(CheckTown(town), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Seeds, EveryTownTest, testing::Range<uint64_t>(0, 12));

TEST(TownTest, OptionsOutOfRangeAreNamedTogether) {
  try {
    (void)MakeTown({.location = "boston", .size_m = 100, .spacing_m = 30});
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(),
                 "town:\n  - location is \"boston\", but must be one of: singapore-onenorth "
                 "singapore-hollandvillage singapore-queenstown boston-seaport\n  - size_m must be "
                 "from 480 to 3000, is 100.000000\n  - spacing_m must be from 100 to 200, is "
                 "30.000000");
  }
}

TEST(TownTest, TheSameOptionsGiveTheSameTown) {
  const Town again = MakeTown({.seed = 4, .location = "singapore-onenorth", .size_m = 480});
  const Town& town = SmallTown();
  ASSERT_EQ(again.lanes.size(), town.lanes.size());
  for (size_t i = 0; i < town.lanes.size(); ++i) {
    EXPECT_EQ(again.lanes[i].token, town.lanes[i].token);
    EXPECT_EQ(again.lanes[i].centreline, town.lanes[i].centreline);
  }
  EXPECT_EQ(again.slots.size(), town.slots.size());
  EXPECT_EQ(again.areas.size(), town.areas.size());
}

TEST(TownTest, SeedsAndLocationsHaveTownsOfTheirOwn) {
  const Town& town = SmallTown();
  const Town seed = MakeTown({.seed = 5, .location = "singapore-onenorth", .size_m = 480});
  const Town location = MakeTown({.seed = 4, .location = "boston-seaport", .size_m = 480});
  std::set<std::string> tokens;
  for (const Lane& lane : town.lanes) tokens.insert(lane.token);
  for (const Town* other : {&seed, &location}) {
    EXPECT_NE(other->junctions[0].centre, town.junctions[0].centre);
    for (const Lane& lane : other->lanes) EXPECT_FALSE(tokens.contains(lane.token));
  }
}

TEST(TownTest, TokensAreUuids) {
  for (const Lane& lane : SmallTown().lanes)
    EXPECT_THAT(lane.token,
                testing::MatchesRegex(
                    "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
}

TEST(TownTest, TownsHaveAllKindsOfRoadsAndJunctions) {
  std::set<Control> controls;
  std::set<size_t> arms, lanes_abreast;
  std::set<std::string> stop_lines;
  std::set<Surface> surfaces;
  size_t bends = 0, middle_crossings = 0, roadside = 0, carpark = 0, one_way = 0;
  for (uint64_t seed = 0; seed < 3; ++seed) {
    const Town town = MakeTown({.seed = seed, .location = std::string(kTownLocations[seed])});
    for (const Junction& junction : town.junctions) {
      controls.insert(junction.control);
      std::set<int> roads;
      for (const int c : junction.connectors) {
        const Lane& lane = town.lanes[static_cast<size_t>(c)];
        for (const int end : {lane.predecessors[0], lane.successors[0]})
          roads.insert(town.lanes[static_cast<size_t>(end)].road_segment);
      }
      arms.insert(roads.size());
    }
    for (const Lane& lane : town.lanes) {
      EXPECT_GE(lane.speed_limit, 8);
      EXPECT_LE(lane.speed_limit, 17);
      if (lane.connector || lane.right != kNoIndex) continue;
      size_t abreast = 1;
      for (int left = lane.left; left != kNoIndex; ++abreast)
        left = town.lanes[static_cast<size_t>(left)].left;
      lanes_abreast.insert(abreast);
      const double turned = std::abs(
          std::remainder(lane.centreline.back()[2] - lane.centreline.front()[2], 6.283185307));
      bends += turned > 0.2 ? 1 : 0;
      one_way += std::none_of(town.lanes.begin(), town.lanes.end(),
                              [&](const Lane& other) {
                                return !other.connector && &other != &lane &&
                                       other.road_segment == lane.road_segment &&
                                       other.right == kNoIndex;
                              })
                     ? 1
                     : 0;
    }
    for (const StopLine& line : town.stop_lines) stop_lines.insert(line.type);
    for (const Area& area : town.areas) surfaces.insert(area.surface);
    for (const Crossing& crossing : town.crossings)
      middle_crossings += crossing.junction == kNoIndex ? 1 : 0;
    for (const Slot& slot : town.slots) ++(slot.roadside ? roadside : carpark);
  }
  EXPECT_EQ(controls.size(), 4u);
  EXPECT_THAT(arms, testing::ElementsAre(3, 4));
  EXPECT_THAT(lanes_abreast, testing::ElementsAre(1, 2, 3));
  EXPECT_THAT(stop_lines,
              testing::ElementsAre("PED_CROSSING", "STOP_SIGN", "TRAFFIC_LIGHT", "YIELD"));
  EXPECT_EQ(surfaces.size(), 5u);
  EXPECT_GT(bends, 20u);
  EXPECT_GT(one_way, 4u);
  EXPECT_GT(middle_crossings, 4u);
  EXPECT_GT(roadside, 100u);
  EXPECT_GT(carpark, 100u);
}

TEST(TownTest, EveryTownHasACarparkAndOtherFlatGround) {
  for (uint64_t seed = 0; seed < 4; ++seed) {
    const Town town = MakeTown({.seed = seed, .size_m = 480});
    std::set<Surface> surfaces;
    for (const Area& area : town.areas) surfaces.insert(area.surface);
    EXPECT_EQ(surfaces.size(), 5u) << seed;
  }
}

TEST(TownTest, VehiclesKeepToTheRight) {
  const Town& town = SmallTown();
  size_t seen = 0;
  for (const Lane& lane : town.lanes) {
    for (const Lane& other : town.lanes) {
      if (lane.connector || other.connector || lane.road_segment != other.road_segment) continue;
      const auto &a = lane.centreline[lane.centreline.size() / 2], &b = other.centreline.front();
      const auto& c = lane.centreline.back();
      // Lanes that begin where this one ends run against it.
      if (std::cos(b[2] - c[2]) > -0.5 || std::hypot(b[0] - c[0], b[1] - c[1]) > 15) continue;
      EXPECT_LT(std::cos(c[2] + M_PI_2) * (c[0] - b[0]) + std::sin(c[2] + M_PI_2) * (c[1] - b[1]),
                0)
          << a[0];
      ++seen;
    }
  }
  EXPECT_GT(seen, 20u);
}

TEST(TownTest, AreasAreSimpleAndCounterClockwise) {
  const Town& town = SmallTown();
  for (size_t i = 0; i < town.areas.size(); ++i) {
    const auto& points = town.areas[i].outline.points;
    EXPECT_GT(geom::SignedArea(points), 1) << i;
    EXPECT_TRUE(geom::IsSimple(points)) << i << " " << static_cast<int>(town.areas[i].surface);
  }
  for (const Crossing& crossing : town.crossings)
    EXPECT_GT(geom::SignedArea(crossing.area.points), 1);
  for (const StopLine& line : town.stop_lines) EXPECT_GT(geom::SignedArea(line.area.points), 1);
}

TEST(TownTest, WalksOfACornerShareTheirEnd) {
  const Town& town = SmallTown();
  std::vector<Vector2d> ends;
  for (const Walk& walk : town.walks) {
    ends.push_back(walk.path.front());
    ends.push_back(walk.path.back());
    for (const int crossing : walk.crossings) {
      const Crossing& c = town.crossings[static_cast<size_t>(crossing)];
      EXPECT_TRUE(std::any_of(walk.path.begin(), walk.path.end(), [&](const Vector2d& p) {
        return (p - c.from).norm() < 1e-6 || (p - c.to).norm() < 1e-6;
      }));
    }
  }
  for (const Vector2d& end : ends) {
    EXPECT_EQ(std::count_if(ends.begin(), ends.end(),
                            [&](const Vector2d& other) { return (other - end).norm() < 1e-6; }),
              2);
  }
}

TEST(TownTest, CrossingsCutTheLanesWhereTheyLie) {
  std::set<bool> at_junctions;
  for (uint64_t seed = 0; seed < 3; ++seed) {
    const Town town = MakeTown({.seed = seed, .size_m = 480});
    for (const Crossing& crossing : town.crossings) {
      at_junctions.insert(crossing.junction != kNoIndex);
      for (const auto& cut : crossing.cuts) {
        const Lane& lane = town.lanes[static_cast<size_t>(cut.lane)];
        size_t i = 0;
        while (i + 1 < lane.arc_lengths.size() && lane.arc_lengths[i] < cut.s) ++i;
        const Vector2d p(lane.centreline[i][0], lane.centreline[i][1]);
        EXPECT_LT(geom::DistanceToSegment(p, crossing.from, crossing.to), 0.6);
      }
    }
  }
  EXPECT_EQ(at_junctions.size(), 2u);
}

TEST(GroundTest, SlopeAndNormalFollowTheHeight) {
  const Ground& ground = SmallTown().ground;
  constexpr double kStep = 1e-4;
  for (double x = 7; x < 480; x += 90) {
    for (double y = 3; y < 480; y += 70) {
      const Vector2d slope = ground.Slope(x, y);
      EXPECT_NEAR(slope.x(),
                  (ground.Height(x + kStep, y) - ground.Height(x - kStep, y)) / (2 * kStep), 1e-7);
      EXPECT_NEAR(slope.y(),
                  (ground.Height(x, y + kStep) - ground.Height(x, y - kStep)) / (2 * kStep), 1e-7);
      EXPECT_NEAR(ground.Normal(x, y).dot(Eigen::Vector3d(1, 0, slope.x())), 0, 1e-12);
      EXPECT_NEAR(ground.Normal(x, y).norm(), 1, 1e-12);
    }
  }
}

struct Damage {
  const char* name;
  std::function<void(Town&)> apply;
  const char* complaint;  // How one of the complaints begins.
};

std::vector<Damage> Damages() {
  return {
      Damage{"LostSuccessor", [](Town& t) { t.lanes[0].successors.clear(); },
             "lane 0 leads nowhere"},
      Damage{"LostPredecessor", [](Town& t) { t.lanes[0].predecessors.clear(); },
             "lane 0 comes from nowhere"},
      Damage{"OneSidedJoint",
             [](Town& t) {
               t.lanes[static_cast<size_t>(t.lanes[0].successors[0])].predecessors.clear();
             },
             "lane "},
      Damage{"MovedLane", [](Town& t) { t.lanes[0].centreline.back()[0] += 1e-5; },
             "lane 0 does not join"},
      Damage{"MovedPath", [](Town& t) { t.lanes[0].paths.back().end[1] += 1e-5; },
             "lane 0 has paths that end elsewhere"},
      Damage{"TightPath",
             [](Town& t) {
               for (Lane& lane : t.lanes)
                 if (lane.turn == Turn::kRight) lane.paths[0].radius = 3;
             },
             "lane "},
      Damage{"SameToken", [](Town& t) { t.lanes[1].token = t.lanes[0].token; }, "token "},
      Damage{"LaneOutside", [](Town& t) { t.lanes[0].centreline[3][0] = 10; },
             "lane 0 comes too near the canvas' border"},
      Damage{"LaneOffItsRoad", [](Town& t) { t.lanes[0].centreline[9][1] += 30; },
             "lane 0 leaves its segment's outline"},
      Damage{"OverlappingRoads",
             [](Town& t) {
               for (auto& p : t.segments[0].outline.points) p.x() += 3;
               for (auto& p : t.segments[0].outline.points) p.y() += 3;
             },
             "segments 0 and "},
      Damage{"ClockwiseRoad",
             [](Town& t) {
               std::reverse(t.segments[0].outline.points.begin(),
                            t.segments[0].outline.points.end());
             },
             "segment 0 is not counter-clockwise"},
      Damage{"CutOffPart",
             [](Town& t) {
               for (Lane& lane : t.lanes)
                 if (lane.connector && lane.junction == 0) lane.successors.clear();
             },
             "lane "},
      Damage{"StrangeConflict",
             [](Town& t) {
               t.junctions[0].conflicts.push_back({0, 0});
             },
             "junction 0 has a conflict with a stranger"},
      Damage{"DarkLight",
             [](Town& t) {
               for (Junction& j : t.junctions)
                 if (!j.phases.empty()) j.phases[0].pop_back();
             },
             "junction "},
      Damage{"NoPosts", [](Town& t) { t.lights.clear(); }, "junction "},
      Damage{"CrossingIntoTheRoad",
             [](Town& t) { t.crossings[0].from = (t.crossings[0].from + t.crossings[0].to) / 2; },
             "crossing 0 ends on a road"},
      Damage{"CrossingWithoutLanes", [](Town& t) { t.crossings[0].cuts.clear(); },
             "crossing 0 cuts no lane"},
      Damage{"StopLineElsewhere",
             [](Town& t) {
               for (auto& p : t.stop_lines[0].area.points) p.x() += 9;
             },
             "stop line 0 is not at the end of lane"},
      Damage{"Cliff", [](Town& t) { t.ground.waves[0].amplitude *= 5; },
             "the ground is steeper than 4 %"},
      Damage{"WalkOnTheRoad", [](Town& t) { t.walks[0].path[1] = t.junctions[0].centre; },
             "walk 0 runs over"},
      Damage{"SlotOnTheRoad",
             [](Town& t) {
               t.slots[0].x = t.junctions[0].centre.x();
               t.slots[0].y = t.junctions[0].centre.y();
             },
             "slot 0 lies on a road"},
      Damage{"LotOnTheRoad", [](Town& t) { t.lots[0].outline = t.segments[0].outline; },
             "lot 0 lies on a road"}};
}

class CheckTownTest : public testing::TestWithParam<Damage> {};

TEST_P(CheckTownTest, ComplainsOf) {
  Town town = SmallTown();
  GetParam().apply(town);
  EXPECT_THAT(CheckTown(town), Contains(StartsWith(GetParam().complaint)));
}

std::string NameOf(const testing::TestParamInfo<Damage>& damage) { return damage.param.name; }

INSTANTIATE_TEST_SUITE_P(Damages, CheckTownTest, testing::ValuesIn(Damages()), NameOf);

}  // namespace
}  // namespace occvla::world
