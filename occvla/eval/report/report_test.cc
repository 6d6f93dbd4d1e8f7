#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"
#include "occvla/eval/report/published.h"
#include "occvla/eval/report/results.h"

namespace occvla::eval {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kPlanning =
    R"({"samples": {"total": 9, "dropped": []}, "protocols": {
        "vad": {"n": 7, "l2": {"1s": 0.5, "2s": 1.0, "3s": 1.5, "avg": 1.0},
                "collision": {"1s": 0, "2s": 0.01, "3s": 0.02, "avg": 0.01}},
        "uniad": {"n": 0, "l2": {"1s": null, "2s": null, "3s": null, "avg": null},
                  "collision": {"1s": null, "2s": null, "3s": null, "avg": null}}}})";

std::string Replaced(std::string text, const std::string& what, const std::string& with) {
  text.replace(text.find(what), what.size(), with);
  return text;
}

class ReportTest : public testing::Test {
 protected:
  ModelResults Model(const std::string& name, const std::string& file, const std::string& json) {
    const auto folder = folder_.path() / name;
    std::filesystem::create_directories(folder);
    WriteFileAtomically(folder / file, std::string_view(json));
    return {name, folder};
  }
  TestFolder folder_;
};

TEST(PublishedTest, EveryRowHasAValueAColumn) {
  for (const auto& table : MakeTables({}))
    for (const auto& row : table.rows)
      EXPECT_EQ(row.values.size(), table.columns.size()) << table.title << ": " << row.method;
}

// What a table prints as average is the mean of its three values, but where a note says otherwise.
TEST(PublishedTest, PrintedAveragesAreMeansOrHaveANote) {
  for (const auto& table :
       {PublishedPlanning(), PublishedOccupancyPlanning(), PublishedEgoAblation()}) {
    for (const auto& row : table.rows) {
      const double mean = (*row.values[0] + *row.values[1] + *row.values[2]) / 3;
      const bool fits = std::abs(mean - *row.values[3]) < 0.0101;
      EXPECT_TRUE(fits || !row.note.empty()) << row.method;
    }
  }
}

TEST_F(ReportTest, AMeasuredModelHasARowAProtocol) {
  const auto tables = MakeTables({Model("mine", "planning.json", kPlanning)});
  const auto& rows = tables[0].rows;
  const auto& vad = rows.back();
  EXPECT_EQ(vad.method, "mine");
  EXPECT_EQ(vad.protocol, "vad, averaged up to, n = 7");
  EXPECT_TRUE(vad.measured);
  EXPECT_EQ(vad.values[2], 1.5);
  EXPECT_EQ(vad.values[6], 2.0) << "collision rates in percent";
  EXPECT_EQ(rows[rows.size() - 2].protocol, "uniad, at horizon, n = 0");
  EXPECT_EQ(rows[rows.size() - 2].values[0], std::nullopt);
  EXPECT_EQ(tables[1].rows.size(), PublishedOccupancyPlanning().rows.size());
}

TEST_F(ReportTest, FractionsBecomePercent) {
  auto tables = MakeTables(
      {Model("a", "qa.json",
             R"({"overall": 0.5, "types": {"exist": {"h0": 0.25, "h1": null, "all": 0.125}}})"),
       Model("b", "meta_action.json",
             R"({"speed": 0.5, "direction": 0.7, "mean": 0.6, "both": 0.4})"),
       Model("c", "occupancy.json",
             R"({"camera": {"miou": 0.1}, "lidar": {"miou": 0.2}, "unmasked": {"miou": null}})")});
  EXPECT_EQ(tables[2].rows.back().values[0], 25.0);
  EXPECT_EQ(tables[2].rows.back().values[1], std::nullopt);
  EXPECT_EQ(tables[2].rows.back().values[3], std::nullopt) << "no question counts";
  EXPECT_EQ(tables[2].rows.back().values[15], 50.0);
  EXPECT_EQ(tables[3].rows.back().values[3], 40.0);
  EXPECT_EQ(tables[5].rows.back().values[1], 20.0);
  EXPECT_EQ(tables[5].rows.back().values[2], std::nullopt);
}

