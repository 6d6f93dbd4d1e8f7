#include "occvla/data/nuscenes/table_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"
#include "occvla/data/nuscenes/table_store.h"
#include "occvla/data/nuscenes/test_tables.h"

namespace occvla::data::nuscenes {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class TableFileTest : public ::testing::Test {
 protected:
  void SetUp() override { TestTables().Write(folder_.path(), "v1.0-test"); }
  fs::path PathOf(const std::string& table) const {
    return folder_ / ("v1.0-test/" + table + ".json");
  }
  std::string Text(const std::string& table) const { return ReadTextFile(PathOf(table)); }
  void Put(const std::string& table, const std::string& text) const {
    std::ofstream(PathOf(table), std::ios::trunc) << text;
  }
  // The complaints, or "" where all is well.
  std::string Read(const TableReadOptions& options = {}) const {
    try {
      (void)ReadTableFiles(folder_.path(), "v1.0-test", options);
    } catch (const DataError& error) {
      const std::string text = error.what();
      const size_t first = text.find("\n  - "), last = text.rfind("\nUnpack");
      return text.substr(first + 5, last - first - 5);
    }
    return "";
  }
  TestFolder folder_;
};

TEST_F(TableFileTest, ATableCutShortAnywhereGivesOneComplaintWithTheByte) {
  const std::string whole = Text("ego_pose");
  for (size_t size = 1; size < whole.size() - 2; size += 397) {
    if (whole[whole.find_last_not_of("\n", size - 1)] == ']') continue;  // The next test's.
    Put("ego_pose", whole.substr(0, size));
    EXPECT_EQ(Read(), fmt::format("v1.0-test/ego_pose.json is cut short at byte {}: its list of "
                                  "records has no closing ']'. Copy or unpack it again",
                                  size));
  }
}

// A bracket at the very end may be that of a field.
TEST_F(TableFileTest, ATableCutShortBehindAnInnerListIsCutShortToo) {
  const std::string whole = Text("ego_pose");
  const size_t end = whole.find(']', whole.size() / 2);
  Put("ego_pose", whole.substr(0, end + 1));
  const std::string complaint = Read();
  EXPECT_THAT(complaint, ::testing::MatchesRegex(
                             "v1.0-test/ego_pose.json, record [0-9]+ does not end before byte " +
                             std::to_string(end) +
                             ", where the list does: the file is cut short, or a bracket or "
                             "quotation mark in it is not closed"));
  EXPECT_EQ(Read({.piece_bytes = 500}), complaint);
}

TEST_F(TableFileTest, AGigabyteCutShortIsKnownByItsEnd) {
  Put("sample_data", "[{\"token\": \"");
  fs::resize_file(PathOf("sample_data"), uint64_t{1} << 30);  // Takes no room: a hole.
  EXPECT_EQ(Read(),
            "v1.0-test/sample_data.json is cut short at byte 1073741824: its list of records "
            "has no closing ']'. Copy or unpack it again");
}

TEST_F(TableFileTest, FilesThatAreMissingOrNoListsAreToldTogether) {
  fs::remove(PathOf("ego_pose"));
  Put("scene", "");
  Put("log", " {\"a\": 1}");
  Put("sensor", std::string(20'000, ' ') + "[]");
  fs::remove(PathOf("map"));
  fs::create_directory(PathOf("map"));
  EXPECT_EQ(
      Read(),
      "v1.0-test/ego_pose.json is missing\n"
      "  - v1.0-test/log.json begins with \"{\" at byte 1; expected '[' and a list of records\n"
      "  - v1.0-test/map.json is no regular file\n"
      "  - v1.0-test/scene.json is empty; expected a list of records\n"
      "  - v1.0-test/sensor.json begins with 16384 blanks; expected a list of records");
}

TEST_F(TableFileTest, WhatIsNoJsonIsNamedWithItsByte) {
  const std::string whole = Text("visibility");
  Put("visibility", "[1, 2]");
  EXPECT_EQ(Read(),
            "v1.0-test/visibility.json, record 0 at byte 1: expected a record, which begins "
            "with '{', found \"1\"");
  Put("visibility", whole.substr(0, whole.rfind(']')) + ",]");
  EXPECT_THAT(Read(), HasSubstr("v1.0-test/visibility.json, record 4 at byte"));
  EXPECT_THAT(Read(), HasSubstr(": expected a record after the last ',', found \",\""));
  Put("visibility", "[{} {}]");
  EXPECT_THAT(Read(),
              HasSubstr("v1.0-test/visibility.json, record 1 at byte 4: expected ',' or ']' "
                        "after the record before, found \"{\""));
  Put("visibility", R"([{"description": "a", "token": "1", "level": nonsense}])");
  EXPECT_THAT(Read(), HasSubstr("v1.0-test/visibility.json, record 0 from byte 1 on: not usable as "
                                "JSON at byte "));
  Put("visibility", R"([{"description": "a", "token": "1", "token": "1", "level": "b"}])");
  EXPECT_THAT(Read(), HasSubstr("the name \"token\" occurs twice in one object"));
}

TEST_F(TableFileTest, ATextThatLooksLikeACutDoesNotDivideARecord) {
  TestTables made;
  std::string trap;
  for (int i = 0; i < 200; ++i) trap += "}, {";
  for (auto& record : made["category"]) record["description"] = trap + record["token"].dump();
  made.Write(folder_.path(), "v1.0-test");
  const TableStore whole = ReadTableFiles(folder_.path(), "v1.0-test");
  for (const size_t piece_bytes : {100, 333, 1024}) {
    const TableStore pieces =
        ReadTableFiles(folder_.path(), "v1.0-test", {.piece_bytes = piece_bytes, .threads = 3});
    ASSERT_EQ(pieces.category.size(), whole.category.size());
    for (size_t i = 0; i < whole.category.size(); ++i) {
      EXPECT_EQ(pieces.category[i].token, whole.category[i].token);
      const TextRef a = pieces.category[i].description, b = whole.category[i].description;
      EXPECT_EQ(pieces.text.substr(a.offset, a.size), whole.text.substr(b.offset, b.size));
    }
  }
}

TEST_F(TableFileTest, EveryWayOfWritingAListIsRead) {
  const TestTables made;
  for (const int indent : {-1, 0, 2}) {
    for (const auto& [name, table] : made.tables) Put(name, "\n " + table.dump(indent) + " \n\t");
    for (const size_t piece_bytes : {size_t{1} << 20, size_t{777}})
      EXPECT_EQ(Read({.piece_bytes = piece_bytes}), "");
  }
}

TEST_F(TableFileTest, TablesMayBeEmpty) {
  for (const std::string_view table : kTableNames) Put(std::string(table), "[ ]");
  EXPECT_EQ(Read(), "");
}

TEST_F(TableFileTest, ARecordThatNeverEndsIsNotReadWhole) {
  Put("category", "[{\"name\": [" + std::string(8 << 20, ' ') + "]");
  EXPECT_THAT(Read(), HasSubstr("a record may have at most 1048576 bytes"));
}

class VersionTest : public ::testing::Test {
 protected:
  template <typename Kind>
  std::string Complaint(const fs::path& dataroot, const std::string& version) const {
    try {
      (void)ReadTables(dataroot, version, CacheUse::kNone);
    } catch (const Kind& error) {
      return error.what();
    }
    return "nothing of this kind";
  }
  TestFolder folder_;
};

TEST_F(VersionTest, AWrongVersionNamesTheFoldersThatAreThere) {
  const std::string root = folder_.path().string();
  TestTables().Write(folder_.path(), "v1.0-mini");
  TestTables().Write(folder_.path(), "v1.0-test");
  EXPECT_EQ(Complaint<DataError>(folder_.path(), "v1.0-trainval"),
            root +
                ": has no folder v1.0-trainval; tables are in v1.0-mini, v1.0-test. Check "
                "--dataroot and --version.");
  EXPECT_EQ(Complaint<DataError>(folder_ / "v1.0-mini", "v1.0-mini"),
            root +
                "/v1.0-mini: has no folder v1.0-mini; tables lie in it directly: name the folder "
                "above as --dataroot and this one as --version. Check --dataroot and --version.");
  EXPECT_EQ(Complaint<DataError>(folder_ / "nowhere", "v1.0-mini"),
            root + "/nowhere: there is no such folder. Check --dataroot.");
  EXPECT_EQ(Complaint<ConfigError>(folder_.path(), "../v1.0-mini"),
            "--version \"../v1.0-mini\" must be the name of a folder in --dataroot, such as "
            "v1.0-mini.");
}

}  // namespace
}  // namespace occvla::data::nuscenes
