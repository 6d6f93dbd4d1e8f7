#include "occvla/world/town_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"
#include "occvla/data/image/image.h"
#include "occvla/geom/polygon.h"

namespace occvla::world {
namespace {

using data::nuscenes::ArcPath;
using data::nuscenes::Layer;
using data::nuscenes::Map;
using data::nuscenes::MapRecords;
using Eigen::Vector2d;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Polygon2 Box(double x0, double y0, double x1, double y1) {
  return {{{x0, y0}, {x1, y0}, {x1, y1}, {x0, y1}}};
}

Lane StraightLane(const std::string& token, double x0, double y, double x1) {
  const double yaw = x1 > x0 ? 0 : -M_PI, length = std::abs(x1 - x0);
  Lane lane;
  lane.token = token;
  lane.width = 4;
  lane.paths = {
      {.start = {x0, y, yaw}, .end = {x1, y, yaw}, .radius = 100, .lengths = {0, length, 0}}};
  lane.centreline = {{x0, y, yaw}, {x1, y, yaw}};
  lane.arc_lengths = {0, length};
  return lane;
}

/// A road along y = 20 from x = 0 to 50 (two lanes east, one west), then a junction to x = 60 that
/// two connectors cross.
Town SmallTown() {
  Town town;
  town.location = "singapore-onenorth";
  town.seed = 5;
  town.canvas = {80, 40};
  town.lanes = {StraightLane("east-right", 0, 16, 50), StraightLane("east-left", 0, 20, 50),
                StraightLane("west", 50, 24, 0), StraightLane("through", 50, 16, 60),
                StraightLane("through-left", 50, 20, 60)};
  town.lanes[0].left = 1;
  town.lanes[1].right = 0;
  for (const int lane : {0, 1, 2}) town.lanes[static_cast<size_t>(lane)].road_segment = 0;
  for (const int lane : {3, 4}) {
    town.lanes[static_cast<size_t>(lane)].connector = true;
    town.lanes[static_cast<size_t>(lane)].junction = 0;
    town.lanes[static_cast<size_t>(lane)].predecessors = {lane - 3};
    town.lanes[static_cast<size_t>(lane - 3)].successors = {lane};
  }
  town.junctions.resize(1);
  town.segments = {{Box(0, 14, 50, 26)}, {Box(50, 10, 60, 30), true, 0}};
  town.stop_lines = {{Box(48, 14, 50, 22), "TRAFFIC_LIGHT", {0, 1}, 0, kNoIndex},
                     {Box(30, 14, 31, 22), "PED_CROSSING", {0, 1}, kNoIndex, 0}};
  town.crossings.resize(1);
  town.crossings[0].area = Box(32, 14, 35, 26);
  town.crossings[0].segment = 0;
  town.slots = {{10, 5, 0.5, false}};
  town.areas = {
      {Surface::kTerrain, Box(0, 0, 80, 40)},          {Surface::kRoad, Box(0, 14, 50, 26)},
      {Surface::kRoad, Box(50, 10, 60, 30)},           {Surface::kSidewalk, Box(0, 26, 50, 29)},
      {Surface::kSidewalk, Box(70, 0, 80, 10)},        {Surface::kCarpark, Box(5, 0, 15, 10)},
      {Surface::kOtherFlat, Box(53, 14, 55, 16), 0.12}};
  town.lots = {{LotUse::kBlock, Box(71, 1, 79, 9)}};
  town.markings = {{.line = {{0, 18}, {50, 18}}, .dash = 3, .gap = 5}};
  town.lights = {{.at = {50, 12}, .yaw = M_PI, .junction = 0, .connectors = {3, 4}}};
  return town;
}

TEST(TownMapTest, SmallTownHasEveryLayerByHand) {
  const MapRecords map = ToMapRecords(SmallTown());
  EXPECT_EQ(map.canvas_edge, (std::array<double, 2>{80, 40}));
  ASSERT_THAT(map.lanes, SizeIs(3));
  ASSERT_THAT(map.lane_connectors, SizeIs(2));
  EXPECT_EQ(map.ElementToken(1), "east-left");
  EXPECT_EQ(map.ElementToken(4), "through-left");
  EXPECT_THAT(map.outgoing[1], ElementsAre(4));
  EXPECT_THAT(map.incoming[3], ElementsAre(0));

  ASSERT_THAT(map.road_segments, SizeIs(2));
  EXPECT_TRUE(map.road_segments[1].is_intersection);
  EXPECT_EQ(map.road_segments[1].drivable_area, 1u);
  ASSERT_THAT(map.drivable_areas, SizeIs(3));  // Two roads and the car park.
  EXPECT_THAT(map.polygons[map.drivable_areas[1].polygons[0]].holes, SizeIs(1));  // The island.

  ASSERT_THAT(map.road_blocks, SizeIs(2));
  EXPECT_EQ(map.road_blocks[1].road_segment, 0u);
  ASSERT_THAT(map.lane_dividers, SizeIs(1));
  EXPECT_EQ(map.lane_dividers[0].segments[0].type, "DOUBLE_DASHED_WHITE");
  EXPECT_THAT(map.lanes[0].left_divider, SizeIs(2));
  EXPECT_EQ(map.lanes[0].left_divider[1].node, map.lanes[1].right_divider[1].node);
  EXPECT_THAT(map.lanes[1].left_divider, IsEmpty());
  ASSERT_THAT(map.road_dividers, SizeIs(1));
  const Map index(map);
  EXPECT_THAT(index.Line(Layer::kRoadDivider, 0), ElementsAre(Vector2d(0, 22), Vector2d(50, 22)));

  EXPECT_THAT(map.walkways, SizeIs(1));  // Not the yard that a block stands on.
  ASSERT_THAT(map.carpark_areas, SizeIs(1));
  EXPECT_EQ(map.carpark_areas[0].orientation, 0.5);
  EXPECT_EQ(map.carpark_areas[0].road_block, 0u);
  EXPECT_EQ(map.ped_crossings[0].road_segment, 0u);
  EXPECT_THAT(map.stop_lines[0].traffic_lights, ElementsAre(0));
  EXPECT_EQ(map.stop_lines[0].road_block, 0u);
  EXPECT_THAT(map.stop_lines[0].ped_crossings, IsEmpty());
  EXPECT_THAT(map.stop_lines[1].ped_crossings, ElementsAre(0));
  EXPECT_EQ(map.traffic_lights[0].from_road_block, 0u);
  EXPECT_THAT(map.traffic_lights[0].items, SizeIs(3));
  EXPECT_EQ(map.traffic_lights[0].pose[5], M_PI);
}

TEST(TownMapTest, SmallTownsAreasAreWhereTheyBelong) {
  const Map map(ToMapRecords(SmallTown()));
  EXPECT_THAT(map.Containing(Layer::kLane, {25, 15}), ElementsAre(0));
  EXPECT_THAT(map.Containing(Layer::kLane, {25, 23}), ElementsAre(2));
  EXPECT_THAT(map.Containing(Layer::kRoadBlock, {25, 21}), ElementsAre(0));
  EXPECT_THAT(map.Containing(Layer::kRoadBlock, {25, 23}), ElementsAre(1));
  EXPECT_THAT(map.Containing(Layer::kLaneConnector, {55, 21}), ElementsAre(1));
  EXPECT_THAT(map.Containing(Layer::kDrivableArea, {54, 15}), IsEmpty());
  EXPECT_EQ(map.ClosestElement({25, 23}), 2u);
}

// What the devkit's get_next_roads looks at.
TEST(TownMapTest, EndOfALaneIsMadeOfCornersOfWhatFollows) {
  const MapRecords map = ToMapRecords(SmallTown());
  const auto& corners = map.polygons[map.road_segments[1].polygon].exterior;
  for (const uint32_t line : {map.lanes[0].to_edge_line, map.lanes[1].to_edge_line,
                              map.road_blocks[0].to_edge_line, map.lanes[2].from_edge_line}) {
    for (const uint32_t node : map.lines[line].nodes)
      EXPECT_THAT(corners, ::testing::Contains(node));
  }
  std::vector<Vector2d> ring;
  for (const uint32_t node : corners) ring.emplace_back(map.nodes[node].x, map.nodes[node].y);
  EXPECT_TRUE(geom::IsSimple(ring));
  EXPECT_DOUBLE_EQ(geom::SignedArea(ring), 200);
}

class GeneratedTown : public ::testing::Test {
 protected:
  static const Town& TheTown() {
    static const Town town = MakeTown({.seed = 2, .location = "boston-seaport", .size_m = 480});
    return town;
  }
  static const MapRecords& Records() {
    static const MapRecords map = ToMapRecords(TheTown());
    return map;
  }
};

TEST_F(GeneratedTown, WritesAMapThatTheStrictReaderAccepts) {
  const std::string text = data::nuscenes::MapText(Records());
  const MapRecords back = data::nuscenes::ParseMap(text, "town");
  EXPECT_THAT(back.ignored, IsEmpty());
  EXPECT_THAT(back.dangling, IsEmpty());
  EXPECT_THAT(back.unresolved, IsEmpty());
  EXPECT_EQ(data::nuscenes::MapText(back), text);
}

TEST_F(GeneratedTown, SameTownGivesTheSameBytes) {
  EXPECT_EQ(data::nuscenes::MapText(ToMapRecords(TheTown())), data::nuscenes::MapText(Records()));
}

TEST_F(GeneratedTown, TokensAreUniqueUuids) {
  std::set<std::string> tokens;
  const auto add = [&](const auto& rows) {
    for (const auto& row : rows) {
      EXPECT_EQ(row.token.size(), 36u);
      EXPECT_TRUE(tokens.insert(row.token).second) << row.token;
    }
  };
  const MapRecords& map = Records();
  add(map.nodes), add(map.lines), add(map.polygons), add(map.drivable_areas);
  add(map.road_segments), add(map.road_blocks), add(map.lanes), add(map.lane_connectors);
  add(map.ped_crossings), add(map.walkways), add(map.stop_lines), add(map.carpark_areas);
  add(map.road_dividers), add(map.lane_dividers), add(map.traffic_lights);
}

TEST_F(GeneratedTown, EveryLayerHasRecords) {
  const MapRecords& map = Records();
  EXPECT_EQ(map.road_segments.size(), TheTown().segments.size());
  EXPECT_EQ(map.element_count(), TheTown().lanes.size());
  EXPECT_EQ(map.ped_crossings.size(), TheTown().crossings.size());
  EXPECT_EQ(map.stop_lines.size(), TheTown().stop_lines.size());
  EXPECT_EQ(map.traffic_lights.size(), TheTown().lights.size());
  for (const size_t size :
       {map.walkways.size(), map.carpark_areas.size(), map.road_dividers.size(),
        map.lane_dividers.size(), map.ped_crossings.size(), map.stop_lines.size(),
        map.traffic_lights.size(), map.drivable_areas.size()})
    EXPECT_GT(size, 0u);
}

TEST_F(GeneratedTown, ElementsAreTheTownsLanesInOrder) {
  const Map map(Records());
  for (uint32_t i = 0; i < TheTown().lanes.size(); ++i) {
    const Lane& lane = TheTown().lanes[i];
    ASSERT_EQ(map.FindElement(lane.token), i);
    const auto& middle = map.Centreline(i)[map.Centreline(i).size() / 2];
    const Layer layer = lane.connector ? Layer::kLaneConnector : Layer::kLane;
    const uint32_t row = lane.connector ? i - static_cast<uint32_t>(Records().lanes.size()) : i;
    EXPECT_THAT(map.Containing(layer, {middle[0], middle[1]}), ::testing::Contains(row));
  }
}

TEST_F(GeneratedTown, AreasAreSimpleAndCounterClockwise) {
  const Map map(Records());
  const auto check = [&](Layer layer, size_t rows) {
    for (uint32_t row = 0; row < rows; ++row) {
      const auto ring = map.Polygons(layer, row)[0].exterior;
      EXPECT_TRUE(geom::IsSimple(ring)) << static_cast<int>(layer) << " " << row;
      EXPECT_GT(geom::SignedArea(ring), 0) << static_cast<int>(layer) << " " << row;
    }
  };
  check(Layer::kRoadSegment, Records().road_segments.size());
  check(Layer::kRoadBlock, Records().road_blocks.size());
  check(Layer::kLane, Records().lanes.size());
  check(Layer::kLaneConnector, Records().lane_connectors.size());
  check(Layer::kWalkway, Records().walkways.size());
  check(Layer::kStopLine, Records().stop_lines.size());
}

TEST_F(GeneratedTown, EveryLaneEndsOnCornersOfTheJunction) {
  const MapRecords& map = Records();
  for (const auto& lane : map.lanes) {
    const auto holds = [&](const MapRecords::RoadSegment& segment) {
      const auto& corners = map.polygons[segment.polygon].exterior;
      const auto& ends = map.lines[lane.to_edge_line].nodes;
      return segment.is_intersection && std::all_of(ends.begin(), ends.end(), [&](uint32_t node) {
               return std::find(corners.begin(), corners.end(), node) != corners.end();
             });
    };
    EXPECT_TRUE(std::any_of(map.road_segments.begin(), map.road_segments.end(), holds))
        << lane.token;
  }
}

data::Image Decoded(const std::string& png) {
  return data::DecodeImage(std::as_bytes(std::span(png)), "map");
}

TEST(TownMapPictureTest, PriorIsWhiteWhereCarsAndPeopleGoNorthUp) {
  const data::Image image = Decoded(EncodeMapPicture(SmallTown(), MapPicture::kSemanticPrior));
  ASSERT_EQ(image.width_px, 800);
  ASSERT_EQ(image.height_px, 400);
  const auto at = [&](double x, double y) {
    return image.rgb[3 * (static_cast<size_t>(400 - std::lround(10 * y)) * 800 +
                          static_cast<size_t>(std::lround(10 * x)))];
  };
  EXPECT_EQ(at(25, 20), 255);
  EXPECT_EQ(at(25, 28), 255);  // Walkway.
  EXPECT_EQ(at(25, 12), 0);
  EXPECT_EQ(at(10, 5), 255);  // Car park, in the south.
  EXPECT_EQ(at(10, 35), 0);
  EXPECT_EQ(at(54, 15), 0);  // Island.
  EXPECT_EQ(at(75, 5), 0);   // Built upon.
  EXPECT_EQ(at(0, 14), 255);
  EXPECT_EQ(at(0, 13.9), 0);
}

TEST(TownMapPictureTest, BaseMapShowsSurfacesAndPaint) {
  const data::Image image = Decoded(EncodeMapPicture(SmallTown(), MapPicture::kBaseMap));
  ASSERT_EQ(image.width_px, 400);
  const auto at = [&](double x, double y) {
    return image.rgb[3 * (static_cast<size_t>(200 - std::lround(5 * y)) * 400 +
                          static_cast<size_t>(std::lround(5 * x)))];
  };
  EXPECT_EQ(at(70, 35), 60);
  EXPECT_EQ(at(25, 20), 90);
  EXPECT_EQ(at(25, 28), 150);
  EXPECT_EQ(at(1, 18), 230);  // A dash of 3 m,
  EXPECT_EQ(at(5, 18), 90);   // a gap of 5 m.
  EXPECT_EQ(at(9, 18), 230);
}

TEST(TownMapPictureTest, FilesLieWhereTheDevkitLooks) {
  TestFolder folder;
  WriteTownMap(folder.path(), SmallTown());
  const auto maps = folder / "maps";
  EXPECT_EQ(data::nuscenes::ReadMap(maps / "expansion" / "singapore-onenorth.json").lanes.size(),
            3u);
  EXPECT_TRUE(std::filesystem::exists(maps / "53992ee3023e5494b90c316c183be829.png"));
  EXPECT_TRUE(std::filesystem::exists(maps / "basemap" / "singapore-onenorth.png"));
}

TEST(TownMapPictureTest, UnknownLocationHasNoPrior) {
  EXPECT_EQ(SemanticPriorName("boston-seaport"), "36092f0b03a857c6a3403e25b4b7aab3.png");
  try {
    (void)SemanticPriorName("springfield");
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_STREQ(
        error.what(),
        "a town's location is \"springfield\", for which the devkit has no semantic prior. "
        "Take boston-seaport or one of the three singapore names.");
  }
}

}  // namespace
}  // namespace occvla::world
