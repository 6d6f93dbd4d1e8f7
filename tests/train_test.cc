#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"

#if TORCH_ROOMS

namespace occvla::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

struct Ended {
  int code = -1;  // -1: killed.
  std::string out;
};

// Training runs of the program on a small town. A helper of the tests below.
class TrainTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TestFolder();
    setenv("OCCVLA_RUNS", "", 1);
    const auto made = Run({"synth", "--out", Town(), "--scenes", "2", "--seed", "4", "--keyframes",
                           "9", "--image-scale", "0.05", "--set", "town.size_m=480"});
    ASSERT_EQ(made.code, 0) << made.out;
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }

  static std::string Town() { return (*folder_ / "town").string(); }
  static fs::path Out(const std::string& name) { return *folder_ / name; }

  static std::vector<std::string> Training(const std::string& name,
                                           const std::vector<std::string>& more = {}) {
    std::vector<std::string> command{"train",
                                     "--config",
                                     "configs/smoke.toml",
                                     "--set",
                                     "run.out=" + Out(name).string(),
                                     "--set",
                                     "data.dataroots=[\"" + Town() + "\"]",
                                     "--set",
                                     "keep.every=1",
                                     "--set",
                                     "loss.crop=40",
                                     "--set",
                                     "compute.workers=1"};
    command.insert(command.end(), more.begin(), more.end());
    return command;
  }

  static pid_t Start(const std::vector<std::string>& arguments, const fs::path& log) {
    std::vector<char*> argv{const_cast<char*>(PROGRAM)};
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    const pid_t child = fork();
    if (child == 0) {
      setenv("OMP_NUM_THREADS", "1", 1);
      const int file = open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
      dup2(file, STDOUT_FILENO);
      dup2(file, STDERR_FILENO);
      execv(PROGRAM, argv.data());
      _exit(127);
    }
    return child;
  }

  static Ended WaitFor(pid_t child, const fs::path& log) {
    int status = 0;
    waitpid(child, &status, 0);
    std::ostringstream text;
    text << std::ifstream(log).rdbuf();
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text.str()};
  }

  static Ended Run(const std::vector<std::string>& arguments) {
    const fs::path log = *folder_ / "log.txt";
    return WaitFor(Start(arguments, log), log);
  }

  // What the program says of weights and optimiser at the end.
  static std::string StateOf(const std::string& out) {
    const auto at = out.find("state    ");
    return at == out.npos ? "no state in: " + out : out.substr(at + 9, 64);
  }

  // The hash of the last checkpoint's weights.
  static std::string WeightsOf(const std::string& name) {
    return Sha256OfFile(Out(name) / "checkpoints" / "last" / "model.safetensors");
  }

  // Starts it again and again and kills it at random moments of the step or save behind a new
  // checkpoint, so that every start has something to go on from; then lets it end.
  static Ended KillAndResume(const std::string& name, int kills,
                             const std::vector<std::string>& more) {
    std::mt19937 random(7);
    auto command = Training(name, more);
    command.push_back("--resume");
    const fs::path log = *folder_ / "killed.txt";
    for (int killed = 0; killed < kills;) {
      const auto last = Out(name) / "checkpoints" / "last";
      std::error_code none;
      const auto before = fs::read_symlink(last, none);
      const pid_t child = Start(command, log);
      for (int i = 0; i < 3000 && fs::read_symlink(last, none) == before; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      std::this_thread::sleep_for(std::chrono::milliseconds(random() % 300));
      kill(child, SIGKILL);
      const auto ended = WaitFor(child, log);
      if (ended.code >= 0) return ended;  // It was faster.
      ++killed;
    }
    return Run(command);
  }

  static TestFolder* folder_;
};

TestFolder* TrainTest::folder_ = nullptr;

int Kills() {
  const char* wanted = getenv("OCCVLA_TEST_KILLS");
  return wanted == nullptr ? 3 : atoi(wanted);
}

// Enough steps for every kill to find a checkpoint of its own.
std::vector<std::string> StepsFor(int kills) {
  return {"--set", "optimizer.steps=" + std::to_string(kills + 3)};
}

TEST_F(TrainTest, ARunThatIsKilledAndResumedEndsInTheSameBits) {
  const auto more = StepsFor(Kills());
  const auto whole = Run(Training("whole", more));
  ASSERT_EQ(whole.code, 0) << whole.out;
  const auto resumed = KillAndResume("killed", Kills(), more);
  ASSERT_EQ(resumed.code, 0) << resumed.out;
  EXPECT_EQ(StateOf(resumed.out), StateOf(whole.out));
}

TEST_F(TrainTest, TwoRanksThatAreKilledAndResumedEndInTheSameBits) {
  auto more = StepsFor(Kills());
  more.insert(more.end(), {"--ranks", "2"});
  const auto whole = Run(Training("whole2", more));
  ASSERT_EQ(whole.code, 0) << whole.out;
  const auto resumed = KillAndResume("killed2", Kills(), more);
  ASSERT_EQ(resumed.code, 0) << resumed.out;
  EXPECT_EQ(StateOf(resumed.out), StateOf(whole.out));
}

