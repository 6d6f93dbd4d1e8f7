#include "occvla/eval/language/qa_score.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "occvla/base/json.h"

namespace occvla::eval {
namespace {

using nlohmann::json;

// The text of what `run` throws.
template <typename Run>
std::string ErrorOf(Run&& run) {
  try {
    run();
  } catch (const DataError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

std::string Questions(const std::vector<std::array<std::string, 3>>& rows) {
  json questions = json::array();
  for (const auto& [type, hop, answer] : rows) {
    questions.push_back({{"split", "val"},
                         {"sample_token", "s"},
                         {"question", "q"},
                         {"answer", json::parse(answer)},
                         {"num_hop", std::stoi(hop)},
                         {"template_type", type}});
  }
  return json({{"questions", questions}}).dump();
}

QaScore Score(const std::string& questions, const std::string& predictions) {
  return ScoreQa(questions, "q.json", predictions, "p.json");
}

TEST(QaScoreTest, GoldensAreReproducedToTheDigit) {
  const std::filesystem::path goldens = "../shared/goldens/qa";
  if (!std::filesystem::exists(goldens)) GTEST_SKIP() << goldens << " is not here";
  const QaScore score = ScoreQa(goldens / "questions.json", goldens / "predictions.json");
  json want = ReadJsonFile(goldens / "expected.json");
  for (const auto& [bucket, counts] : want["counts"].items()) {
    Tally tally = score.overall;
    if (bucket != "Overall") {
      const size_t cut = bucket.find('_');
      const auto& hops = score.types.at(bucket.substr(0, cut));
      tally = cut == std::string::npos
                  ? Tally{hops[0].right + hops[1].right, hops[0].total + hops[1].total}
                  : hops.at(static_cast<size_t>(bucket[cut + 1] - '0'));
    }
    EXPECT_EQ(json({tally.right, tally.total}), counts) << bucket;
  }
  want.erase("counts");
  EXPECT_EQ(json::parse(QaReportJson(score)), want);
}

TEST(QaScoreTest, OnlyTheSameCharactersAreRight) {
  const std::string questions = Questions({{"exist", "0", R"("yes")"},
                                           {"exist", "0", R"("yes")"},
                                           {"exist", "1", R"("yes")"},
                                           {"count", "1", "3"},
                                           {"count", "1", "3"}});
  const QaScore score = Score(questions, R"(["yes", "Yes", "yes ", "3", null])");
  EXPECT_EQ(score.overall, (Tally{2, 5}));
  EXPECT_EQ(score.types.at("exist")[0], (Tally{1, 2}));
  EXPECT_EQ(score.types.at("exist")[1], (Tally{0, 1}));
  EXPECT_EQ(score.types.at("count")[1], (Tally{1, 2}));
  EXPECT_EQ(score.without_prediction, 1);
  EXPECT_EQ(json::parse(QaReportJson(score)), json::parse(R"({"overall": 0.4, "types": {
              "count": {"h0": null, "h1": 0.5, "all": 0.5},
              "exist": {"h0": 0.5, "h1": 0.0, "all": 0.3333333333333333}}})"));
}

TEST(QaScoreTest, FilesThatAreWrongAreToldAllAtOnce) {
  const std::string questions = Questions({{"exist", "0", R"("yes")"}, {"exist", "0", "1.5"}});
  EXPECT_EQ(ErrorOf([&] { Score(questions, R"([7, "yes", ["no"]])"); }),
            "The answers cannot be scored: 4 problems:\n"
            "  - q.json, question 1: answer must be a string, but is 1.5\n"
            "  - p.json, answer 0: must be a string or null, but is 7\n"
            "  - p.json, answer 2: must be a string or null, but is [\"no\"]\n"
            "  - p.json: holds 3 answers, but there are 2 questions\n"
            "Answer every question in the file's order; null where there is no answer");
  EXPECT_THAT(ErrorOf([&] { Score(R"({"questions": []})", R"({"0": "yes"})"); }),
              ::testing::HasSubstr("p.json: not usable as JSON at byte 0: expected a list with an "
                                   "answer (a string or null) for each question"));
  EXPECT_THAT(ErrorOf([&] { Score(R"({"question": []})", "[]"); }),
              ::testing::HasSubstr("q.json: has no list \"questions\""));
  EXPECT_THAT(ErrorOf([&] { Score(R"({"questions": []})", R"(["yes")"); }),
              ::testing::HasSubstr("p.json: not usable as JSON at byte 6"));
}

}  // namespace
}  // namespace occvla::eval
