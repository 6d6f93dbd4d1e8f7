// From a made world to the paper's tables, as a user's commands: synth, init, eval run in shards,
// eval report.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "occvla/base/test_folder.h"

namespace occvla::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::string TextOf(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

class EvalRunTest : public ::testing::Test {
 protected:
  void SetUp() override {
#ifndef PROGRAM
    GTEST_SKIP() << "the program is not part of a build without torch";
#endif
  }
  /// Runs the program; both streams go to `said_`.
  int Occvla(const std::string& arguments) {
#ifdef PROGRAM
    const std::string program = PROGRAM;
#else
    const std::string program = "occvla";
#endif
    FILE* pipe = popen((program + " " + arguments + " 2>&1").c_str(), "r");
    said_.clear();
    char buffer[4096];
    for (size_t got; (got = fread(buffer, 1, sizeof buffer, pipe)) > 0;) said_.append(buffer, got);
    const int status = pclose(pipe);
    return WEXITSTATUS(status);
  }
  std::string In(const std::string& name) const { return (folder_ / name).string(); }

  TestFolder folder_;
  std::string said_;
};

TEST_F(EvalRunTest, ShardsOfARunGiveTheReportsOfAWholeOne) {
  ASSERT_EQ(Occvla("synth --out " + In("town") +
                   " --scenes 1 --keyframes 9 --seed 4 --image-scale 0.04 --set town.size_m=480 "
                   "--set traffic.density=0.3"),
            0)
      << said_;
  ASSERT_EQ(Occvla("init --preset tiny --seed 3 --out " + In("tiny")), 0) << said_;
  const std::string data = " --dataroot " + In("town") + " --version v1.0-synth --split all";
  const std::string run = "eval run --checkpoint " + In("tiny") + data +
                          " --set answer.max_new_tokens=4 --set model.threads=1 --questions " +
                          In("town/v1.0-synth/questions/NuScenes_train_questions.json") + " --out ";
  ASSERT_EQ(Occvla(run + In("whole")), 0) << said_;
  EXPECT_THAT(said_, HasSubstr("9 keyframes asked about now"));
  EXPECT_THAT(said_, HasSubstr("stp3"));
  ASSERT_EQ(Occvla(run + In("parts") + " --shard 0/2"), 0) << said_;
  EXPECT_EQ(Occvla(run + In("parts") + " --shard 2/2"), 2);
  ASSERT_EQ(Occvla(run + In("parts") + " --shard 1/2"), 0) << said_;
  ASSERT_EQ(Occvla(run + In("parts")), 0) << said_;
  EXPECT_THAT(said_, HasSubstr("0 keyframes asked about now"));
  for (const char* name :
       {"planning.json", "meta_action.json", "qa.json", "scenes.json", "consistency.json",
        "predictions/trajectories.json", "predictions/texts.json"}) {
    EXPECT_NE(TextOf(folder_ / "whole" / name), "") << name;
    EXPECT_EQ(TextOf(folder_ / "parts" / name), TextOf(folder_ / "whole" / name)) << name;
  }
  ASSERT_EQ(Occvla("eval report --model mine=" + In("whole") + " --out " + In("report.html")), 0)
      << said_;
  EXPECT_THAT(said_, HasSubstr("> mine"));
  EXPECT_THAT(TextOf(folder_ / "report.html"), HasSubstr("stp3, averaged up to"));
}

}  // namespace
}  // namespace occvla::tests
