#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"
#include "occvla/cli/run.h"
#include "occvla/train/runs/run_folder.h"

namespace occvla::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

struct Outcome {
  int code = 0;
  std::string out, err;
};

class RunsTest : public ::testing::Test {
 protected:
  fs::path Make(const std::string& name, double lambda, int64_t steps) {
    train::RunFacts facts;
    facts.stage = "joint";
    facts.preset = "nano";
    facts.steps = 100;
    facts.config = "[loss]\nlambda = " + std::to_string(lambda) + "\n[train]\nlr = 1e-4\n";
    facts.more = {{"device", "cpu"}};
    const auto run = train::RunFolder::Create(folder_ / name, facts, registry_);
    for (int64_t step = 10; step <= steps; step += 10)
      run->Log(step, "train", {{"loss", lambda / static_cast<double>(step)}});
    fs::create_directory(run->checkpoints() / "step-00000010");
    fs::create_directory_symlink("step-00000010", run->checkpoints() / "last");
    run->Finish(train::RunStatus::kStopped, "SIGTERM");
    return run->folder();
  }
  Outcome Runs(std::vector<std::string> args) {
    args.insert(args.begin(), "runs");
    args.insert(args.begin() + 2, {"--registry", registry_.string()});
    std::ostringstream out, err;
    const int code = RunProgram(args, out, err);
    return {code, out.str(), err.str()};
  }

  TestFolder folder_;
  const fs::path registry_ = folder_ / "runs.db";
};

TEST_F(RunsTest, WithoutARegistryThereAreNoRuns) {
  const Outcome list = Runs({"list"});
  EXPECT_EQ(list.code, 0);
  EXPECT_EQ(list.out, "");
  EXPECT_EQ(list.err, "no runs\n");
  EXPECT_EQ(Runs({"list", "--json"}).out, "[]\n");
}

TEST_F(RunsTest, TheListReportsMovedAndDeletedFolders) {
  Make("alpha", 1, 30);
  const fs::path beta = Make("beta", 1, 20);
  EXPECT_THAT(Runs({"list"}).out, HasSubstr("20/100     0.05\n"));
  fs::rename(beta, folder_ / "elsewhere");
  Outcome list = Runs({"list"});
  EXPECT_THAT(list.out, Not(HasSubstr("beta")));
  EXPECT_EQ(list.err,
            "1 more whose folder was moved or deleted: --all shows them, `occvla runs forget` "
            "removes them from the list\n");
  EXPECT_THAT(Runs({"list", "--all"}).out, HasSubstr("/beta (gone)"));
  const auto json = nlohmann::json::parse(Runs({"list", "--all", "--json"}).out);
  ASSERT_EQ(json.size(), 2u);
  EXPECT_EQ(json[0]["folder_is"], "gone");
  EXPECT_EQ(json[1]["status"], "stopped");
  const Outcome forget = Runs({"forget", "beta"});
  EXPECT_EQ(forget.out, beta.string() + ": forgotten; what lies there stays\n");
  EXPECT_EQ(Runs({"list"}).err, "");
  EXPECT_EQ(Runs({"forget", "beta"}).code, 2);
}

TEST_F(RunsTest, ShowTellsFactsLastValuesAndCheckpoints) {
  const fs::path run = Make("alpha", 1, 30);
  const std::string text = Runs({"show", "al"}).out;
  EXPECT_THAT(text, HasSubstr("status   stopped: SIGTERM\n"));
  EXPECT_THAT(text, HasSubstr("step     30 of 100\n"));
  EXPECT_THAT(text, HasSubstr("device   cpu\n"));
  EXPECT_THAT(text, HasSubstr("train/loss  0.03333       30\n"));
  EXPECT_THAT(text, HasSubstr("checkpoints in " + (run / "checkpoints").string() +
                              "\n  last -> step-00000010\n  step-00000010\n"));
  const auto json = nlohmann::json::parse(Runs({"show", run.string(), "--json"}).out);
  EXPECT_EQ(json["metrics"]["train/loss"]["step"], 30);
  EXPECT_EQ(json["checkpoints"].size(), 2u);
}

TEST_F(RunsTest, CompareShowsWhatDiffers) {
  Make("alpha", 1, 30);
  const fs::path beta = Make("beta", 2, 20);
  const std::string text = Runs({"compare", "alpha", "beta"}).out;
  EXPECT_THAT(text, HasSubstr("config       (1)  (2)\nloss.lambda  1.0  2.0\n\n"));
  EXPECT_THAT(text, HasSubstr("metric      step          (1)      (2)\n"
                              "train/loss    10          0.1      0.2\n"
                              "train/loss    20         0.05      0.1\n"
                              "train/loss  last  0.03333 @30  0.1 @20\n"));
  const auto json = nlohmann::json::parse(Runs({"compare", "alpha", "beta", "--json"}).out);
  EXPECT_EQ(json["config"][0]["field"], "loss.lambda");
  EXPECT_EQ(json["metrics"]["train/loss"]["common"].size(), 2u);
  EXPECT_EQ(json["metrics"]["train/loss"]["last"][1]["step"], 20);
  fs::remove_all(beta);
  const Outcome gone = Runs({"compare", "alpha", "beta"});
  EXPECT_EQ(gone.code, 3);
  EXPECT_EQ(gone.err, "occvla: runs that were moved or deleted cannot be compared:\n  - " +
                          beta.string() + "\nName their new folders.\n");
}

TEST_F(RunsTest, APageAndEventsAreMadeFromTheFolder) {
  const fs::path run = Make("alpha", 1, 30);
  fs::remove(run / "report.html");
  EXPECT_EQ(Runs({"page", "alpha"}).out, (run / "report.html").string() + "\n");
  EXPECT_TRUE(fs::exists(run / "report.html"));
  const Outcome made = Runs({"export", "alpha", "--tensorboard", (folder_ / "logs").string()});
  EXPECT_EQ(made.code, 0);
  EXPECT_THAT(made.out, HasSubstr("/logs/events.out.tfevents."));
}

TEST_F(RunsTest, DamageIsToldInOneSentence) {
  const fs::path run = Make("alpha", 1, 30);
  WriteFileAtomically(run / "metrics.jsonl", std::string_view("{}\n"));
  const Outcome show = Runs({"show", "alpha"});
  EXPECT_EQ(show.code, 3);
  EXPECT_EQ(show.err, "occvla: " + (run / "metrics.jsonl").string() +
                          ", line 1: the document lacks the field \"step\"\n");
  WriteFileAtomically(registry_, std::string_view("no database, but long enough to be looked at"));
  const Outcome list = Runs({"list"});
  EXPECT_EQ(list.code, 3);
  EXPECT_EQ(list.err, "occvla: " + registry_.string() +
                          ": is not a registry of runs. Name another file in OCCVLA_RUNS.\n");
}

}  // namespace
}  // namespace occvla::cli
