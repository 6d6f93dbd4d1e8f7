#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"
#include "occvla/cli/run.h"
#include "occvla/data/nuscenes/test_dataset.h"

namespace occvla::cli {
namespace {

using data::nuscenes::TestDataset;
using ::testing::HasSubstr;

struct Outcome {
  int code = 0;
  std::string out, err;
};

// Three keyframes, each proposed as "Maintain speed, Go Straight".
class LabelReviewTest : public ::testing::Test {
 protected:
  LabelReviewTest() {
    TestDataset made;
    made.AddScene("scene-0001", {{0, 0, 0}, {1, 0, 0}, {2, 0, 0}});
    made.WriteTables(folder_.path(), "v1.0-made");
    std::string labels;
    for (size_t i = 0; i < 3; ++i) {
      tokens_.push_back(TestDataset::Token("sample", i));
      labels += (i == 0 ? "{\"" : ", \"") + tokens_[i] + "\": \"Maintain speed, Go Straight\"";
    }
    TestDataset::Write(labels_, labels + "}");
  }

  Outcome Review(std::vector<std::string> args) {
    args.insert(args.begin(), {"label", "review"});
    args.insert(args.begin() + 3, {"--store", store_});
    std::ostringstream out, err;
    const int code = RunProgram(args, out, err);
    return {code, out.str(), err.str()};
  }
  Outcome Set(const std::string& token, std::vector<std::string> what) {
    what.insert(what.begin(), {"set", "--labels", labels_, "--by", "Ada", token});
    return Review(what);
  }
  nlohmann::json List(std::vector<std::string> filter) {
    filter.insert(filter.begin(), {"list", "--dataroot", folder_.path().string(), "--version",
                                   "v1.0-made", "--labels", labels_, "--no-cache", "--json"});
    return nlohmann::json::parse(Review(filter).out);
  }

  TestFolder folder_;
  const std::string store_ = (folder_ / "review.sqlite").string();
  const std::string labels_ = (folder_ / "proposed.json").string();
  std::vector<std::string> tokens_;
};

TEST_F(LabelReviewTest, ADecisionGoesThroughListReportAndTheLabelsForTraining) {
  EXPECT_EQ(List({"--undecided"}).size(), 3u);
  EXPECT_EQ(Set(tokens_[1], {"--change", "decelerate, stop", "--comment", "a bus"}).code, 0);
  EXPECT_EQ(Set(tokens_[0], {"--accept"}).code, 0);
  EXPECT_EQ(List({"--undecided"}).size(), 1u);
  const auto changed = List({"--changed"});
  ASSERT_EQ(changed.size(), 1u);
  EXPECT_EQ(changed[0]["sample_token"], tokens_[1]);
  EXPECT_EQ(changed[0]["label"], "Decelerate, Stop");
  EXPECT_EQ(changed[0]["last_comment"], "a bus");

  const auto report = nlohmann::json::parse(Review({"report", "--labels", labels_, "--json"}).out);
  EXPECT_EQ(report["all"]["share_changed"], 0.5);
  EXPECT_EQ(report["people"]["Ada"]["records"], 2);

  const std::string out = (folder_ / "meta_actions.json").string();
  EXPECT_EQ(Review({"apply", "--labels", labels_, "--out", out}).out,
            out + ": 3 labels, 2 of them decided by a person, 1 changed\n");
  EXPECT_EQ(nlohmann::json::parse(ReadTextFile(out))[tokens_[1]], "Decelerate, Stop");
}

TEST_F(LabelReviewTest, AnExportImportsIntoTheSameStore) {
  Set(tokens_[0], {"--accept"});
  Set(tokens_[0], {"--undo"});
  const std::string file = (folder_ / "review.jsonl").string();
  EXPECT_EQ(Review({"export", "--out", file}).code, 0);
  EXPECT_EQ(Review({"export"}).out, ReadTextFile(file));
  std::filesystem::remove(store_);
  EXPECT_EQ(Review({"import", file}).out, store_ + ": 2 records added, 0 were there already\n");
  EXPECT_EQ(Review({"import", file}).out, store_ + ": 0 records added, 2 were there already\n");
  EXPECT_EQ(Review({"export"}).out, ReadTextFile(file));
}

TEST_F(LabelReviewTest, WhatCannotBeDoneIsToldWithItsExitCode) {
  const Outcome absent = Review({"export"});
  EXPECT_EQ(absent.code, 3);
  EXPECT_EQ(absent.err, "occvla: " + store_ +
                            ": there is no review store. `occvla label review set` or `import` "
                            "makes one.\n");
  EXPECT_EQ(Set(tokens_[0], {"--accept", "--undo"}).code, 2);
  EXPECT_EQ(
      Set(tokens_[0], {"--change", "up"}).err,
      "occvla: --change must be \"<velocity>, <direction>\" such as \"Decelerate, Stop\", but "
      "is \"up\".\n");
  EXPECT_EQ(Set("xyz", {"--accept"}).err,
            "occvla: " + labels_ +
                ": proposes nothing for these keyframes; nothing was kept:\n  - xyz\n");
  Set(tokens_[0], {"--accept"});
  const Outcome onto = Review({"apply", "--labels", labels_, "--out", labels_});
  EXPECT_EQ(onto.code, 2);
  EXPECT_THAT(onto.err, HasSubstr("--out would replace the proposals"));
}

}  // namespace
}  // namespace occvla::cli
