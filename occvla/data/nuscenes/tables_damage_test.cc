#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "occvla/base/error.h"
#include "occvla/base/test_folder.h"
#include "occvla/data/nuscenes/table_fields.h"
#include "occvla/data/nuscenes/table_schema.h"
#include "occvla/data/nuscenes/table_store.h"
#include "occvla/data/nuscenes/test_tables.h"

// What is said of each table with a field missing, of the wrong type, dangling, in a ring, doubled.
namespace occvla::data::nuscenes {
namespace {

using Json = TestTables::Json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kVersion = "v1.0-test";
constexpr const char* kAdvice =
    "\nUnpack the metadata archive again, or check --dataroot and --version.";

// The message without the folder before it; empty where nothing is wrong.
std::string Read(const TestTables& made, const TableReadOptions& options = {}) {
  const TestFolder folder;
  made.Write(folder.path(), kVersion);
  try {
    (void)ReadTableFiles(folder.path(), kVersion, options);
  } catch (const DataError& error) {
    const std::string text = error.what(), where = (folder.path() / kVersion).string();
    EXPECT_THAT(text, StartsWith(where));
    return text.substr(where.size());
  }
  return "";
}

std::string One(const std::string& complaint) {
  return ": one thing is wrong in the tables:\n  - v1.0-test/" + complaint + kAdvice;
}

struct FieldCase {
  std::string table, field;
  FieldKind kind = FieldKind::kText;
};

void PrintTo(const FieldCase& field, std::ostream* out) {
  *out << field.table << '.' << field.field;
}

template <typename... Raw>
std::vector<FieldCase> AllFields() {
  std::vector<FieldCase> cases;
  const auto add = [&](std::string_view table, std::span<const FieldSpec> fields) {
    for (const FieldSpec& field : fields)
      cases.push_back({std::string(table), std::string(field.name), field.kind});
  };
  (add(Schema<Raw>::kName, Schema<Raw>::kFields), ...);
  return cases;
}

std::string NameOf(const ::testing::TestParamInfo<FieldCase>& info) {
  return info.param.table + "_" + info.param.field;
}

// A record without its token also leaves what names it without an aim; the first complaint counts.
void ExpectOne(const std::string& text, const std::string& complaint, const FieldCase& field) {
  if (field.field == "token") {
    EXPECT_THAT(text, HasSubstr("in the tables:\n  - v1.0-test/" + complaint + "\n"));
  } else {
    EXPECT_EQ(text, One(complaint));
  }
}

class TableFieldTest : public ::testing::TestWithParam<FieldCase> {
 protected:
  std::string Place() const {
    return fmt::format("{}.json, record {}: \"{}\" ", GetParam().table, row_, GetParam().field);
  }
  Json& Record() {
    Json& table = made_[GetParam().table];
    row_ = table.size() - 1;
    return table[row_];
  }
  TestTables made_;
  size_t row_ = 0;
};

TEST_P(TableFieldTest, IsNamedWhereItIsMissing) {
  Record().erase(GetParam().field);
  const std::string text = Read(made_);
  if (GetParam().kind == FieldKind::kOptionalCount) {
    EXPECT_EQ(text, "");
  } else {
    ExpectOne(text, Place() + "is missing", GetParam());
  }
}

TEST_P(TableFieldTest, IsNamedWhereItIsOfAnotherType) {
  for (const Json& wrong : {Json{{"a", 1}}, Json(nullptr), Json(-1.5)}) {
    Record()[GetParam().field] = wrong;
    ExpectOne(Read(made_),
              Place() + "must be " + Expectation(GetParam().kind) + ", but is " + wrong.dump(),
              GetParam());
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, TableFieldTest,
    ::testing::ValuesIn(AllFields<RawAttribute, RawCalibratedSensor, RawCategory, RawEgoPose,
                                  RawInstance, RawLog, RawMap, RawSample, RawAnnotation,
                                  RawSampleData, RawScene, RawSensor, RawVisibility>()),
    NameOf);

// A value of the right type that says what cannot be.
struct ValueCase {
  std::string table, field;
  Json value;
  std::string expected;
};

TEST(TableValueTest, IsRefusedWithWhatWasExpected) {
  const std::vector<ValueCase> cases = {
      {"ego_pose", "rotation", {0.5, 0.5, 0.5}, "4 numbers (w, x, y, z) of length 1"},
      {"ego_pose", "rotation", {1.0, 0.5, 0.0, 0.0}, "4 numbers (w, x, y, z) of length 1"},
      {"ego_pose", "translation", {1.0, "2", 0.0}, "3 finite numbers"},
      {"ego_pose", "translation", {1.0, 2.0, 3.0, 4.0}, "3 finite numbers"},
      {"ego_pose", "timestamp", 1.5, "a time in whole microseconds"},
      {"ego_pose", "timestamp", -1, "a time in whole microseconds"},
      {"ego_pose", "token", "0123", "a token of 32 lower-case hex digits"},
      {"ego_pose", "token", "0123456789ABCDEF0123456789ABCDEF",
       "a token of 32 lower-case hex digits"},
      {"ego_pose", "token", "00000000000000000000000000000000",
       "a token of 32 lower-case hex digits"},
      {"sample_annotation", "size", {1.0, 0.0, 2.0}, "3 finite numbers above 0"},
      {"sample_annotation", "num_lidar_pts", -1, "a whole number from 0 to 2147483647"},
      {"sample_annotation", "num_lidar_pts", 2147483648, "a whole number from 0 to 2147483647"},
      {"sample_annotation", "visibility_token", "v3", "a level such as \"3\", or \"\""},
      {"sample_data", "width", 65536, "a whole number from 0 to 65535"},
      {"sample_data", "is_key_frame", 1, "true or false"},
      {"sample_data", "filename", "../secret.jpg", "a path below the data set's folder"},
      {"sample_data", "filename", "a/../../b.jpg", "a path below the data set's folder"},
      {"sample_data", "filename", "/etc/passwd", "a path below the data set's folder"},
      {"sample_data", "filename", "", "a path below the data set's folder"},
      {"calibrated_sensor",
       "camera_intrinsic",
       {{1.0, 0.0, 0.0}, {0.0, 1.0, 0.0}},
       "[[fx, s, cx], [0, fy, cy], [0, 0, 1]] with fx and fy above 0, or []"},
      {"sensor", "modality", "sonar", "\"camera\", \"lidar\" or \"radar\""},
      {"visibility", "token", "0", "a level such as \"3\""},
  };
  for (const ValueCase& damage : cases) {
    TestTables made;
    const size_t row = made[damage.table].size() - 1;
    made[damage.table][row][damage.field] = damage.value;
    ExpectOne(Read(made),
              fmt::format("{}.json, record {}: \"{}\" must be {}, but is {}", damage.table, row,
                          damage.field, damage.expected, damage.value.dump()),
              {damage.table, damage.field});
  }
}

TEST(TableValueTest, MayBeAsOddAsRealFilesAre) {
  TestTables made;
  made["category"][0]["index"] = 2;
  made["sample_data"][0]["filename"] = "samples/CAM..FRONT/a..b.jpg";
  made["ego_pose"][0]["translation"] = {600, -0.0, 0};
  made["sample_annotation"][0]["visibility_token"] = "";
  EXPECT_EQ(Read(made), "");
}

TEST(TableValueTest, FieldsThatNoTableHasAreRefused) {
  TestTables made;
  made["sample"][2]["scene_tokn"] = "x";
  EXPECT_EQ(Read(made), One("sample.json, record 2: \"scene_tokn\" is no field of this table; did "
                            "you mean \"scene_token\"?"));
}

struct Reference {
  std::string table, field, target;
};

TEST(TableReferenceTest, IsNamedWhereItDangles) {
  const std::vector<Reference> references = {
      {"calibrated_sensor", "sensor_token", "sensor"},
      {"scene", "log_token", "log"},
      {"scene", "first_sample_token", "sample"},
      {"scene", "last_sample_token", "sample"},
      {"sample", "scene_token", "scene"},
      {"sample", "next", "sample"},
      {"sample", "prev", "sample"},
      {"instance", "category_token", "category"},
      {"instance", "first_annotation_token", "sample_annotation"},
      {"instance", "last_annotation_token", "sample_annotation"},
      {"sample_annotation", "sample_token", "sample"},
      {"sample_annotation", "instance_token", "instance"},
      {"sample_annotation", "next", "sample_annotation"},
      {"sample_annotation", "prev", "sample_annotation"},
      {"sample_data", "sample_token", "sample"},
      {"sample_data", "ego_pose_token", "ego_pose"},
      {"sample_data", "calibrated_sensor_token", "calibrated_sensor"},
      {"sample_data", "next", "sample_data"},
      {"sample_data", "prev", "sample_data"}};
  const std::string nowhere = "0123456789abcdef0123456789abcdef";
  for (const Reference& reference : references) {
    TestTables made;
    made[reference.table][1][reference.field] = nowhere;
    EXPECT_EQ(Read(made),
              One(fmt::format("{}.json, record 1: \"{}\" is \"{}\", which no record of "
                              "v1.0-test/{}.json has",
                              reference.table, reference.field, nowhere, reference.target)));
  }
  TestTables made;
  made["sample_annotation"][1]["attribute_tokens"] = {nowhere};
  EXPECT_EQ(Read(made), One("sample_annotation.json, record 1: \"attribute_tokens\" is \"" +
                            nowhere + "\", which no record of v1.0-test/attribute.json has"));
  made = TestTables();
  made["sample_annotation"][1]["visibility_token"] = "7";
  EXPECT_EQ(Read(made),
            One("sample_annotation.json, record 1: \"visibility_token\" is \"7\", which "
                "no record of v1.0-test/visibility.json has"));
}

TEST(TableReferenceTest, TokensThatTwoRecordsShareAreNamed) {
  for (const std::string_view table : kTableNames) {
    TestTables made;
    Json& records = made[std::string(table)];
    records.push_back(records[0]);
    const std::string token = records[0]["token"];
    EXPECT_EQ(Read(made), One(fmt::format("{}.json, record {}: \"token\" is \"{}\", which record 0 "
                                          "has already",
                                          table, records.size() - 1, token)));
  }
}

class ChainTest : public ::testing::TestWithParam<std::string> {
 protected:
  std::string Token(int row) const { return TestTables::Token(GetParam(), row); }
  Json& Record(int row) { return made_[GetParam()][static_cast<size_t>(row)]; }
  TestTables made_;
};

TEST_P(ChainTest, RingsAreFound) {
  // Records 0, 1, 2 in a ring; record 3 begins what follows.
  Record(2)["next"] = Token(0);
  Record(0)["prev"] = Token(2);
  Record(3)["prev"] = "";
  EXPECT_EQ(Read(made_), One(GetParam() + ".json, record 0: \"next\" leads back to this record "
                                          "after 3 records: a ring"));
  Record(2)["next"] = "";
  Record(0)["prev"] = Record(0)["next"] = Token(0);
  Record(1)["prev"] = "";
  EXPECT_EQ(Read(made_), One(GetParam() + ".json, record 0: \"next\" is the record itself"));
}

TEST_P(ChainTest, NeighboursMustNameEachOther) {
  Record(1)["next"] = Token(3);
  EXPECT_EQ(
      Read(made_),
      One(fmt::format("{0}.json, record 1: \"next\" is \"{1}\" (record 3), but \"prev\" there "
                      "is \"{2}\"",
                      GetParam(), Token(3), Token(2))));
  made_ = TestTables();
  Record(2)["prev"] = "";
  EXPECT_EQ(Read(made_),
            One(fmt::format("{}.json, record 1: \"next\" is \"{}\" (record 2), but \"prev\" there "
                            "is \"\"",
                            GetParam(), Token(2))));
  made_ = TestTables();
  Record(1)["next"] = "";
  EXPECT_EQ(Read(made_),
            One(fmt::format("{}.json, record 2: \"prev\" is \"{}\" (record 1), but \"next\" there "
                            "is \"\"",
                            GetParam(), Token(1))));
}

INSTANTIATE_TEST_SUITE_P(All, ChainTest,
                         ::testing::Values("sample", "sample_data", "sample_annotation"),
                         [](const auto& chain) { return chain.param; });

TEST(TableCountTest, MustAgreeWithTheRecords) {
  TestTables made;
  made["scene"][1]["nbr_samples"] = 5;
  EXPECT_EQ(Read(made), One("scene.json, record 1: \"nbr_samples\" is 5, but v1.0-test/sample.json "
                            "has 4 records of it"));
  made = TestTables();
  made["instance"][2]["nbr_annotations"] = 3;
  EXPECT_EQ(Read(made), One("instance.json, record 2: \"nbr_annotations\" is 3, but "
                            "v1.0-test/sample_annotation.json has 2 records of it"));
}

TEST(TableEndsTest, MustBeTheEndsOfTheirOwnList) {
  TestTables made;
  made["scene"][0]["first_sample_token"] = TestTables::Token("sample", 1);
  EXPECT_EQ(Read(made), One("scene.json, record 0: \"first_sample_token\" names record 1 of "
                            "v1.0-test/sample.json, which has a \"prev\""));
  made = TestTables();
  made["scene"][0]["last_sample_token"] = TestTables::Token("sample", 2);
  EXPECT_EQ(Read(made), One("scene.json, record 0: \"last_sample_token\" names record 2 of "
                            "v1.0-test/sample.json, which has a \"next\""));
  made = TestTables();
  made["instance"][0]["last_annotation_token"] = TestTables::Token("sample_annotation", 7);
  EXPECT_EQ(Read(made), One("instance.json, record 0: \"last_annotation_token\" names record 7 of "
                            "v1.0-test/sample_annotation.json, which belongs to another instance"));
  made = TestTables();
  made["sample"][1]["next"] = made["sample"][2]["prev"] = "";
  EXPECT_EQ(Read(made),
            One("scene.json, record 0: \"first_sample_token\" begins a list of 2 records that ends "
                "at record 1 of v1.0-test/sample.json, but 4 belong to it and "
                "\"last_sample_token\" names record 3"));
}

TEST(TableOrderTest, ListsStayWithTheirOwnerAndRunForwardInTime) {
  TestTables made;
  made["sample"][2]["timestamp"] = TestTables::TimeOf(0, 1);
  EXPECT_EQ(
      Read(made),
      One(fmt::format("sample.json, record 1: \"next\" leads to record 2, which is not later: "
                      "{0} us after {0} us\n  - "
                      "v1.0-test/sample_annotation.json, record 1: \"next\" leads to record "
                      "2, which is not later: {0} us after {0} us\n  - "
                      "v1.0-test/sample_annotation.json, record 5: \"next\" leads to record "
                      "6, which is not later: {0} us after {0} us",
                      TestTables::TimeOf(0, 1)))
          .replace(0, std::string(": one thing is").size(), ": 3 things are"));
  made = TestTables();
  made["sample_data"][2]["calibrated_sensor_token"] = TestTables::Token("calibrated_sensor", 1);
  EXPECT_EQ(Read(made),
            One("sample_data.json, record 1: \"next\" leads to record 2, which is of another "
                "sensor\n  - v1.0-test/sample_data.json, record 2: \"next\" leads to record 3, "
                "which is of another sensor")
                .replace(0, std::string(": one thing is").size(), ": 2 things are"));
}

TEST(TableSensorTest, CamerasHaveAMatrixAndASizeAndOneKeyframeASample) {
  TestTables made;
  made["calibrated_sensor"][8]["camera_intrinsic"] = Json::array();
  EXPECT_EQ(Read(made), One("calibrated_sensor.json, record 8: \"camera_intrinsic\" must be a "
                            "matrix, because the sensor is a camera, but is []"));
  made = TestTables();
  made["sample_data"][3]["height"] = 0;
  EXPECT_EQ(Read(made), One("sample_data.json, record 3: \"height\" must be above 0 for an image, "
                            "but is 0"));
  made = TestTables();
  made["sample_data"][2]["is_key_frame"] = true;
  EXPECT_EQ(Read(made), One("sample_data.json, record 3: \"is_key_frame\" is true, but record 2 is "
                            "the keyframe of CAM_FRONT in this sample already"));
}

TEST(TableNamesTest, ScenesAndLogsAreNamedOnce) {
  TestTables made;
  made["scene"][1]["name"] = "scene-0001";
  EXPECT_EQ(Read(made),
            One("scene.json, record 1: \"name\" is \"scene-0001\", which record 0 has already"));
  made["scene"][1]["name"] = "../x";
  EXPECT_EQ(Read(made), One("scene.json, record 1: \"name\" must be a name that can be a folder's, "
                            "but is \"../x\""));
  made = TestTables();
  made["map"][0]["log_tokens"] = {TestTables::Token("log", 0)};
  EXPECT_EQ(Read(made), One("log.json, record 1 is in no map's \"log_tokens\"; expected one map"));
}

TEST(TableComplaintsTest, AreTheFirstHundredAndHowManyMore) {
  TestTables made;
  const size_t count = made["ego_pose"].size();
  for (Json& record : made["ego_pose"]) record["rotation"] = 1;
  for (const size_t piece_bytes : {size_t{1} << 20, size_t{700}}) {
    const std::string text = Read(made, {.piece_bytes = piece_bytes});
    EXPECT_THAT(text, StartsWith(fmt::format(": {} things are wrong in the tables:\n", count)));
    EXPECT_THAT(text, HasSubstr("record 99: \"rotation\""));
    EXPECT_THAT(text, ::testing::Not(HasSubstr("record 100: \"rotation\"")));
    EXPECT_THAT(text, HasSubstr(fmt::format("\n  - and {} more\n", count - 100)));
  }
}

}  // namespace
}  // namespace occvla::data::nuscenes
