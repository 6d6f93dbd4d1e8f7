// The verb synth as a process: killed, interrupted, resumed, refused.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>
#include <vector>

#include "occvla/base/test_folder.h"

namespace occvla::tests {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using ::testing::AnyOf;
using ::testing::HasSubstr;

std::string TextOf(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

/// Every file below a folder with its bytes.
std::map<std::string, std::string> Tree(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (!entry.is_directory())
      files[entry.path().lexically_relative(folder).generic_string()] = TextOf(entry.path());
  return files;
}

void ExpectSame(const std::map<std::string, std::string>& got,
                const std::map<std::string, std::string>& want) {
  for (const auto& [name, bytes] : want) {
    const auto found = got.find(name);
    ASSERT_NE(found, got.end()) << name << " is missing";
    EXPECT_TRUE(found->second == bytes) << name << " differs";
  }
  for (const auto& [name, bytes] : got) EXPECT_TRUE(want.contains(name)) << name << " is too many";
}

class SynthTest : public ::testing::Test {
 protected:
  void SetUp() override {
#ifndef PROGRAM
    GTEST_SKIP() << "the program is not part of a build without torch";
#endif
  }

  /// Begins `occvla synth` for two scenes of one keyframe each in tiny pictures.
  pid_t Begin(const fs::path& out, const char* seed = "1", const char* threads = "2") {
    std::vector<std::string> words = {
#ifdef PROGRAM
        PROGRAM,
#else
        "occvla",
#endif
        "synth",
        "--out",
        out.string(),
        "--scenes",
        "2",
        "--seed",
        seed,
        "--threads",
        threads,
        "--image-scale",
        "0.03",
        "--keyframes",
        "1",
        "--set",
        "town.size_m=480",
        "--set",
        "traffic.density=0.3"};
    const auto log = (folder_ / "log").string();
    const pid_t child = ::fork();
    if (child == 0) {
      const int to = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
      ::dup2(to, STDOUT_FILENO);
      ::dup2(to, STDERR_FILENO);
      std::vector<char*> arguments;
      for (auto& word : words) arguments.push_back(word.data());
      arguments.push_back(nullptr);
      ::execv(arguments[0], arguments.data());
      ::_exit(127);
    }
    return child;
  }

  /// The exit code, or minus the signal that ended it.
  static int End(pid_t child) {
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  /// Kills the child at that moment; its exit code, if it ends before.
  static int KillAfter(Clock::duration wait, pid_t child) {
    for (const auto end = Clock::now() + wait; Clock::now() < end;) {
      int status = 0;
      if (::waitpid(child, &status, WNOHANG) == child) return WEXITSTATUS(status);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    ::kill(child, SIGKILL);
    return End(child);
  }

  int Run(const fs::path& out, const char* seed = "1", const char* threads = "2") {
    return End(Begin(out, seed, threads));
  }

  std::string Log() const { return TextOf(folder_ / "log"); }

  TestFolder folder_;
};

TEST_F(SynthTest, KilledTwentyTimesAndResumedIsByteForByteTheUninterruptedSet) {
  const auto start = Clock::now();
  ASSERT_EQ(Run(folder_ / "whole"), 0) << Log();
  const auto whole_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count();
  const auto whole = Tree(folder_ / "whole");
  EXPECT_GT(whole.size(), 40u);
  // Moments spread over a run by the golden ratio: early, late, and between.
  int killed = 0;
  for (int i = 1; killed < 20 && i < 100; ++i) {
    const double part = std::fmod(i * 0.6180339887, 1.0);
    const auto moment =
        std::chrono::milliseconds(std::llround(part * static_cast<double>(whole_ms)));
    const int end = KillAfter(moment, Begin(folder_ / "killed", "1", i % 2 == 0 ? "1" : "3"));
    ASSERT_THAT(end, AnyOf(0, -SIGKILL)) << Log();
    killed += end != 0;
    if (end == 0) {  // Whole before its signal came: the next one starts afresh.
      ExpectSame(Tree(folder_ / "killed"), whole);
      fs::remove_all(folder_ / "killed");
    }
  }
  EXPECT_EQ(killed, 20);
  ASSERT_EQ(Run(folder_ / "killed"), 0) << Log();
  ExpectSame(Tree(folder_ / "killed"), whole);
}

TEST_F(SynthTest, InterruptedEndsWithSixAndGoesOn) {
  const pid_t child = Begin(folder_ / "set");
  // Its first line says that it has begun: before, nobody listens for the signal.
  for (int i = 0; i < 6000 && Log().find("keyframes to make") == std::string::npos; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  ::kill(child, SIGINT);
  EXPECT_EQ(End(child), 6) << Log();
  EXPECT_THAT(Log(), HasSubstr("interrupted"));
  EXPECT_EQ(Run(folder_ / "set"), 0) << Log();
}

TEST_F(SynthTest, WholeSetIsKeptAndAnotherSeedRefused) {
  ASSERT_EQ(Run(folder_ / "set"), 0) << Log();
  EXPECT_THAT(Log(), HasSubstr("2 scenes (2 made, 0 kept), 2 keyframes; v1.0-synth with train 1, "
                               "val 1, test 0"));
  ASSERT_EQ(Run(folder_ / "set"), 0) << Log();
  EXPECT_THAT(Log(), HasSubstr("(0 made, 2 kept)"));
  EXPECT_EQ(Run(folder_ / "set", "2"), 2);
  EXPECT_THAT(Log(), HasSubstr("holds another synthetic data set (there \"seed\": 1, now \"seed\": "
                               "2)"));
}

}  // namespace
}  // namespace occvla::tests
