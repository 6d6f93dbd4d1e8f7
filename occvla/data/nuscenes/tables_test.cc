#include "occvla/data/nuscenes/tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "occvla/base/error.h"
#include "occvla/base/test_folder.h"
#include "occvla/data/nuscenes/table_store.h"
#include "occvla/data/nuscenes/test_tables.h"

namespace occvla::data::nuscenes {
namespace {

using Json = TestTables::Json;

Token TokenOf(const std::string& table, int row) {
  return Token::Parse(TestTables::Token(table, row)).value();
}

class TablesTest : public ::testing::Test {
 protected:
  Tables Read(const TestTables& made) {
    made.Write(folder_.path(), "v1.0-test");
    return ReadTables(folder_.path(), "v1.0-test", CacheUse::kNone);
  }
  TestFolder folder_;
};

TEST(TokenTest, ReadsThirtyTwoLowerCaseDigitsAndNothingElse) {
  const std::string text = "0123456789abcdeffedcba9876543210";
  const std::optional<Token> token = Token::Parse(text);
  ASSERT_TRUE(token);
  EXPECT_EQ(token->high, 0x0123456789abcdefu);
  EXPECT_EQ(token->low, 0xfedcba9876543210u);
  EXPECT_EQ(token->ToString(), text);
  EXPECT_FALSE(Token::Parse(text.substr(1)));
  EXPECT_FALSE(Token::Parse(text + "0"));
  for (const char bad : {'A', 'g', '/', ':', '`', ' ', '\0', '\x80', '\xff', '-'}) {
    for (size_t at = 0; at < 32; ++at) {
      std::string damaged = text;
      damaged[at] = bad;
      EXPECT_FALSE(Token::Parse(damaged)) << at << " " << static_cast<int>(bad);
    }
  }
}

TEST_F(TablesTest, KeepsEveryFieldAsTheFilesStateIt) {
  TestTables made;
  const Tables tables = Read(made);
  const auto& rows = tables.rows();
  ASSERT_EQ(rows.sample_data.size(), made["sample_data"].size());
  for (size_t i = 0; i < rows.sample_data.size(); ++i) {
    const Json& json = made["sample_data"][i];
    const SampleDataRow& row = rows.sample_data[i];
    EXPECT_EQ(row.token.ToString(), json["token"]);
    EXPECT_EQ(rows.sample[row.sample].token.ToString(), json["sample_token"]);
    EXPECT_EQ(rows.ego_pose[row.ego_pose].token.ToString(), json["ego_pose_token"]);
    EXPECT_EQ(rows.calibrated_sensor[row.calibrated_sensor].token.ToString(),
              json["calibrated_sensor_token"]);
    EXPECT_EQ(row.timestamp_us, json["timestamp"]);
    EXPECT_EQ(tables.Text(row.fileformat), json["fileformat"]);
    EXPECT_EQ(tables.Text(row.filename), json["filename"]);
    EXPECT_EQ(row.is_key_frame, json["is_key_frame"]);
    EXPECT_EQ(row.width_px, json["width"]);
    EXPECT_EQ(row.height_px, json["height"]);
    EXPECT_EQ(row.next == kNoRow ? "" : rows.sample_data[row.next].token.ToString(), json["next"]);
    EXPECT_EQ(row.previous == kNoRow ? "" : rows.sample_data[row.previous].token.ToString(),
              json["prev"]);
  }
  ASSERT_EQ(rows.sample_annotation.size(), made["sample_annotation"].size());
  for (size_t i = 0; i < rows.sample_annotation.size(); ++i) {
    const Json& json = made["sample_annotation"][i];
    const AnnotationRow& row = rows.sample_annotation[i];
    EXPECT_EQ(Json(row.translation), json["translation"]);
    EXPECT_EQ(Json(row.size), json["size"]);
    EXPECT_EQ(Json(row.rotation), json["rotation"]);
    EXPECT_EQ(row.visibility == 0 ? "" : std::to_string(row.visibility), json["visibility_token"]);
    EXPECT_EQ(row.attributes.end - row.attributes.begin, json["attribute_tokens"].size());
    EXPECT_EQ(row.lidar_points, json["num_lidar_pts"]);
    EXPECT_EQ(row.radar_points, json["num_radar_pts"]);
    EXPECT_EQ(rows.instance[row.instance].token.ToString(), json["instance_token"]);
  }
  for (size_t i = 0; i < rows.ego_pose.size(); ++i) {
    EXPECT_EQ(Json(rows.ego_pose[i].translation), made["ego_pose"][i]["translation"]);
    EXPECT_EQ(Json(rows.ego_pose[i].rotation), made["ego_pose"][i]["rotation"]);
  }
  EXPECT_EQ(tables.Text(rows.attribute[0].description), "A \"state\".");
  EXPECT_EQ(tables.Text(rows.category[0].description), "Ein Ding, \u00e4hnlich \\ nichts.");
  EXPECT_EQ(rows.category[0].index, -1);
  EXPECT_EQ(tables.Text(rows.visibility[1].name), "v40-60");
  EXPECT_EQ(rows.visibility[1].level, 2);
  EXPECT_EQ(tables.Text(rows.log[rows.scene[1].log].logfile), "n001-2020");
  EXPECT_EQ(tables.Text(rows.map[rows.log[0].map].filename), "maps/test-town.png");
  EXPECT_EQ(rows.calibrated_sensor[0].intrinsic[2], 400);
  EXPECT_FALSE(rows.calibrated_sensor[6].has_intrinsic);
  EXPECT_EQ(tables.facts().dangling_map_logs, 1);
  EXPECT_FALSE(tables.facts().from_cache);
  EXPECT_EQ(tables.facts().content_key.size(), 32);
}

TEST_F(TablesTest, ListsAnnotationsAndKeyframesOfASampleInTheOrderOfTheFiles) {
  TestTables made;
  const Tables tables = Read(made);
  const auto& rows = tables.rows();
  std::vector<Row> annotations, keyframes;
  for (size_t i = 0; i < made["sample_annotation"].size(); ++i)
    if (made["sample_annotation"][i]["sample_token"] == made["sample"][1]["token"])
      annotations.push_back(static_cast<Row>(i));
  for (size_t i = 0; i < made["sample_data"].size(); ++i) {
    const Json& json = made["sample_data"][i];
    if (json["sample_token"] == made["sample"][1]["token"] && json["is_key_frame"])
      keyframes.push_back(static_cast<Row>(i));
  }
  const auto list = [](std::span<const Row> all, Range range) {
    const auto part = all.subspan(range.begin, range.end - range.begin);
    return std::vector<Row>(part.begin(), part.end());
  };
  EXPECT_EQ(list(rows.sample_annotation_rows, rows.sample[1].annotations), annotations);
  EXPECT_EQ(list(rows.sample_keyframe_rows, rows.sample[1].keyframes), keyframes);
  ASSERT_EQ(keyframes.size(), std::size(TestTables::kChannels));
  EXPECT_EQ(tables.KeyFrameData(1, "LIDAR_TOP"), keyframes.back());
  EXPECT_EQ(tables.KeyFrameData(1, "RADAR_FRONT"), std::nullopt);
  EXPECT_EQ(tables.Channel(rows.sample_data[keyframes[1]]), "CAM_FRONT_RIGHT");
}

TEST_F(TablesTest, FindsRowsByToken) {
  const Tables tables = Read(TestTables());
  for (int i = 0; i < static_cast<int>(tables.rows().sample_data.size()); ++i)
    EXPECT_EQ(tables.FindSampleData(TokenOf("sample_data", i)), i);
  for (int i = 0; i < static_cast<int>(tables.rows().sample.size()); ++i)
    EXPECT_EQ(tables.FindSample(TokenOf("sample", i)), i);
  for (int i = 0; i < static_cast<int>(tables.rows().sample_annotation.size()); ++i)
    EXPECT_EQ(tables.FindAnnotation(TokenOf("sample_annotation", i)), i);
  EXPECT_EQ(tables.FindSample(TokenOf("scene", 0)), std::nullopt);
  EXPECT_EQ(tables.FindScene("scene-0002"), 1);
  EXPECT_EQ(tables.FindScene("scene-0003"), std::nullopt);
}

// The velocity of a middle, a first, a last and a lonely annotation, by hand.
TEST_F(TablesTest, TakesVelocityFromTheNeighboursWithinTheTimeLimit) {
  TestTables made;
  made["sample"][3]["timestamp"] = TestTables::TimeOf(0, 2) + 1'500'001;
  const Tables tables = Read(made);
  const double between =
      1e-6 * static_cast<double>(TestTables::TimeOf(0, 2) - TestTables::TimeOf(0, 0));
  const auto middle = Velocity(tables, 1);
  ASSERT_TRUE(middle);
  // Times as seconds since 1970 in doubles, which the devkit subtracts, are 0.24 us apart.
  EXPECT_NEAR((*middle)[0], 7 / between, 1e-5);
  EXPECT_NEAR((*middle)[1], 0.5 / between, 1e-5);
  EXPECT_EQ((*middle)[2], 0);
  const auto first = Velocity(tables, 0);
  ASSERT_TRUE(first);
  EXPECT_NEAR((*first)[0], 3.5 / 0.501, 1e-5);
  EXPECT_TRUE(Velocity(tables, 2)) << "both neighbours within 3 s";
  EXPECT_FALSE(Velocity(tables, 3)) << "one neighbour, 1.500001 s away";
}

TEST_F(TablesTest, AreTheSameForAnyNumberOfThreadsAndAnyCutting) {
  const TestTables made;
  made.Write(folder_.path(), "v1.0-test");
  const TableStore whole = ReadTableFiles(folder_.path(), "v1.0-test", {.threads = 1});
  const auto bytes = [](const auto& rows) {
    return std::string(reinterpret_cast<const char*>(rows.data()),
                       rows.size() * sizeof(rows.front()));
  };
  for (const size_t piece_bytes : {size_t{300}, size_t{1000}, size_t{5000}}) {
    for (const size_t threads : {1, 3}) {
      const TableStore pieces = ReadTableFiles(folder_.path(), "v1.0-test",
                                               {.piece_bytes = piece_bytes, .threads = threads});
      EXPECT_EQ(bytes(pieces.sample_annotation), bytes(whole.sample_annotation));
      EXPECT_EQ(bytes(pieces.ego_pose), bytes(whole.ego_pose));
      EXPECT_EQ(bytes(pieces.instance), bytes(whole.instance));
      ASSERT_EQ(pieces.scene.size(), whole.scene.size());
      ASSERT_EQ(pieces.sample_data.size(), whole.sample_data.size());
      for (size_t i = 0; i < whole.sample_data.size(); ++i) {
        const auto text = [i](const TableStore& store) {
          const TextRef ref = store.sample_data[i].filename;
          return store.text.substr(ref.offset, ref.size);
        };
        EXPECT_EQ(text(pieces), text(whole));
      }
    }
  }
}

}  // namespace
}  // namespace occvla::data::nuscenes
