#include "occvla/world/scenery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>
#include <string>

#include "occvla/geom/polygon.h"
#include "occvla/world/town_shapes.h"

namespace occvla::world {
namespace {

using Eigen::Vector2d;

bool Solid(const Prop& prop) {
  return prop.kind == PropKind::kHouse || prop.kind == PropKind::kBlock;
}

/// Props by squares of 40 m, so that a test looks at neighbours only.
class Neighbours {
 public:
  explicit Neighbours(const std::vector<Prop>& props) : props_(props) {
    for (size_t i = 0; i < props.size(); ++i) {
      outlines_.push_back(FootprintOf(props[i]));
      const auto bounds = geom::BoundsOf(outlines_.back().points);
      for (int x = Cell(bounds.min.x()); x <= Cell(bounds.max.x()); ++x)
        for (int y = Cell(bounds.min.y()); y <= Cell(bounds.max.y()); ++y)
          cells_[{x, y}].push_back(i);
    }
  }
  /// Indices of props whose footprint meets the outline.
  std::set<size_t> Meeting(const Polygon2& outline) const {
    std::set<size_t> found;
    const auto bounds = geom::BoundsOf(outline.points);
    for (int x = Cell(bounds.min.x()); x <= Cell(bounds.max.x()); ++x) {
      for (int y = Cell(bounds.min.y()); y <= Cell(bounds.max.y()); ++y) {
        const auto cell = cells_.find({x, y});
        if (cell == cells_.end()) continue;
        for (const size_t i : cell->second) {
          if (bounds.Meets(geom::BoundsOf(outlines_[i].points)) &&
              geom::Overlap(outline.points, outlines_[i].points))
            found.insert(i);
        }
      }
    }
    return found;
  }

