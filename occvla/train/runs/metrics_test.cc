#include "occvla/train/runs/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"

namespace occvla::train {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string ErrorOf(std::string_view text) {
  try {
    (void)ParseMetrics(text, "m.jsonl");
  } catch (const DataError& error) {
    return error.what();
  }
  return "no error";
}

TEST(MetricsTest, ALineIsStrictJsonAndReadsBackExactly) {
  const MetricRecord record{
      200, 1764300000.25, "train", {{"loss", 1.0 / 3}, {"a", kInfinity}, {"b", -kInfinity}}};
  const std::string line = ToJsonLine(record);
  EXPECT_EQ(line,
            "{\"step\":200,\"time\":1764300000.25,\"series\":\"train\",\"values\":{\"a\":null,"
            "\"b\":null,\"loss\":0.3333333333333333},\"not_finite\":{\"a\":\"Infinity\",\"b\":"
            "\"-Infinity\"}}\n");
  const MetricFile file = ParseMetrics(line, "m.jsonl");
  ASSERT_EQ(file.records.size(), 1u);
  EXPECT_EQ(file.records[0], record);
  EXPECT_FALSE(file.cut);
}

TEST(MetricsTest, NotANumberReadsBackAsThat) {
  const std::string line = ToJsonLine({1, 0, "val", {{"loss", std::nan("")}}});
  EXPECT_TRUE(std::isnan(ParseMetrics(line, "").records.at(0).values.at("loss")));
}

TEST(MetricsTest, ACutLastLineIsLeftOut) {
  const std::string whole = ToJsonLine({1, 0, "train", {{"loss", 1}}});
  for (size_t cut = 1; cut < whole.size(); ++cut) {
    const MetricFile file = ParseMetrics(whole + whole.substr(0, cut), "m.jsonl");
    EXPECT_EQ(file.records.size(), 1u);
    EXPECT_EQ(file.whole_bytes, whole.size());
    EXPECT_TRUE(file.cut);
  }
}

TEST(MetricsTest, EverythingElseIsStrict) {
  EXPECT_EQ(ErrorOf("{}\n"), "m.jsonl, line 1: the document lacks the field \"step\"");
  const std::string good = ToJsonLine({1, 0, "train", {{"loss", 1}}});
  EXPECT_EQ(ErrorOf(good + "{\"step\":-1,\"time\":0,\"series\":\"train\",\"values\":{}}\n"),
            "m.jsonl, line 2: step must be an integer from 0 to 9223372036854775807, but is -1");
  EXPECT_EQ(ErrorOf("{\"step\":1,\"time\":0,\"series\":\"train\",\"values\":{\"loss\":null}}\n"),
            "m.jsonl, line 1: values has null for \"loss\", and not_finite does not say NaN, "
            "Infinity or -Infinity for it");
  EXPECT_EQ(ErrorOf(good + "\n" + good).substr(0, 17), "m.jsonl, line 2: ");
  EXPECT_EQ(
      ErrorOf("{\"step\":1,\"time\":0,\"series\":\"train\",\"values\":{},\"valeus\":1}\n"),
      "m.jsonl, line 1: the document has the unknown field \"valeus\"; did you mean \"values\"?");
}

TEST(MetricsTest, CuttingKeepsTheStepsThatCount) {
  const TestFolder folder;
  const auto path = folder / "metrics.jsonl";
  const std::string one = ToJsonLine({1, 5, "train", {{"loss", 1}}}),
                    two = ToJsonLine({2, 6, "train", {{"loss", 2}}}),
                    three = ToJsonLine({3, 7, "train", {{"loss", 3}}});
  WriteFileAtomically(path, one + two + three + three.substr(0, 9));
  EXPECT_EQ(CutMetrics(path, 2).size(), 2u);
  EXPECT_EQ(ReadTextFile(path), one + two);
  EXPECT_EQ(CutMetrics(path, 2).size(), 2u);
  EXPECT_EQ(CutMetrics(path, 0).size(), 0u);
  EXPECT_EQ(ReadTextFile(path), "");
}

}  // namespace
}  // namespace occvla::train