TEST_F(ReportTest, TellsAllThatIsWrongAtOnce) {
  const auto bad = Model("bad", "qa.json", R"({"overall": "high", "types": {}})");
  const auto without = Model("without", "other.json", "{}");
  try {
    MakeTables({bad, without});
    FAIL();
  } catch (const DataError& error) {
    EXPECT_EQ(std::string(error.what()),
              (bad.folder / "qa.json").string() + ": overall must be a number, but is \"high\"\n" +
                  without.folder.string() +
                  ": holds none of planning.json, qa.json, meta_action.json, occupancy.json. The "
                  "`occvla eval` verbs write them with --out.");
  }
}

TEST_F(ReportTest, AllFormsHoldTheSameNumbers) {
  auto model =
      Model("my <b>|model", "planning.json", Replaced(kPlanning, "\"2s\": 1.0", "\"2s\": 1.234"));
  const auto tables = MakeTables({model});
  const auto text = ToText(tables[0]), markdown = ToMarkdown(tables[0]);
  const auto html = ToHtml(tables, "A & B");
  EXPECT_THAT(text, HasSubstr("> my <b>|model"));
  EXPECT_THAT(markdown, HasSubstr("| **my <b>\\|model** |"));
  EXPECT_THAT(html, HasSubstr("my &lt;b&gt;|model"));
  EXPECT_THAT(html, Not(HasSubstr("<b>")));
  EXPECT_THAT(html, HasSubstr("<h1>A &amp; B</h1>"));
  EXPECT_THAT(html, Not(HasSubstr("http"))) << "the page asks no host";
  for (const auto& form : {text, markdown, html}) EXPECT_THAT(form, HasSubstr("1.23"));
  const auto json = nlohmann::json::parse(ToJson(tables));
  EXPECT_EQ(json["tables"][0]["rows"].back()["values"][1], 1.234);
  EXPECT_TRUE(json["tables"][0]["rows"][0]["values"][7].is_null());
}

TEST_F(ReportTest, TwoModelsAreComparedSceneByScene) {
  const std::string sums = R"({"L2 at 3 s, m": {"a": [10, 5], "b": [4, 4], "c": [9, 3]}})";
  auto one = Model("one", "planning.json", kPlanning),
       two = Model("two", "planning.json", kPlanning);
  WriteFileAtomically(one.folder / "scenes.json", std::string_view(sums));
  WriteFileAtomically(
      two.folder / "scenes.json",
      std::string_view(Replaced(Replaced(sums, "[10, 5]", "[15, 5]"), "[4, 4]", "[8, 4]")));
  const auto tables = MakeTables({one, two});
  ASSERT_EQ(tables.back().title, "Differences between models");
  const auto& row = tables.back().rows.at(0);
  EXPECT_EQ(row.method, "two - one");
  EXPECT_EQ(row.protocol, "L2 at 3 s, m, 3 scenes");
  EXPECT_DOUBLE_EQ(*row.values[0], 32.0 / 12 - 23.0 / 12);
  EXPECT_LT(*row.values[1], *row.values[0]);
  EXPECT_GT(*row.values[2], *row.values[0]);
  EXPECT_EQ(MakeTables({one}).back().title, "Occupancy on Occ3D-nuScenes");
  WriteFileAtomically(two.folder / "scenes.json",
                      std::string_view(R"({"L2 at 3 s, m": {"a": [10, -5]}})"));
  EXPECT_THROW(MakeTables({one, two}), DataError);
}

TEST_F(ReportTest, ColumnsThatNobodyFillsAreLeftOut) {
  EXPECT_THAT(ToText(PublishedPlanning()), Not(HasSubstr("collision")));
  EXPECT_THAT(ToText(MakeTables({Model("m", "planning.json", kPlanning)})[0]),
              HasSubstr("collision (%)"));
}

TEST(TableTest, EqualNotesShareANumber) {
  const auto text = ToText(PublishedPlanning());
  EXPECT_THAT(text, HasSubstr("EMMA [2]"));
  EXPECT_THAT(text, HasSubstr("OmniDrive [2]"));
  EXPECT_THAT(text, HasSubstr("  [2] Uses the car's own state as input.\n"));
  EXPECT_THAT(text, Not(HasSubstr("[4]")));
}

}  // namespace
}  // namespace occvla::eval