 private:
  static int Cell(double x) { return static_cast<int>(std::floor(x / 40)); }
  const std::vector<Prop>& props_;  // Outlives this.
  std::vector<Polygon2> outlines_;
  std::map<std::pair<int, int>, std::vector<size_t>> cells_;
};

struct Place {
  Town town;
  std::vector<Prop> props;
};

Place MakePlace(uint64_t seed) {
  Place place;
  place.town =
      MakeTown({.seed = seed, .location = std::string(kTownLocations[seed % 4]), .size_m = 480});
  place.props = MakeScenery(place.town);
  return place;
}

/// Made once for all tests.
const Place& PlaceOf(uint64_t seed) {
  static std::map<uint64_t, Place> places;
  const auto found = places.find(seed);
  return found != places.end() ? found->second
                               : places.emplace(seed, MakePlace(seed)).first->second;
}

class SceneryTest : public testing::TestWithParam<uint64_t> {};

TEST_P(SceneryTest, NothingStandsWherePeopleAndVehiclesGo) {
  const Place& place = PlaceOf(GetParam());
  const Neighbours props(place.props);
  const auto expect_clear = [&](const Polygon2& outline, const std::string& what) {
    for (const size_t i : props.Meeting(outline)) {
      ADD_FAILURE() << "prop " << i << " of kind " << static_cast<int>(place.props[i].kind)
                    << " at " << place.props[i].p_G.transpose() << " stands on " << what;
    }
  };
  for (const Segment& segment : place.town.segments) expect_clear(segment.outline, "a road");
  for (const Area& area : place.town.areas) {
    if (area.surface == Surface::kRoad || area.surface == Surface::kCarpark)
      expect_clear(area.outline, "a strip or car park");
  }
  for (const Crossing& crossing : place.town.crossings) expect_clear(crossing.area, "a crossing");
  for (const Slot& slot : place.town.slots)
    expect_clear(Rectangle({slot.x, slot.y}, slot.yaw, 5, 2), "a parking slot");
  for (const Walk& walk : place.town.walks) {
    EXPECT_GE(walk.width, 1.5);
    for (const Vector2d& p : walk.path) {
      Polygon2 around;
      for (int k = 0; k < 16; ++k)
        around.points.push_back(p + 0.49 * walk.width *
                                        Vector2d(std::cos(k * M_PI / 8), std::sin(k * M_PI / 8)));
      expect_clear(around, "a walk's bend");
    }
    for (size_t k = 0; k + 1 < walk.path.size(); ++k) {
      const Vector2d step = walk.path[k + 1] - walk.path[k];
      expect_clear(Rectangle((walk.path[k] + walk.path[k + 1]) / 2, std::atan2(step.y(), step.x()),
                             step.norm(), walk.width),
                   "a walk");
    }
  }
}

TEST_P(SceneryTest, NothingStandsInABuilding) {
  const Place& place = PlaceOf(GetParam());
  const Neighbours props(place.props);
  for (size_t i = 0; i < place.props.size(); ++i) {
    if (!Solid(place.props[i])) continue;
    EXPECT_THAT(props.Meeting(FootprintOf(place.props[i])), testing::ElementsAre(i));
  }
}

TEST_P(SceneryTest, CrownsKeepOffLanes) {
  const Place& place = PlaceOf(GetParam());
  for (const Prop& prop : place.props) {
    if (prop.kind != PropKind::kTree && prop.kind != PropKind::kConifer) continue;
    const double crown = std::min(prop.size.x(), prop.size.y()) / 2;
    for (const Segment& segment : place.town.segments)
      ASSERT_GE(geom::Distance(segment.outline.points, prop.p_G.head<2>()), crown);
  }
}

TEST_P(SceneryTest, EveryPropStandsOnTheGround) {
  const Place& place = PlaceOf(GetParam());
  for (const Prop& prop : place.props) {
    EXPECT_TRUE((prop.size.array() > 0).all());
    if (Solid(prop)) {
      for (const Vector2d& p : FootprintOf(prop).points)
        EXPECT_LE(prop.p_G.z(), place.town.ground.Height(p.x(), p.y()) + 1e-9);
      EXPECT_GE(prop.p_G.z() + prop.size.z(),
                place.town.ground.Height(prop.p_G.x(), prop.p_G.y()) + 4);
    } else {
      EXPECT_NEAR(prop.p_G.z(), place.town.ground.Height(prop.p_G.x(), prop.p_G.y()), 1e-9);
    }
  }
}

TEST_P(SceneryTest, EveryLightAndSignOfTheTownStandsOnce) {
  const Place& place = PlaceOf(GetParam());
  std::vector<int> lights(place.town.lights.size(), 0), signs(place.town.signs.size(), 0);
  for (const Prop& prop : place.props) {
    if (prop.kind == PropKind::kTrafficLight) {
      ++lights.at(static_cast<size_t>(prop.link));
      EXPECT_EQ(prop.yaw, place.town.lights[static_cast<size_t>(prop.link)].yaw);
    } else if (prop.kind == PropKind::kStopSign) {
      ++signs.at(static_cast<size_t>(prop.link));
    } else {
      EXPECT_EQ(prop.link, kNoIndex);
    }
  }
  EXPECT_THAT(lights, testing::Each(1));
  EXPECT_THAT(signs, testing::Each(1));
}

INSTANTIATE_TEST_SUITE_P(Seeds, SceneryTest, testing::Values(1, 2, 7, 12));

TEST(SceneryTest, ATownHasEveryKindOfThing) {
  std::map<PropKind, int> count;
  for (const uint64_t seed : {1, 2, 7, 12})
    for (const Prop& prop : PlaceOf(seed).props) ++count[prop.kind];
  EXPECT_EQ(count.size(), 12u);
}

TEST(SceneryTest, TheSameTownHasTheSameScenery) {
  const Place &a = PlaceOf(7), b = MakePlace(7), &other = PlaceOf(2);
  ASSERT_EQ(a.props.size(), b.props.size());
  for (size_t i = 0; i < a.props.size(); ++i) {
    EXPECT_EQ(a.props[i].p_G, b.props[i].p_G);
    EXPECT_EQ(a.props[i].size, b.props[i].size);
    EXPECT_EQ(a.props[i].look, b.props[i].look);
  }
  EXPECT_NE(a.props.size(), other.props.size());
}

}  // namespace
}  // namespace occvla::world
