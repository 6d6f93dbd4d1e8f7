#include "occvla/train/runs/run_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"
#include "occvla/train/runs/metrics.h"

namespace occvla::train {
namespace {

using ::testing::HasSubstr;

RunFacts Facts() {
  RunFacts facts;
  facts.stage = "joint";
  facts.preset = "nano";
  facts.steps = 100;
  facts.config = "[train]\nlr = 1e-4\nsteps = 100\n[run]\nout = \"a\"\n";
  facts.data_fingerprint = "d1";
  facts.more = {{"device", "cpu"}};
  facts.may_change = {"run"};
  return facts;
}

std::string ErrorOf(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

std::vector<int64_t> StepsIn(const std::filesystem::path& run) {
  std::vector<int64_t> steps;
  for (const auto& record : ReadMetrics(run / "metrics.jsonl").records)
    steps.push_back(record.step);
  return steps;
}

RunState StateOf(const std::filesystem::path& run) {
  return ParseState(ReadTextFile(run / "status.json"), "status.json");
}

// 1 x 1, transparent.
const std::string kPng(
    "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\xda"
    "c\xfc\xcf\xc0P\x0f\0\4\x85\1\x80\x84\xa9\x8c!\0\0\0\0IEND\xae"
    "B`\x82",
    70);

TEST(RunFolderTest, ARunLeavesItsConfigItsOriginAndItsNumbers) {
  const TestFolder folder;
  const auto path = folder.path() / "runs" / "one";
  {
    const auto run = RunFolder::Create(path, Facts(), folder / "runs.db");
    run->Log(1, "train", {{"loss", 2.0}, {"lr", 1e-4}});
    run->Log(2, "train", {{"loss", std::nan("")}});
    run->Log(2, "val", {{"loss", 1.5}});
    run->Picture(2, "occupancy", std::as_bytes(std::span(kPng)));
    run->Finish(RunStatus::kFinished);
  }
  EXPECT_EQ(ReadTextFile(path / "config.toml"), Facts().config);
  const RunOrigin origin = ParseOrigin(ReadTextFile(path / "origin.json"), "origin.json");
  EXPECT_EQ(origin.name, "one");
  EXPECT_EQ(origin.stage, "joint");
  EXPECT_EQ(origin.more.at("device"), "cpu");
  EXPECT_EQ(origin.config_hash.size(), 64u);
  EXPECT_EQ(StepsIn(path), (std::vector<int64_t>{1, 2, 2}));
  EXPECT_EQ(ReadTextFile(path / "samples" / "step-00000002-occupancy.png"), kPng);
  const auto rows = Registry(folder / "runs.db", Registry::Missing::kRefuse).Rows();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].folder, std::filesystem::canonical(path));
  EXPECT_EQ(rows[0].state.status, RunStatus::kFinished);
  EXPECT_EQ(rows[0].state.step, 2);
  // The last train loss is no number, and JSON has no word for it.
  const std::map<std::string, double> metrics{{"train/lr", 1e-4}, {"val/loss", 1.5}};
  EXPECT_EQ(rows[0].state.metrics, metrics);
}

TEST(RunFolderTest, AFolderThatHoldsSomethingIsNotWrittenOver) {
  const TestFolder folder;
  const auto path = folder / "run";
  RunFolder::Create(path, Facts(), std::nullopt)->Finish(RunStatus::kFinished);
  EXPECT_EQ(
      ErrorOf([&] { RunFolder::Create(path, Facts(), std::nullopt); }),
      path.string() +
          ": holds a run already. Pass --resume to go on with it, or choose another run.out.");
  const auto other = folder / "other";
  std::filesystem::create_directory(other);
  WriteFileAtomically(other / "thesis.tex", std::string_view("x"));
  EXPECT_EQ(ErrorOf([&] { RunFolder::Create(other, Facts(), std::nullopt); }),
            other.string() +
                ": must be absent or empty, but holds \"thesis.tex\". Choose another run.out.");
  EXPECT_EQ(ErrorOf([&] { RunFolder::Resume(other, Facts(), 0, std::nullopt); }),
            other.string() +
                ": holds no run to resume: there is no origin.json. Check run.out, or begin a run "
                "without --resume.");
}

TEST(RunFolderTest, ResumingForgetsWhatCameAfterTheCheckpoint) {
  const TestFolder folder;
  const auto path = folder / "run";
  std::string id;
  {
    const auto run = RunFolder::Create(path, Facts(), std::nullopt);
    id = run->origin().id;
    for (int64_t step = 1; step <= 5; ++step) run->Log(step, "train", {{"loss", 1.0 / step}});
    run->Picture(3, "a", std::as_bytes(std::span(kPng)));
    run->Picture(5, "a", std::as_bytes(std::span(kPng)));
  }
  EXPECT_EQ(StateOf(path).status, RunStatus::kStopped);
  std::ofstream(path / "metrics.jsonl", std::ios::app) << "{\"step\":6,\"ti";  // A kill.
  std::ofstream(path / ".config.toml.77.0") << "half a";
  {
    const auto run = RunFolder::Resume(path, Facts(), 3, std::nullopt);
    EXPECT_EQ(run->origin().id, id);
    EXPECT_EQ(StepsIn(path), (std::vector<int64_t>{1, 2, 3}));
    EXPECT_EQ(StateOf(path).step, 3);
    EXPECT_FALSE(std::filesystem::exists(path / "samples" / "step-00000005-a.png"));
    EXPECT_TRUE(std::filesystem::exists(path / "samples" / "step-00000003-a.png"));
    EXPECT_FALSE(std::filesystem::exists(path / ".config.toml.77.0"));
    run->Log(4, "train", {{"loss", 0.25}});
    run->Finish(RunStatus::kFinished);
  }
  EXPECT_EQ(StepsIn(path), (std::vector<int64_t>{1, 2, 3, 4}));
}

TEST(RunFolderTest, ARunThatWasKilledBeforeItsFolderStoodBeginsOnResume) {
  const TestFolder folder;
  const auto path = folder / "run";
  RunFolder::Resume(path, Facts(), 0, std::nullopt)->Log(1, "train", {});
  EXPECT_EQ(StepsIn(path), std::vector<int64_t>{1});
  std::filesystem::remove(path / "metrics.jsonl");
  std::filesystem::remove(path / "config.toml");
  std::filesystem::remove(path / "status.json");
  RunFolder::Resume(path, Facts(), 0, std::nullopt)->Log(2, "train", {});
  EXPECT_EQ(StepsIn(path), std::vector<int64_t>{2});
  const auto absent = folder / "absent";
  EXPECT_THAT(ErrorOf([&] { RunFolder::Resume(absent, Facts(), 7, std::nullopt); }),
              HasSubstr("holds no run to resume"));
}

TEST(RunFolderTest, AnotherRunIsNotResumed) {
  const TestFolder folder;
  const auto path = folder / "run";
  RunFolder::Create(path, Facts(), std::nullopt)->Finish(RunStatus::kStopped, "SIGTERM");
  RunFacts other = Facts();
  other.stage = "planner";
  other.config = "[train]\nlr = 2e-4\nsteps = 100\nwarmup = 3\n[run]\nout = \"b\"\n";
  EXPECT_EQ(ErrorOf([&] { RunFolder::Resume(path, other, 0, std::nullopt); }),
            path.string() +
                ": holds another run, which cannot be resumed like this:\n"
                "  - stage was \"joint\", is \"planner\"\n"
                "  - train.lr was 1e-04, is 2e-04\n"
                "  - train.warmup was absent, is 3\n"
                "Give it what it was begun with, or choose another run.out without --resume.");
  other = Facts();
  other.config = "[train]\nlr = 1e-4\nsteps = 100\n[run]\nout = \"b\"\n";
  RunFolder::Resume(path, other, 0, std::nullopt)->Finish(RunStatus::kFinished);
  EXPECT_EQ(ReadTextFile(path / "config.toml"), other.config);
}

TEST(RunFolderTest, OneProcessAtATime) {
  const TestFolder folder;
  const auto path = folder / "run";
  const auto run = RunFolder::Create(path, Facts(), std::nullopt);
  EXPECT_EQ(ErrorOf([&] { RunFolder::Resume(path, Facts(), 0, std::nullopt); }),
            path.string() +
                ": another process trains in this folder. Wait for it or stop it, or choose "
                "another run.out.");
}

// The child logs until it is killed; each line that it told the parent of must be there, whole.
TEST(RunFolderTest, AKillLosesNothingThatWasLogged) {
  const TestFolder folder;
  for (int round = 0; round < 3; ++round) {
    const auto path = folder / ("run" + std::to_string(round));
    int tube[2];
    ASSERT_EQ(::pipe(tube), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      try {
        const auto run = RunFolder::Create(path, Facts(), std::nullopt);
        for (int64_t step = 1;; ++step) {
          run->Log(step, "train", {{"loss", 1.0 / static_cast<double>(step)}});
          if (::write(tube[1], "x", 1) != 1) ::_exit(1);
        }
      } catch (...) {
        ::_exit(2);
      }
    }
    ::close(tube[1]);
    int64_t told = 0;
    char byte;
    for (; told < 20 + 17 * round && ::read(tube[0], &byte, 1) == 1;) ++told;
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    while (::read(tube[0], &byte, 1) == 1) ++told;
    ::close(tube[0]);
    ASSERT_GE(told, 20);
    const MetricFile file = ReadMetrics(path / "metrics.jsonl");
    ASSERT_GE(static_cast<int64_t>(file.records.size()), told);
    for (size_t i = 0; i < file.records.size(); ++i) {
      EXPECT_EQ(file.records[i].step, static_cast<int64_t>(i + 1));
      EXPECT_EQ(file.records[i].values.at("loss"), 1.0 / static_cast<double>(i + 1));
    }
    EXPECT_EQ(StateOf(path).Word(), "lost");
    const auto run = RunFolder::Resume(path, Facts(), 10, std::nullopt);
    EXPECT_EQ(StepsIn(path).size(), 10u);
  }
}

TEST(RunFolderTest, AnErrorOnItsWayMakesTheRunFailed) {
  const TestFolder folder;
  try {
    const auto run = RunFolder::Create(folder / "run", Facts(), std::nullopt);
    run->Log(1, "train", {{"loss", 1}});
    throw DataError("a batch");
  } catch (const DataError&) {
  }
  const RunState state = StateOf(folder / "run");
  EXPECT_EQ(state.status, RunStatus::kFailed);
  EXPECT_EQ(state.reason, "an error ended it");
}

TEST(RunFolderTest, ARegistryThatCannotBeWrittenCostsOneWarning) {
  const TestFolder folder;
  WriteFileAtomically(folder / "file", std::string_view("x"));
  testing::internal::CaptureStderr();
  {
    const auto run = RunFolder::Create(folder / "run", Facts(), folder.path() / "file" / "runs.db");
    run->Log(1, "train", {{"loss", 1}});
    run->Sync();
    run->Finish(RunStatus::kFinished);
  }
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, HasSubstr("warning runs: the run goes on without its line in the registry. "));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_EQ(StateOf(folder / "run").status, RunStatus::kFinished);
}

// A file size limit refuses a write halfway, as a full disk does.
TEST(RunFolderTest, WhatTheDiskRefusesLeavesWholeLines) {
  const TestFolder folder;
  const auto path = folder / "run";
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    int result = 1;
    try {
      const auto run = RunFolder::Create(path, Facts(), std::nullopt);
      const rlimit limit{4000, 4000};
      ::setrlimit(RLIMIT_FSIZE, &limit);
      for (int64_t step = 1; step < 1000; ++step) run->Log(step, "train", {{"loss", 0.1}});
    } catch (const DataError&) {
      result = 0;
    }
    ::_exit(result);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  const MetricFile file = ReadMetrics(path / "metrics.jsonl");
  EXPECT_FALSE(file.cut);
  EXPECT_GT(file.records.size(), 20u);
}

}  // namespace
}  // namespace occvla::train
