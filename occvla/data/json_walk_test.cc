#include "occvla/data/json_walk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "occvla/base/error.h"
#include "occvla/data/complaints.h"
#include "occvla/data/json_record.h"

namespace occvla::data {
namespace {

using ::testing::ElementsAre;

// The fields of the outermost object as they stand in the text.
std::vector<std::string> Fields(std::string_view text, size_t max_bytes = 100) {
  std::vector<std::string> fields;
  JsonWalk walk(text, "a.json");
  walk.Object([&](std::string_view name) {
    fields.push_back(std::string(name) + "=" + std::string(walk.Value(max_bytes)));
  });
  walk.End();
  return fields;
}

std::string Complaint(std::string_view text, size_t max_bytes = 100) {
  try {
    (void)Fields(text, max_bytes);
  } catch (const DataError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(JsonWalkTest, HandsOutValuesAsTheyStand) {
  EXPECT_THAT(Fields(R"( {"a":1.5e3 , "b": "x\"]}" ,"c":[{"d":"]"},2],"e":null,"":{}} )"),
              ElementsAre("a=1.5e3", R"(b="x\"]}")", R"(c=[{"d":"]"},2])", "e=null", "={}"));
  EXPECT_THAT(Fields("{}"), ElementsAre());
}

TEST(JsonWalkTest, WalksArrays) {
  JsonWalk walk("[ [], [1,\n2] ]", "a.json");
  std::vector<std::string> parts;
  walk.Array([&](size_t outer) {
    walk.Array([&](size_t inner) {
      parts.push_back(std::to_string(outer) + std::to_string(inner) + std::string(walk.Value(9)));
    });
  });
  walk.End();
  EXPECT_THAT(parts, ElementsAre("101", "112"));
}

TEST(JsonWalkTest, SaysAtWhichByteTheSyntaxBreaks) {
  const std::string prefix = "a.json: not usable as JSON at byte ";
  EXPECT_EQ(Complaint(""), prefix + "0: expected an object, found the end of the file");
  EXPECT_EQ(Complaint("[1]"), prefix + "0: expected an object, found \"[\"");
  EXPECT_EQ(Complaint(R"({"a":)"), prefix + "5: the file ends within a value");
  EXPECT_EQ(Complaint(R"({"a":[1,{"b")"), prefix + "12: the file ends within a value");
  EXPECT_EQ(Complaint(R"({"a":1)"), prefix + "6: expected ',' or '}', found the end of the file");
  EXPECT_EQ(Complaint(R"({"a":"x)"), prefix + "6: a string that starts here does not end");
  EXPECT_EQ(Complaint("{\"a\":\"x\\"), prefix + "6: a string that starts here does not end");
  EXPECT_EQ(Complaint(R"({"a" 1})"), prefix + "5: expected ':' after a name, found \"1\"");
  EXPECT_EQ(Complaint(R"({"a":})"), prefix + "5: expected a value, found \"}\"");
  EXPECT_EQ(Complaint(R"({"a":1,})"), prefix + "7: expected a name in quotes, found \"}\"");
  EXPECT_EQ(Complaint(R"({"a":1} x)"), prefix + "8: expected nothing more, found \"x\"");
  EXPECT_EQ(Complaint(R"({"a":1,"a":2})"), prefix + "7: the name \"a\" occurs twice in one object");
  EXPECT_EQ(Complaint(R"({"a\n":1})"),
            prefix +
                "2: the name \"a\\\\n\" is longer than 1024 bytes, has escapes or is not "
                "UTF-8, which no known file's is");
  EXPECT_EQ(Complaint(R"({"a":"123456789"})", 10),
            prefix +
                "5: a value that starts here is longer than the 10 bytes that are accepted "
                "here");
}

struct Parsed {
  Complaints complaints;
  RecordParser parser;
  JsonRecord record;
  explicit Parsed(std::string_view text)
      : record(
            *parser.Parse(
                text, [] { return "r"; }, complaints),
            [] { return "a.json: r"; }, complaints) {}
  std::string Words() const {
    try {
      complaints.Throw("records", "Mend them.");
    } catch (const DataError& error) {
      return error.what();
    }
    return "none";
  }
};

TEST(JsonRecordTest, GivesFieldsOfTheRightType) {
  const Parsed made(
      R"({"t":"0123456789abcdef0123456789abcdef","n":3,"s":"x","x":[1,2.5],"r":{"e":""},"z":null})");
  EXPECT_EQ(made.record.Token("t"), "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(made.record.Int("n", 0, 3), 3);
  EXPECT_EQ(made.record.Text("s"), "x");
  EXPECT_THAT(*made.record.Numbers("x", 2), ElementsAre(1, 2.5));
  EXPECT_EQ(made.record.Record("r")->Text("e", JsonRecord::Empty::kAllowed), "");
  EXPECT_FALSE(made.record.Find("z"));
  EXPECT_EQ(made.Words(), "none");
}

TEST(JsonRecordTest, GathersEveryComplaint) {
  const Parsed made(R"({"t":"xyz","n":4,"s":7,"x":[1,"2"],"r":{"e":""},"d":1,"d":2})");
  (void)made.record.Token("t");
  (void)made.record.Int("n", 0, 3);
  (void)made.record.Text("s");
  (void)made.record.Numbers("x", 2);
  (void)made.record.Record("r")->Text("e");
  (void)made.record.Array("n");
  (void)made.record.Record("n");
  (void)made.record.Text("tt");
  EXPECT_EQ(made.Words(),
            "records: 9 problems:\n"
            "  - a.json: r: has the field \"d\" twice\n"
            "  - a.json: r: \"t\" must be a token of 32 hex digits, but is \"xyz\"\n"
            "  - a.json: r: \"n\" must be an integer from 0 to 3, but is 4\n"
            "  - a.json: r: \"s\" must be a string, but is 7\n"
            "  - a.json: r: \"x\" must be 2 numbers, but is [1,\"2\"]\n"
            "  - a.json: r, r: \"e\" is empty\n"
            "  - a.json: r: \"n\" must be an array, but is 4\n"
            "  - a.json: r, n: must be an object, but is 4\n"
            "  - a.json: r: lacks the field \"tt\"; it has \"t\"\n"
            "Mend them.");
}

TEST(JsonRecordTest, PathsInsideNeitherClimbNorStartAtTheRoot) {
  for (const char* path : {"a", "samples/CAM_FRONT/x.jpg", "gts/scene-0001/t/labels.npz", "..a"})
    EXPECT_TRUE(IsPathInside(path)) << path;
  for (const char* path : {"", "/a", "a/../b", "..", "a//b", "a/", "./a", "a\\b"})
    EXPECT_FALSE(IsPathInside(path)) << path;
}

TEST(ComplaintsTest, CountsBeyondWhatItTells) {
  Complaints complaints;
  for (int i = 0; i < 103; ++i) complaints.Add("f", std::to_string(i));
  try {
    complaints.Throw("things", "Go home.");
    FAIL() << "no error";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), ::testing::StartsWith("things: 103 problems:\n  - f: 0\n  - f: 1\n"));
    EXPECT_THAT(error.what(), ::testing::EndsWith("\n  - f: 99\n  - and 3 more\nGo home."));
  }
}

}  // namespace
}  // namespace occvla::data
