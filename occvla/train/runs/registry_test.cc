#include "occvla/train/runs/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/sqlite.h"
#include "occvla/base/test_folder.h"

namespace occvla::train {
namespace {

RegistryRow Row(const std::string& folder, int64_t started_ms) {
  RegistryRow row;
  row.folder = folder;
  row.origin = {.id = "0123456789abcdef",
                .program = "",
                .name = "nano joint",
                .stage = "joint",
                .preset = "nano",
                .config_hash = "c0",
                .data_fingerprint = "d1",
                .parent = "runs/pretrain/checkpoints/last",
                .steps = 1000,
                .started_ms = started_ms,
                .more = {}};
  row.state.status = RunStatus::kFailed;
  row.state.reason = "the loss is NaN";
  row.state.step = 20;
  row.state.updated_ms = 77;
  row.state.process.host = "host";
  row.state.process.pid = 12;
  row.state.process.start = "boot/34";
  row.state.metrics = {{"train/loss", 0.1}};
  return row;
}

std::string ErrorOf(const std::filesystem::path& file) {
  try {
    (void)Registry(file, Registry::Missing::kRefuse).Rows();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(RegistryTest, RowsComeBackWholeLatestFirst) {
  const TestFolder folder;
  const auto file = folder.path() / "deep" / "runs.db";
  Registry registry(file, Registry::Missing::kCreate);
  registry.Put(Row("/a", 1));
  registry.Put(Row("/b", 2));
  RegistryRow changed = Row("/a", 1);
  changed.state.step = 30;
  registry.Put(changed);
  const auto rows = Registry(file, Registry::Missing::kRefuse).Rows();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].folder, "/b");
  EXPECT_EQ(rows[1].state.step, 30);
  EXPECT_EQ(rows[1].state.reason, "the loss is NaN");
  EXPECT_EQ(rows[1].state.status, RunStatus::kFailed);
  EXPECT_EQ(rows[1].state.process, changed.state.process);
  EXPECT_EQ(rows[1].state.metrics, changed.state.metrics);
  EXPECT_EQ(ToJson(rows[1].origin), ToJson(changed.origin));
  EXPECT_TRUE(registry.Forget("/a"));
  EXPECT_FALSE(registry.Forget("/a"));
  EXPECT_EQ(registry.Rows().size(), 1u);
}

TEST(RegistryTest, WhatIsNoRegistryIsToldInOneSentence) {
  const TestFolder folder;
  const auto file = folder / "runs.db";
  EXPECT_EQ(ErrorOf(file),
            file.string() + ": there is no registry of runs. The first `occvla train` makes it.");
  WriteFileAtomically(file, std::string_view("this is text, and long enough to be looked at"));
  EXPECT_EQ(ErrorOf(file),
            file.string() + ": is not a registry of runs. Name another file in OCCVLA_RUNS.");
  std::filesystem::remove(file);
  Sqlite(file, {}, Sqlite::Missing::kCreate, 0).Run("CREATE TABLE other(a)");
  EXPECT_EQ(ErrorOf(file),
            file.string() + ": is not a registry of runs. Name another file in OCCVLA_RUNS.");
}

TEST(RegistryTest, ADamagedRowIsToldInOneSentence) {
  const TestFolder folder;
  const auto file = folder / "runs.db";
  Registry(file, Registry::Missing::kCreate).Put(Row("/a", 1));
  Sqlite(file, {}, Sqlite::Missing::kRefuse, 0).Run("UPDATE run SET status = 'sleeping'");
  EXPECT_EQ(ErrorOf(file),
            file.string() +
                ", run \"/a\": the status must be running, finished, stopped or failed, but is "
                "\"sleeping\". Remove it: each run's folder holds all that matters, and the next "
                "`occvla train` makes a new one.");
}

TEST(RegistryTest, ProcessesAtOnceLoseNothing) {
  const TestFolder folder;
  const auto file = folder / "runs.db";
  constexpr int kProcesses = 3, kRows = 4;
  std::vector<pid_t> children;
  for (int p = 0; p < kProcesses; ++p) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      try {
        for (int i = 0; i < kRows; ++i) {
          Registry(file, Registry::Missing::kCreate)
              .Put(Row("/run" + std::to_string(p) + "-" + std::to_string(i), i));
        }
      } catch (...) {
        ::_exit(1);
      }
      ::_exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(Registry(file, Registry::Missing::kRefuse).Rows().size(), size_t{kProcesses * kRows});
}

TEST(RegistryTest, TheEnvironmentSaysWhereItLies) {
  const auto with = [](const char* runs, const char* data, const char* home) {
    const auto set = [](const char* name, const char* value) {
      value ? ::setenv(name, value, 1) : ::unsetenv(name);
    };
    set("OCCVLA_RUNS", runs), set("XDG_DATA_HOME", data), set("HOME", home);
    return DefaultRegistry();
  };
  const char* old = ::getenv("HOME");
  const std::string home = old ? old : "";
  EXPECT_EQ(with("/r.db", "/d", "/h"), "/r.db");
  EXPECT_EQ(with("", "/d", "/h"), std::nullopt);
  EXPECT_EQ(with(nullptr, "/d", "/h"), "/d/occvla/runs.db");
  EXPECT_EQ(with(nullptr, "", "/h"), "/h/.local/share/occvla/runs.db");
  EXPECT_EQ(with(nullptr, nullptr, nullptr), std::nullopt);
  ::setenv("HOME", home.c_str(), 1);
}

TEST(RegistryTest, ADeadProcessIsLostAndThisOneIsNot) {
  RunState state;
  state.process = ProcessMark::OfThis();
  EXPECT_EQ(state.Word(), "running");
  state.process.start += "0";  // The same number, another process.
  EXPECT_EQ(state.Word(), "lost");
  state.process.host = "another machine";
  EXPECT_EQ(state.Word(), "running");
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  state.process = ProcessMark::OfThis();
  state.process.pid = child;
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(state.Word(), "lost");
  state.status = RunStatus::kFinished;
  EXPECT_EQ(state.Word(), "finished");
}

}  // namespace
}  // namespace occvla::train
