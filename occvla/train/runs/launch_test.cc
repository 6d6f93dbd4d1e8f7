#include "occvla/train/runs/launch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <fstream>
#include <thread>

#include "occvla/base/error.h"
#include "occvla/base/test_folder.h"
#include "occvla/train/runs/child_process.h"

namespace occvla::train {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Outcome {
  LaunchResult result;
  std::vector<std::string> lines;
};

std::string TextOf(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

Outcome LaunchScript(int ranks, const std::string& script, std::stop_token stop = {},
                     milliseconds grace = milliseconds(10'000)) {
  Outcome outcome;
  outcome.result =
      LaunchRanks({.ranks = ranks, .command = {"/bin/sh", "-c", script}, .grace = grace}, stop,
                  [&](std::string_view line) { outcome.lines.emplace_back(line); });
  return outcome;
}

TEST(LaunchTest, EachRankKnowsItsPlaceAndItsShareOfTheCores) {
  const TestFolder folder;
  unsetenv("OMP_NUM_THREADS");
  const auto outcome =
      LaunchScript(2, "echo $RANK $WORLD_SIZE $LOCAL_RANK $MASTER_ADDR $OMP_NUM_THREADS > " +
                          folder.path().string() + "/$RANK; echo $MASTER_PORT > " +
                          folder.path().string() + "/port$RANK");
  EXPECT_EQ(outcome.result.exit_code, 0);
  EXPECT_EQ(outcome.result.report, "");
  const auto share = std::to_string(std::max(1u, std::thread::hardware_concurrency() / 2));
  EXPECT_EQ(TextOf(folder / "0"), "0 2 0 127.0.0.1 " + share + "\n");
  EXPECT_EQ(TextOf(folder / "1"), "1 2 1 127.0.0.1 " + share + "\n");
  EXPECT_EQ(TextOf(folder / "port0"), TextOf(folder / "port1"));
}

TEST(LaunchTest, OtherRanksSayWarningsAndWhatIsNoLogLine) {
  const auto outcome = LaunchScript(
      2,
      "if [ $RANK = 1 ]; then "
      "echo '2026-11-28T05:13:26.123 info train: step 1'; "
      "echo '2026-11-28T05:13:26.123 warning train: slow disk' >&2; printf '\\rbar\\rbar'; "
      "printf 'last words'; fi");
  EXPECT_THAT(outcome.lines,
              ElementsAre("[rank 1] 2026-11-28T05:13:26.123 warning train: slow disk"));
}

TEST(LaunchTest, TheFirstFailureIsReportedWithItsLastWords) {
  const auto outcome = LaunchScript(3,
                                    "if [ $RANK = 2 ]; then echo bad image >&2; exit 3; fi; "
                                    "exec sleep 0.2");
  EXPECT_EQ(outcome.result.exit_code, 3);
  EXPECT_EQ(outcome.result.report,
            "rank 2 of 3 ended with exit code 3. Its last lines:\n  bad image");
  EXPECT_THAT(outcome.lines, ElementsAre("[rank 2] bad image"));
}

TEST(LaunchTest, AKilledRankCountsBeforeThoseThatNoticedIt) {
  const auto outcome = LaunchScript(2, "if [ $RANK = 1 ]; then kill -9 $$; fi; exit 5");
  EXPECT_EQ(outcome.result.exit_code, 5);
  EXPECT_THAT(outcome.result.report, HasSubstr("rank "));
}

TEST(LaunchTest, RanksThatDoNotNoticeAreEnded) {
  // The one left over asks for the harder signal.
  const auto outcome = LaunchScript(
      2, "if [ $RANK = 1 ]; then exit 4; fi; trap '' TERM; while :; do sleep 0.01; done", {},
      milliseconds(50));
  EXPECT_EQ(outcome.result.exit_code, 4);
  EXPECT_EQ(outcome.result.report, "rank 1 of 2 ended with exit code 4.");
}

TEST(LaunchTest, AStopReachesEveryRankOnce) {
  const TestFolder folder;
  std::stop_source stop;
  std::thread asks([&] {
    while (!std::filesystem::exists(folder / "0") || !std::filesystem::exists(folder / "1"))
      std::this_thread::sleep_for(milliseconds(2));
    stop.request_stop();
  });
  const auto outcome =
      LaunchScript(2,
                   "trap 'echo saved $RANK; exit 6' TERM; : > " + folder.path().string() +
                       "/$RANK; while :; do sleep 0.01; done",
                   stop.get_token());
  asks.join();
  EXPECT_EQ(outcome.result.exit_code, 6);
  EXPECT_THAT(outcome.lines, ElementsAre("[rank 1] saved 1"));
}

TEST(LaunchTest, AProgramThatIsNotThereIsReported) {
  const auto result =
      LaunchRanks({.ranks = 2, .command = {"no-such-program"}}, {}, [](std::string_view) {});
  EXPECT_EQ(result.exit_code, 127);
}

TEST(LaunchTest, NoRankIsAConfigError) {
  EXPECT_THROW(LaunchRanks({.ranks = 0, .command = {"x"}}, {}, {}), ConfigError);
}

// The launcher of DISABLED_Launcher is killed as the out-of-memory killer would.
TEST(LaunchTest, NoRankOutlivesAKilledLauncher) {
  const TestFolder folder;
  ChildProcess launcher({ThisProgram(), "--gtest_also_run_disabled_tests",
                         "--gtest_filter=LaunchTest.DISABLED_Launcher"},
                        {{"OCCVLA_TEST_FOLDER", folder.path().string()}, {"GTEST_OUTPUT", ""}},
                        ChildProcess::Output::kCapture);
  std::vector<pid_t> ranks;
  while (ranks.size() < 2) {
    ASSERT_EQ(launcher.Ended(), std::nullopt);
    ranks.clear();
    for (const char* name : {"0.pid", "1.pid"}) {
      pid_t pid = 0;
      if (std::ifstream(folder / name) >> pid) ranks.push_back(pid);
    }
    std::this_thread::sleep_for(milliseconds(2));
  }
  for (const auto pid : ranks) ASSERT_EQ(kill(pid, 0), 0);
  launcher.Signal(SIGKILL);
  launcher.Wait();
  // They are this system's first process's children then; it may take a moment to bury them.
  const auto gone = [](pid_t pid) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/stat");
    std::string number, name, state;
    return !(status >> number >> name >> state) || state == "Z";
  };
  for (const auto pid : ranks)
    while (!gone(pid)) std::this_thread::sleep_for(milliseconds(2));
}

TEST(LaunchTest, DISABLED_Launcher) {
  const char* folder = std::getenv("OCCVLA_TEST_FOLDER");
  ASSERT_NE(folder, nullptr);
  LaunchScript(2, "echo $$ > " + std::string(folder) + "/$RANK.tmp; mv " + folder + "/$RANK.tmp " +
                      folder + "/$RANK.pid; exec sleep 60");
}

}  // namespace
}  // namespace occvla::train