TEST_F(TrainTest, OneTwoAndFourRanksEndInTheSameBits) {
  const std::vector<std::string> exact{
      "--set", "compute.precision=f64", "--set", "optimizer.steps=2",
      "--set", "optimizer.batch=4",     "--set", "data.questions_per_frame=2"};
  const auto one = Run(Training("one", exact));
  ASSERT_EQ(one.code, 0) << one.out;
  for (const auto& [ranks, shard] : {std::pair{"2", "false"}, std::pair{"4", "true"}}) {
    auto more = exact;
    more.insert(more.end(), {"--ranks", ranks, "--set", std::string("optimizer.shard=") + shard});
    const auto name = std::string("ranks") + ranks;
    const auto many = Run(Training(name, more));
    ASSERT_EQ(many.code, 0) << many.out;
    EXPECT_EQ(WeightsOf(name), WeightsOf("one")) << ranks << " ranks";
  }
}

TEST_F(TrainTest, AnInterruptedRunSavesAndSaysHowToGoOn) {
  const fs::path log = *folder_ / "interrupted.txt";
  const pid_t child = Start(Training("interrupted", {"--set", "optimizer.steps=1000"}), log);
  for (int i = 0; i < 600 && !fs::exists(Out("interrupted") / "checkpoints" / "last"); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  kill(child, SIGTERM);
  const auto ended = WaitFor(child, log);
  EXPECT_EQ(ended.code, 6) << ended.out;
  EXPECT_THAT(ended.out, HasSubstr("the same command with --resume goes on from there"));
  EXPECT_TRUE(fs::exists(Out("interrupted") / "checkpoints" / "last" / "model.safetensors"));
}

TEST_F(TrainTest, AValidationAsksTheEngineAndItsCheckpointKnowsTheBest) {
  const auto ended = Run(Training(
      "validated", {"--set", "optimizer.steps=2", "--set", "keep.validate_every=1", "--set",
                    "keep.validate_frames=2", "--set", "keep.validate_questions=2", "--set",
                    "keep.validate_pictures=1", "--set", "keep.best=occupancy_iou"}));
  ASSERT_EQ(ended.code, 0) << ended.out;
  const auto metrics = ReadTextFile(Out("validated") / "metrics.jsonl", size_t{1} << 20);
  EXPECT_THAT(metrics, HasSubstr("\"series\":\"val\""));
  for (const char* metric : {"meta_action_both", "\"qa\"", "occupancy_miou", "occupancy_iou"})
    EXPECT_THAT(metrics, HasSubstr(metric));
  EXPECT_TRUE(
      fs::exists(Out("validated") / "samples" / "step-00000001-prediction-and-truth-0.png"));
  EXPECT_THAT(ReadTextFile(Out("validated") / "report.html", size_t{64} << 20),
              HasSubstr("<figure><img alt=\"step 2, prediction-and-truth-0\""));
  // Step 1 is the best of one, and the checkpoint of step 1 says so.
  const auto state = ReadTextFile(
      Out("validated") / "checkpoints" / "step-00000001" / "training_state.json", 1 << 20);
  EXPECT_THAT(state, HasSubstr("\"best_step\": 1"));
  EXPECT_THAT(state, HasSubstr("\"validated_step\": 1"));
  EXPECT_TRUE(fs::is_symlink(Out("validated") / "checkpoints" / "best"));
}

TEST_F(TrainTest, ADamagedCheckpointIsNamedWithTheSoundOneBeforeIt) {
  ASSERT_EQ(Run(Training("damaged", {"--set", "optimizer.steps=3"})).code, 0);
  const auto last = Out("damaged") / "checkpoints" / "step-00000003";
  const auto state = last / "training_state-0.safetensors";
  {
    std::fstream file(state, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-1, std::ios::end);
    file.put('\x55');
  }
  const auto ended = Run(Training("damaged", {"--set", "optimizer.steps=3", "--resume"}));
  EXPECT_EQ(ended.code, 4);
  EXPECT_THAT(ended.out, HasSubstr(state.string() + " does not have the content that was written"));
  EXPECT_THAT(ended.out, HasSubstr("step-00000002 is sound: remove " + last.string()));
  EXPECT_TRUE(fs::exists(Out("damaged") / "checkpoints" / "step-00000002"));
}

TEST_F(TrainTest, ALossThatIsNotFiniteNamesItsFramesAndKeepsTheLastCheckpoint) {
  const auto ended =
      Run(Training("nan", {"--set", "optimizer.learning_rate=1e38", "--set", "optimizer.clip=0"}));
  EXPECT_EQ(ended.code, 3);
  EXPECT_THAT(ended.out, HasSubstr("is not finite for "));
  EXPECT_THAT(ended.out, HasSubstr("No weight was changed; the last checkpoint is "));
  EXPECT_TRUE(fs::exists(Out("nan") / "checkpoints" / "last" / "model.safetensors"));
}

}  // namespace
}  // namespace occvla::tests

#endif
