#include "occvla/train/runs/run_lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"
#include "occvla/train/runs/run_folder.h"
#include "occvla/train/runs/run_page.h"
#include "occvla/train/runs/samples.h"

namespace occvla::train {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class RunLookupTest : public ::testing::Test {
 protected:
  fs::path Make(const std::string& folder, const std::string& name, int64_t steps = 3) {
    RunFacts facts;
    facts.name = name;
    facts.stage = "joint";
    facts.preset = "nano";
    facts.steps = steps;
    facts.config = "[train]\nlr = 1e-4\n";
    const auto run = RunFolder::Create(folder_ / folder, facts, registry_);
    for (int64_t step = 1; step <= steps; ++step)
      run->Log(step, "train", {{"loss", 1.0 / static_cast<double>(step)}});
    run->Log(steps, "val", {{"loss", 0.5}});
    run->Finish(RunStatus::kFinished);
    return fs::canonical(folder_ / folder);
  }
  FoundRun Find(const std::string& run) { return FindRun(run, RowsOf(registry_)); }
  std::string ErrorOf(const std::string& run) {
    try {
      (void)Find(run);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  TestFolder folder_;
  const fs::path registry_ = folder_ / "runs.db";
};

TEST_F(RunLookupTest, ARunIsFoundByFolderNameOrBeginning) {
  const fs::path one = Make("a", "nano-joint"), two = Make("b", "nano-joint-long");
  EXPECT_EQ(Find(one.string()).folder, one);
  EXPECT_EQ(Find("nano-joint").folder, one);  // Whole, though another begins so.
  EXPECT_EQ(Find("nano-joint-l").folder, two);
  EXPECT_TRUE(Find("nano-joint").registered);
  EXPECT_EQ(ErrorOf("nano"),
            "\"nano\" may be one of 2 runs; name its folder:\n  - nano-joint-long  " +
                two.string() + "\n  - nano-joint  " + one.string());
  EXPECT_EQ(ErrorOf("nano-jiont"),
            "there is no run \"nano-jiont\", neither a folder with an origin.json nor a registered "
            "name. Did you mean nano-joint?");
  EXPECT_FALSE(FindRun(one.string(), {}).registered);
}

TEST_F(RunLookupTest, MovedDeletedAndReplacedFoldersAreKnown) {
  const fs::path one = Make("a", "one"), two = Make("b", "two");
  fs::rename(one, folder_ / "moved");
  EXPECT_EQ(Find("one").place, RunPlace::kGone);
  EXPECT_EQ(Find(one.string()).place, RunPlace::kGone);
  EXPECT_EQ(Find("one").state.step, 3);  // What the registry knows.
  EXPECT_EQ(Find((folder_ / "moved").string()).place, RunPlace::kHere);
  fs::remove_all(two);
  fs::rename(folder_ / "moved", two);
  EXPECT_EQ(Find("two").place, RunPlace::kTaken);
  EXPECT_EQ(Find(two.string()).origin.name, "one");
}

TEST_F(RunLookupTest, ADamagedFolderIsToldInOneSentence) {
  const fs::path one = Make("a", "one");
  WriteFileAtomically(one / "origin.json", std::string_view("{\"id\": 7}"));
  EXPECT_EQ(ErrorOf("one"), (one / "origin.json").string() + ": id must be a string, but is 7");
}

TEST_F(RunLookupTest, CommonStepsAreSpreadAndEndWithTheLast) {
  std::vector<MetricSteps> runs(2);
  for (int64_t step = 1; step <= 100; ++step) runs[0]["train/loss"][step] = 1;
  for (int64_t step = 10; step <= 200; step += 10) runs[1]["train/loss"][step] = 2;
  runs[0]["val/loss"][5] = 1;
  EXPECT_THAT(CommonSteps(runs, "train/loss", 4), ElementsAre(20, 50, 70, 100));
  EXPECT_THAT(CommonSteps(runs, "train/loss", 1), ElementsAre(100));
  EXPECT_THAT(CommonSteps(runs, "train/loss", 0), ElementsAre());
  EXPECT_THAT(CommonSteps(runs, "val/loss", 4), ElementsAre());
  EXPECT_THAT(CommonSteps(runs, "none", 4), ElementsAre());
}

TEST_F(RunLookupTest, SamplesGoByStepThenName) {
  const fs::path samples = folder_ / "samples";
  EXPECT_TRUE(SamplesIn(samples).empty());
  fs::create_directory(samples);
  for (const char* name :
       {"step-100-b.png", "step-00000020-a-b.png", "step-00000100-a.png", "step-x-a.png",
        "step-7-.png", "step-.png", "notes.txt", "step--1-a.png"})
    WriteFileAtomically(samples / name, std::string_view("x"));
  std::vector<std::string> found;
  for (const Sample& sample : SamplesIn(samples))
    found.push_back(std::to_string(sample.step) + " " + sample.name);
  EXPECT_THAT(found, ElementsAre("20 a-b", "100 a", "100 b"));
  EXPECT_EQ(SampleFileName(20, "a-b"), "step-00000020-a-b.png");
}

TEST_F(RunLookupTest, ThePageHoldsAllAndNoMarkupOfOthers) {
  const fs::path run = Make("a", "</script><b>");
  const std::string page = ReadTextFile(WriteRunPage(run));
  EXPECT_THAT(page, HasSubstr("<h1>&lt;/script&gt;&lt;b&gt;</h1>"));
  EXPECT_THAT(page, Not(HasSubstr("</script><b>")));
  EXPECT_THAT(page, HasSubstr("{\"title\":\"loss\",\"series\":{\"train\":[[1,1.0],[2,0.5],"
                              "[3,0.3333333333333333]],\"val\":[[3,0.5]]},\"notes\":[]}"));
  EXPECT_THAT(page, HasSubstr("<span class=\"status finished\">finished</span>"));
  EXPECT_THAT(page, HasSubstr("lr = 1e-4"));
  EXPECT_THAT(page, Not(HasSubstr("src=\"http")));
  EXPECT_THAT(page, Not(HasSubstr("<link")));
}

TEST_F(RunLookupTest, EventsAreExportedIntoANewFile) {
  const fs::path run = Make("a", "one");
  const fs::path file = ExportEvents(run, folder_ / "logs");
  EXPECT_THAT(file.filename().string(), ::testing::StartsWith("events.out.tfevents."));
  EXPECT_NE(ExportEvents(run, folder_ / "logs"), file);
  EXPECT_THAT(ReadTextFile(file), HasSubstr("val/loss"));
}

}  // namespace
}  // namespace occvla::train
