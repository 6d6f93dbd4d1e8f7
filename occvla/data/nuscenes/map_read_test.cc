#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"
#include "occvla/data/nuscenes/map.h"
#include "occvla/data/nuscenes/test_map.h"

namespace occvla::data::nuscenes {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Problem(const std::string& text) {
  try {
    (void)ParseMap(text, "map.json");
  } catch (const DataError& error) {
    return error.what();
  }
  return "none";
}

/// What is said about the test map after a change to its document.
std::string ProblemAfter(const std::function<void(Json&)>& change) {
  Json document = Json::parse(MapText(TestMap().map));
  change(document);
  return Problem(document.dump());
}

std::string One(const std::string& complaint) {
  return "map.json: 1 problem:\n  - " + complaint +
         "\nUnpack the map expansion (version 1.3) again.";
}

TEST(MapFilesTest, WhatWasWrittenReadsBackAlike) {
  const MapRecords map = TestMap().map;
  const MapRecords back = ParseMap(MapText(map), "map.json");
  EXPECT_EQ(back.version, "1.3");
  EXPECT_EQ(back.canvas_edge, map.canvas_edge);
  ASSERT_EQ(back.nodes.size(), map.nodes.size());
  EXPECT_EQ(back.nodes[3].token, map.nodes[3].token);
  EXPECT_EQ(back.nodes[3].y, map.nodes[3].y);
  EXPECT_EQ(back.lines[4].nodes, map.lines[4].nodes);
  EXPECT_EQ(back.polygons[0].exterior, map.polygons[0].exterior);
  EXPECT_EQ(back.polygons[0].holes, map.polygons[0].holes);
  EXPECT_EQ(back.drivable_areas[0].polygons, map.drivable_areas[0].polygons);
  EXPECT_TRUE(back.road_segments[1].is_intersection);
  EXPECT_EQ(back.road_segments[1].drivable_area, MapRecords::kNone);
  EXPECT_EQ(back.road_segments[2].drivable_area, 0u);
  EXPECT_EQ(back.road_blocks[0].to_edge_line, map.road_blocks[0].to_edge_line);
  EXPECT_EQ(back.lanes[0].left_divider[1].node, map.lanes[0].left_divider[1].node);
  EXPECT_EQ(back.lanes[0].left_divider[1].type, "NIL");
  EXPECT_EQ(back.lane_connectors[1].polygon, map.lane_connectors[1].polygon);
  EXPECT_EQ(back.ped_crossings[1].road_segment, MapRecords::kNone);
  EXPECT_EQ(back.stop_lines[1].type, "TURN_STOP");
  EXPECT_THAT(back.stop_lines[1].ped_crossings, ElementsAre(0, 1));
  EXPECT_THAT(back.stop_lines[0].traffic_lights, ElementsAre(0));
  EXPECT_EQ(back.carpark_areas[0].orientation, 0.36144074186203157);
  EXPECT_EQ(back.traffic_lights[0].items[1].rel_pos, map.traffic_lights[0].items[1].rel_pos);
  EXPECT_THAT(back.traffic_lights[0].items[1].to_road_blocks, ElementsAre(1));
  EXPECT_EQ(back.traffic_lights[0].pose, map.traffic_lights[0].pose);
  EXPECT_EQ(back.paths[3][0].lengths, map.paths[3][0].lengths);
  EXPECT_EQ(back.paths[3][0].shape, ArcPath::Shape::kLSR);
  EXPECT_EQ(back.incoming, map.incoming);
  EXPECT_EQ(back.outgoing, map.outgoing);
  EXPECT_THAT(back.ignored, IsEmpty());
}

TEST(MapFilesTest, WritingWhatWasReadGivesTheSameBytes) {
  const std::string text = MapText(TestMap().map);
  EXPECT_EQ(MapText(ParseMap(text, "map.json")), text);
}

TEST(MapFilesTest, WritesPythonsTypes) {
  const Json document = Json::parse(MapText(TestMap().map));
  EXPECT_TRUE(document["canvas_edge"][1].is_number_float());
  EXPECT_TRUE(document["node"][0]["x"].is_number_float());
  EXPECT_TRUE(document["road_segment"][0]["is_intersection"].is_boolean());
  EXPECT_EQ(document["road_segment"][1]["drivable_area_token"], "");
  EXPECT_EQ(document["polygon"][document["polygon"].size() - 11]["holes"], Json::array());
  EXPECT_EQ(document.size(), 19u);
}

TEST(MapFilesTest, TokensThatNeedEscapesSurvive) {
  MapRecords map = TestMap().map;
  map.walkways[0].token = "a \"walk\\way\"\n\u00e9";
  EXPECT_EQ(ParseMap(MapText(map), "map.json").walkways[0].token, map.walkways[0].token);
}

// As in the real files of hollandvillage and queenstown.
TEST(MapFilesTest, RoadBlockOfPolygonNullHasTheLastNamelessPolygon) {
  const MapRecords map = TestMap().map;
  const Json document = Json::parse(MapText(map));
  EXPECT_TRUE(document["road_block"][1]["polygon_token"].is_null());
  const MapRecords back = ParseMap(document.dump(), "map.json");
  EXPECT_EQ(back.road_blocks[1].polygon, map.road_blocks[1].polygon);
  EXPECT_EQ(back.polygons[back.road_blocks[1].polygon].token, "");
}

TEST(MapFilesTest, DanglingConnectivityIsKept) {
  const MapRecords back = ParseMap(MapText(TestMap().map), "map.json");
  ASSERT_EQ(back.dangling.size(), 3u);
  EXPECT_EQ(back.dangling[0].element, 1u);
  EXPECT_TRUE(back.dangling[0].outgoing);
  EXPECT_EQ(back.dangling[1].token, "nobody");
  EXPECT_THAT(back.outgoing[1], IsEmpty());
}

TEST(MapFilesTest, ReferencesThatTheDevkitNeverFollowsMayDangleAndAreKept) {
  const MapRecords back = ParseMap(MapText(TestMap().map), "map.json");
  ASSERT_EQ(back.unresolved.size(), 1u);
  EXPECT_EQ(back.unresolved[0].row, 1u);
  EXPECT_EQ(back.unresolved[0].field, "road_segment_token");
  EXPECT_EQ(back.unresolved[0].token, "lost");
  EXPECT_EQ(back.road_blocks[1].road_segment, MapRecords::kNone);
}

TEST(MapFilesTest, NullIsNoReferenceLikeTheEmptyText) {
  Json document = Json::parse(MapText(TestMap().map));
  document["ped_crossing"][0]["road_segment_token"] = nullptr;
  document["stop_line"][0]["road_block_token"] = nullptr;
  const MapRecords map = ParseMap(document.dump(), "map.json");
  EXPECT_EQ(map.ped_crossings[0].road_segment, MapRecords::kNone);
  EXPECT_EQ(map.stop_lines[0].road_block, MapRecords::kNone);
}

TEST(MapFilesTest, EmptyListsOfPathsAreRead) {
  Json document = Json::parse(MapText(TestMap().map));
  document["arcline_path_3"]["lane-b"] = Json::array();
  EXPECT_THAT(ParseMap(document.dump(), "map.json").paths[1], IsEmpty());
}

TEST(MapFilesTest, WhatTheFormatDoesNotHaveIsNamedAndLeftAlone) {
  Json document = Json::parse(MapText(TestMap().map));
  document["lane"][0]["turn_type"] = "LEFT";
  document["lane"][1]["turn_type"] = "LEFT";
  document["lane"][0]["left_lane_divider_segments"][0]["width"] = 1;
  document["traffic_light"][0]["pose"]["rw"] = 1;
  document["bus_stop"] = Json::array();
  EXPECT_THAT(ParseMap(document.dump(), "map.json").ignored,
              ElementsAre("bus_stop", "lane.left_lane_divider_segments.width", "lane.turn_type",
                          "traffic_light.pose.rw"));
}

TEST(MapFilesTest, EveryComplaintComesAtOnce) {
  EXPECT_EQ(ProblemAfter([](Json& d) {
              d["lane"][1].erase("lane_type");
              d["node"][0]["x"] = "east";
              d["walkway"][0]["polygon_token"] = "gone";
              d["traffic_light"][0]["items"][1]["to_road_block_tokens"][0] = "gone";
            }),
            "map.json: 4 problems:\n"
            "  - node[0].x must be a number, but is \"east\"\n"
            "  - lane[1].lane_type is missing\n"
            "  - walkway[0].polygon_token names \"gone\", which is the token of no polygon\n"
            "  - traffic_light[0].items[1].to_road_block_tokens[0] names \"gone\", which is the "
            "token of no road_block\n"
            "Unpack the map expansion (version 1.3) again.");
}

TEST(MapFilesTest, OnlyTheFirstHundredComplaintsAreSpelledOut) {
  const std::string problem = ProblemAfter([](Json& d) {
    for (int i = 0; i < 130; ++i) d["walkway"].push_back(Json::object());
  });
  EXPECT_THAT(problem, HasSubstr("map.json: 260 problems:\n  - walkway[1].token is missing\n"));
  EXPECT_THAT(problem, HasSubstr("\n  - and 160 more\nUnpack"));
}

struct BadCase {
  std::function<void(Json&)> change;
  std::string complaint;
};

TEST(MapFilesTest, SaysWhatIsWrongWhere) {
  const std::vector<BadCase> cases = {
      {[](Json& d) { d.erase("stop_line"); }, "stop_line is missing"},
      {[](Json& d) { d["carpark_area"] = 3; }, "carpark_area must be an array, but is 3"},
      {[](Json& d) { d["lane_divider"][0] = "x"; },
       "lane_divider[0] must be an object, but is \"x\""},
      {[](Json& d) { d["version"] = "1.2"; }, "version must be \"1.3\", but is \"1.2\""},
      {[](Json& d) { d["version"] = 1.3; }, "version must be a string, but is 1.3"},
      {[](Json& d) { d["canvas_edge"] = {1}; },
       "canvas_edge must be an array of 2 numbers, but is an array of 1"},
      {[](Json& d) { d["canvas_edge"][0] = -5; },
       "canvas_edge has -5, which is not from 0 to 10^6 m"},
      {[](Json& d) { d["node"][2]["y"] = 1e7; }, "node[2].y is farther than 10^6 m"},
      {[](Json& d) {
         d["node"][2]["token"] = "node-1";
         d["polygon"][0]["exterior_node_tokens"][2] = "node-1";
       },
       "node[2].token repeats \"node-1\", the token of node[1]"},
      {[](Json& d) { d["walkway"][0]["token"] = ""; },
       "walkway[0].token must be a token, but is \"\""},
      {[](Json& d) { d["walkway"][0]["token"] = nullptr; },
       "walkway[0].token must be a token, but is null"},
      {[](Json& d) { d["line"][0]["node_tokens"][1] = 7; },
       "line[0].node_tokens[1] must be the token of a node, but is 7"},
      {[](Json& d) { d["polygon"][0]["holes"][0] = Json::object(); },
       "polygon[0].holes[0].node_tokens is missing"},
      {[](Json& d) {
         d["polygon"][2]["exterior_node_tokens"] = {"node-0", "node-1"};
         d["lane"][0]["polygon_token"] = "polygon-3";
         d["road_block"][0]["polygon_token"] = "polygon-3";
       },
       "road_segment[0].polygon_token names polygon[2], which has 2 corners where an area needs 3"},
      {[](Json& d) { d["road_segment"][0]["is_intersection"] = 1; },
       "road_segment[0].is_intersection must be true or false, but is 1"},
      {[](Json& d) { d["road_segment"][0]["polygon_token"] = nullptr; },
       "road_segment[0].polygon_token must be the token of a polygon, but is null"},
      {[](Json& d) { d["polygon"][5]["token"] = "named"; },
       "road_block[1].polygon_token is null, but no polygon has the token null"},
      {[](Json& d) { d["stop_line"][0]["stop_line_type"] = "WALL"; },
       "stop_line[0].stop_line_type must be PED_CROSSING, TURN_STOP, TRAFFIC_LIGHT, STOP_SIGN or "
       "YIELD, but is \"WALL\""},
      {[](Json& d) { d["stop_line"][0]["road_block_token"] = "gone"; },
       "stop_line[0].road_block_token names \"gone\", which is the token of no road_block"},
      {[](Json& d) { d["lane"][0]["left_lane_divider_segments"][1].erase("node_token"); },
       "lane[0].left_lane_divider_segments[1].node_token is missing"},
      {[](Json& d) { d["traffic_light"][0]["pose"].erase("rz"); },
       "traffic_light[0].pose.rz is missing"},
      {[](Json& d) { d["arcline_path_3"]["lane-a"][1]["shape"] = "SSS"; },
       "arcline_path_3[\"lane-a\"][1].shape must be LRL, RLR, LSL, LSR, RSL or RSR, but is "
       "\"SSS\""},
      {[](Json& d) { d["arcline_path_3"]["lane-a"][0]["radius"] = 0; },
       "arcline_path_3[\"lane-a\"][0].radius must be from 10^-6 to 10^12 m, but is 0"},
      {[](Json& d) { d["arcline_path_3"]["lane-a"][0]["segment_length"][1] = -2; },
       "arcline_path_3[\"lane-a\"][0].segment_length has -2, which is not from 0 to 4 10^6 m"},
      {[](Json& d) {
         d["arcline_path_3"]["lane-a"][0]["segment_length"] = {3.9e6, 2e5, 0};
       },
       "arcline_path_3 holds 4100 km of paths, more than the 4000 km that are read"},
      {[](Json& d) {
         d["arcline_path_3"]["lane-a"][0]["start_pose"] = {1, 2};
       },
       "arcline_path_3[\"lane-a\"][0].start_pose must be an array of 3 numbers, but is an array of "
       "2"},
      {[](Json& d) { d["arcline_path_3"].erase("left"); },
       "arcline_path_3 has no entry for \"left\""},
      {[](Json& d) { d["arcline_path_3"]["ghost"] = Json::array(); },
       "arcline_path_3[\"ghost\"] belongs to no lane and no lane_connector"},
      {[](Json& d) { d["connectivity"]["lane-a"].erase("incoming"); },
       "connectivity[\"lane-a\"].incoming is missing"},
      {[](Json& d) { d["connectivity"]["lane-a"]["outgoing"][0] = nullptr; },
       "connectivity[\"lane-a\"].outgoing[0] must be the token of a lane or lane_connector, but is "
       "null"},
      {[](Json& d) { d["connectivity"] = Json::array(); },
       "connectivity must be an object, but is an array of 0"},
  };
  for (const BadCase& bad : cases) EXPECT_EQ(ProblemAfter(bad.change), One(bad.complaint));
}

TEST(MapFilesTest, LaneAndConnectorOfOneTokenAreAProblem) {
  EXPECT_THAT(ProblemAfter([](Json& d) { d["lane_connector"][0]["token"] = "lane-a"; }),
              HasSubstr("\n  - lane_connector[0].token is \"lane-a\", the token of a lane\n"));
}

TEST(MapFilesTest, NameTwiceInARecordIsAProblem) {
  std::string text = MapText(TestMap().map);
  text.replace(text.find("\"lane_type\": \"CAR\""), 18,
               "\"lane_type\": \"CAR\", \"lane_type\": \"BIKE\"");
  EXPECT_EQ(Problem(text), One("lane[0].lane_type occurs twice"));
}

TEST(MapFilesTest, ElementTwiceInConnectivityIsAProblem) {
  std::string text = MapText(TestMap().map);
  const size_t at = text.find("\"connectivity\": {") + 17;
  text.insert(at, "\"lane-a\": {\"incoming\": [], \"outgoing\": []},");
  EXPECT_EQ(Problem(text), One("connectivity[\"lane-a\"] occurs twice"));
}

TEST(MapFilesTest, RecordWithManyFieldsIsRefusedUnread) {
  EXPECT_EQ(ProblemAfter([](Json& d) {
              for (int i = 0; i < 70; ++i) d["walkway"][0]["f" + std::to_string(i)] = i;
            }),
            One("walkway[0] must have at most 64 fields, but has 72"));
}

TEST(MapFilesTest, CutFileNamesTheByte) {
  const std::string text = MapText(TestMap().map);
  EXPECT_EQ(
      Problem(text.substr(0, 40)),
      "map.json: not usable as JSON at byte 40: syntax error while parsing value - invalid "
      "number; expected digit after '.'; last read: '120.'. Unpack the map expansion (version "
      "1.3) again.");
  EXPECT_THAT(Problem(text.substr(0, text.size() / 2)),
              HasSubstr("map.json: not usable as JSON at byte"));
  EXPECT_THAT(Problem(""), HasSubstr("map.json: not usable as JSON at byte 0"));
}

TEST(MapFilesTest, DeepNestingIsRefused) {
  EXPECT_EQ(Problem(std::string(2000, '[') + std::string(2000, ']')),
            "map.json: not usable as JSON: The JSON document was too deep (too many nested objects "
            "and arrays). Unpack the map expansion (version 1.3) again.");
}

TEST(MapFilesTest, OtherDocumentsAreNoMaps) {
  EXPECT_EQ(Problem("[]"), One("the document must be an object, but is an array of 0"));
  EXPECT_THAT(Problem("{}"), HasSubstr("map.json: 19 problems:"));
}

TEST(MapFilesTest, FileHoldsTheTextAndIsNamedInComplaints) {
  TestFolder folder;
  WriteMap(folder / "boston-seaport.json", TestMap().map);
  EXPECT_EQ(ReadTextFile(folder / "boston-seaport.json"), MapText(TestMap().map));
  EXPECT_EQ(ReadMap(folder / "boston-seaport.json").lanes.size(), 2u);
  WriteFileAtomically(folder / "boston-seaport.json", std::string_view("3"));
  try {
    (void)ReadMap(folder / "boston-seaport.json");
    FAIL();
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(),
                HasSubstr((folder / "boston-seaport.json").string() + ": 1 problem:"));
  }
}

TEST(MapFilesTest, MissingFileIsNamed) {
  TestFolder folder;
  EXPECT_THROW((void)ReadMap(folder / "boston-seaport.json"), DataError);
}

TEST(MapFilesTest, IndexOutOfRangeIsNotWritten) {
  TestFolder folder;
  MapRecords map = TestMap().map;
  map.walkways[0].polygon = 999;
  EXPECT_THROW(WriteMap(folder / "map.json", map), std::out_of_range);
  EXPECT_FALSE(std::filesystem::exists(folder / "map.json"));
}

}  // namespace
}  // namespace occvla::data::nuscenes
