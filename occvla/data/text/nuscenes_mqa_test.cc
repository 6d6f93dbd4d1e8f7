#include "occvla/data/text/nuscenes_mqa.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "occvla/base/error.h"
#include "occvla/data/text/csv.h"

namespace occvla::data {
namespace {

using ::testing::ElementsAre;

const std::string kA(32, 'a');

std::string Words(const Complaints& complaints) {
  try {
    complaints.Throw("m", "end");
  } catch (const DataError& error) {
    return error.what();
  }
  return "none";
}

struct Table {
  std::vector<std::vector<std::string>> records;
  std::string complaints;
};

Table ReadCsv(std::string_view text) {
  Complaints complaints;
  CsvReader reader(text, "t.csv", complaints);
  Table table;
  std::vector<std::string> fields;
  while (reader.Next(fields)) table.records.push_back(fields);
  table.complaints = Words(complaints);
  return table;
}

TEST(CsvTest, FieldsInQuotesHoldCommasBreaksAndQuotes) {
  const Table table = ReadCsv(
      "\xEF\xBB\xBF"
      "a,\"b,\"\"c\"\"\",\r\n\r\n\"d\r\ne\",,f\n\"\",g,\"\"\"\"\r\n");
  EXPECT_THAT(table.records,
              ElementsAre(ElementsAre("a", "b,\"c\"", ""), ElementsAre("d\r\ne", "", "f"),
                          ElementsAre("", "g", "\"")));
  EXPECT_EQ(table.complaints, "none");
}

TEST(CsvTest, NamesTheLineOfWhatIsNoCsv) {
  const Table table = ReadCsv("a\n\"b\nb\"x,1\nc\"d\n" + std::string(64, ',') + "\ne\n\"f");
  EXPECT_THAT(table.records, ElementsAre(ElementsAre("a"), ElementsAre("e")));
  EXPECT_EQ(table.complaints,
            "m: 4 problems:\n"
            "  - t.csv, line 2: text follows a closing quote, expected ',' or the end of the "
            "line\n"
            "  - t.csv, line 4: a quote stands inside a field that does not open with one\n"
            "  - t.csv, line 5: has more than 64 fields\n"
            "  - t.csv, line 7: a quote opens here that never closes\nend");
}

TEST(CsvTest, RefusesFieldsThatAreTooLong) {
  const std::string length(1 << 20, 'x');
  const Table table = ReadCsv(length + "\n" + length + "x\n\"" + length + "x\"\ny\n");
  ASSERT_EQ(table.records.size(), 2u);
  EXPECT_THAT(table.records[1], ElementsAre("y"));
  EXPECT_EQ(table.complaints,
            "m: 2 problems:\n"
            "  - t.csv, line 2: a field has more than 1048576 bytes\n"
            "  - t.csv, line 3: a field has more than 1048576 bytes\nend");
}

TEST(NuscenesMqaTest, StripsTagsAndFindsSpans) {
  const std::string text =
      "There are <target><cnt>2</cnt> <obj>cars</obj></target> at <b> <loc>3, -4</loc>.";
  EXPECT_EQ(StripMqaTags(text), "There are 2 cars at <b> 3, -4.");
  EXPECT_THAT(*MqaSpans(text), ElementsAre(MqaSpan{"target", "2 cars"}, MqaSpan{"cnt", "2"},
                                           MqaSpan{"obj", "cars"}, MqaSpan{"loc", "3, -4"}));
  EXPECT_FALSE(MqaSpans("<cam>front"));
  EXPECT_FALSE(MqaSpans("front</cam>"));
  EXPECT_FALSE(MqaSpans("<cam><obj>x</cam></obj>"));
  EXPECT_THAT(*MqaSpans("a < b"), ElementsAre());
}

TEST(NuscenesMqaTest, KeepsTheMarkupOfARecord) {
  Complaints complaints;
  std::vector<NuscenesMqaQuestion> records;
  ReadNuscenesMqa(
      "index,question_type,sample_token,question,answer\n7,count," + kA +
          ",How many?,\"<cnt>2</cnt>, I think\"\n",
      "m.csv", [&](const NuscenesMqaQuestion& record) { records.push_back(record); }, complaints);
  EXPECT_EQ(Words(complaints), "none");
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].sample_token, kA);
  EXPECT_EQ(records[0].answer, "<cnt>2</cnt>, I think");
  EXPECT_EQ(records[0].question_type, "count");
}

TEST(NuscenesMqaTest, GathersEveryComplaint) {
  Complaints complaints;
  ReadNuscenesMqa(
      "index,sample_token,question,answer,question_type\n"
      "0,xyz,,<cam>front,t\n"
      "1," +
          kA +
          ",q\n"
          "0," +
          kA +
          ",q,a,t\n"
          "2," +
          kA + ",q,\xFF,t\n",
      "m.csv", [](const NuscenesMqaQuestion&) { FAIL() << "a bad record was taken"; }, complaints);
  EXPECT_EQ(Words(complaints),
            "m: 4 problems:\n"
            "  - m.csv, line 2: \"sample_token\" must be a token of 32 hex digits, but is \"xyz\"; "
            "\"question\" is empty; \"answer\" has a tag without its partner\n"
            "  - m.csv, line 3: has 3 fields, but the header has 5\n"
            "  - m.csv, line 4: the index \"0\" occurs twice\n"
            "  - m.csv, line 5: \"answer\" is not UTF-8\nend");
}

TEST(NuscenesMqaTest, NamesTheColumnsThatAreMissing) {
  Complaints complaints;
  ReadNuscenesMqa(
      "index,sample_token,question\n", "m.csv", [](const NuscenesMqaQuestion&) {}, complaints);
  EXPECT_EQ(Words(complaints),
            "m: 1 problem:\n"
            "  - m.csv, line 1: the header lacks \"answer\", \"question_type\"\nend");
}

}  // namespace
}  // namespace occvla::data
