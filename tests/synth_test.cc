// The verb synth as a process: killed, interrupted, resumed, refused.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
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

class SynthTest : public ::testing::Test {
 protected:
  void SetUp() override {
#ifndef PROGRAM
    GTEST_SKIP() << "the program is not part of a build without torch";
#endif
  }

  /// Begins `occvla synth` for three scenes of two keyframes each in tiny pictures.
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
        "3",
        "--seed",
        seed,
        "--threads",
        threads,
        "--image-scale",
        "0.03",
        "--keyframes",
        "2",
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
  // Moments spread over a run by the golden ratio: early, late, and between.
  int killed = 0;
  for (int i = 1; i <= 20; ++i) {
    const double part = std::fmod(i * 0.6180339887, 1.0);
    const pid_t child = Begin(folder_ / "killed", "1", i % 2 == 0 ? "1" : "3");
    std::this_thread::sleep_for(
        std::chrono::milliseconds(static_cast<int64_t>(static_cast<double>(whole_ms) * part)));
    ::kill(child, SIGKILL);
    killed += End(child) == -SIGKILL;
  }
  EXPECT_GT(killed, 3);  // Once it is whole, a run ends before its signal comes.
  ASSERT_EQ(Run(folder_ / "killed"), 0) << Log();
  const auto whole = Tree(folder_ / "whole"), resumed = Tree(folder_ / "killed");
  EXPECT_GT(whole.size(), 60u);
  for (const auto& [name, bytes] : whole) {
    const auto found = resumed.find(name);
    ASSERT_NE(found, resumed.end()) << name << " is missing";
    EXPECT_TRUE(found->second == bytes) << name << " differs";
  }
  EXPECT_EQ(resumed.size(), whole.size());
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
  EXPECT_THAT(Log(), HasSubstr("3 scenes (3 made, 0 kept), 6 keyframes; v1.0-synth with train 1, "
                               "val 1, test 1"));
  ASSERT_EQ(Run(folder_ / "set"), 0) << Log();
  EXPECT_THAT(Log(), HasSubstr("(0 made, 3 kept)"));
  EXPECT_EQ(Run(folder_ / "set", "2"), 2);
  EXPECT_THAT(Log(), HasSubstr("holds another synthetic data set (there \"seed\": 1, now \"seed\": "
                               "2)"));
}

}  // namespace
}  // namespace occvla::tests
