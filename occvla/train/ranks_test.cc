// Groups of real processes: this binary starts itself once for each rank, as DISABLED_Process.
#include "occvla/train/ranks.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "occvla/base/error.h"
#include "occvla/base/test_folder.h"
#include "occvla/train/gradient_buckets.h"
#include "occvla/train/runs/child_process.h"
#include "occvla/train/runs/launch.h"
#include "occvla/train/runs/line_socket.h"
#include "occvla/train/runs/partition.h"

namespace occvla::train {
namespace {

using std::chrono::milliseconds;
using ::testing::AnyOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

using Tensors = std::vector<at::Tensor>;

// ---- What a rank does, by name. It returns what the test compares.

struct Rank {
  Ranks& ranks;
  int rank = ranks.rank(), size = ranks.size();
};

[[noreturn]] void EndAsIfKilled() {
  raise(SIGKILL);
  std::abort();
}

std::thread KilledAfter(milliseconds time) {
  return std::thread([time] {
    std::this_thread::sleep_for(time);
    EndAsIfKilled();
  });
}

std::string Numbers(const at::Tensor& tensor) {
  std::ostringstream text;
  const auto flat = tensor.to(at::kDouble).reshape({-1}).contiguous();
  text.precision(17);
  for (int64_t i = 0; i < flat.numel(); ++i) text << flat.const_data_ptr<double>()[i] << ' ';
  return text.str();
}

// All types at once, one that is not contiguous, one that is larger than a bucket.
std::string SumsOfEveryKind(Rank self) {
  const double one = self.rank + 1, all = self.size * (self.size + 1) / 2.0;
  const Tensors tensors{
      at::full({2, 3}, one, at::kFloat),     at::full({5}, one, at::kDouble),
      at::full({4, 6}, one, at::kFloat).t(), at::full({3'000'000}, one, at::kFloat),
      at::full({3}, one, at::kBFloat16),     at::full({0}, one, at::kFloat),
      at::full({2}, one, at::kLong)};
  self.ranks.Sum(tensors);
  std::string wrong;
  for (size_t i = 0; i < tensors.size(); ++i)
    if (!tensors[i].eq(all).all().item<bool>()) wrong += "tensor " + std::to_string(i) + " ";
  return wrong.empty() ? "right" : wrong;
}

std::string EverythingButSums(Rank self) {
  const auto owned = at::full({3}, self.rank, at::kFloat), from_last = at::full({2}, self.rank);
  const auto half = at::full({2}, self.rank, at::kBFloat16);
  self.ranks.Broadcast({from_last, half}, self.size - 1);
  const Tensors parts{owned.clone(), owned.clone(), owned.clone()};
  self.ranks.BroadcastOwned(parts, {1, 0, 1});
  self.ranks.Barrier();
  std::string text;
  for (const auto& part : self.ranks.Gather(std::string(static_cast<size_t>(self.rank), 'x')))
    text += part + "|";
  text += Numbers(from_last) + Numbers(half) + Numbers(at::cat(parts));
  return text + std::to_string(static_cast<int>(self.ranks.Max(self.rank * 10)));
}

// Eight samples' gradients of four parameters, dealt out to the ranks, added up and summed; each
// rank adds parameters in an order of its own.
std::string StepOfEightSamples(Rank self, bool by_tree) {
  const std::vector<int64_t> elements{3, 700, 40, 900, 1};
  GradientBuckets buckets(self.ranks, elements, 800);
  std::string text;
  for (int step = 0; step < 2; ++step) {
    const auto gradients_of = [&](size_t sample) {
      Tensors gradients;
      for (const auto count : elements)
        gradients.push_back(
            at::sin(at::arange(count, at::kDouble) * 0.7 + static_cast<double>(sample * 31) + step)
                .mul(std::pow(10, sample % 5)));
      return gradients;
    };
    const auto ranks = static_cast<size_t>(self.size), own = 8 / ranks;
    const auto order = TreeOrder(own);
    TreeSum tree;
    Tensors line;
    for (size_t j = 0; j < own; ++j) {
      const auto sample = (by_tree ? order[j] : j) * ranks + static_cast<size_t>(self.rank);
      auto gradients = gradients_of(sample);
      if (by_tree)
        tree.Add(std::move(gradients));
      else if (line.empty())
        line = std::move(gradients);
      else
        for (size_t i = 0; i < line.size(); ++i) line[i].add_(gradients[i]);
    }
    if (by_tree) line = tree.Take();
    for (size_t i = 0; i < line.size(); ++i) {
      const auto index = (i * 2 + static_cast<size_t>(self.rank)) % line.size();
      buckets.Add(index, line[index]);
    }
    for (const auto& sum : buckets.Finish()) text += Numbers(sum);
  }
  return text;
}

std::string Lost(const std::string& name, Rank self) {
  const int victim = name.ends_with("0") ? 0 : 1;
  std::thread killer;
  if (name.starts_with("killed in sum")) {
    if (self.rank == victim) killer = KilledAfter(milliseconds(30));
    for (;;) self.ranks.Sum({at::ones({500'000})});
  }
  if (self.rank == victim) {
    if (name.starts_with("killed")) {
      std::this_thread::sleep_for(milliseconds(30));
      EndAsIfKilled();
    }
    if (name == "stopped") raise(SIGSTOP);
    if (name == "late") std::this_thread::sleep_for(milliseconds(1600));
    if (name == "error") throw DataError("cam.jpg is cut off.");
    if (name == "unwinding") throw std::runtime_error("ours");
  }
  self.ranks.Barrier();
  return "went on";
}

std::string Work(const std::string& name, Rank self) {
  if (name == "sums") return SumsOfEveryKind(self);
  if (name == "rest") return EverythingButSums(self);
  if (name == "tree") return StepOfEightSamples(self, true);
  if (name == "line") return StepOfEightSamples(self, false);
  if (name == "differ") {
    self.ranks.RequireEqual("configs", "same");
    self.ranks.RequireEqual("data fingerprints", self.rank == 1 ? "aa" : "bb");
    return "went on";
  }
  if (name == "owned step") {
    // Each owner moves its own part; all have all afterwards.
    const std::vector<int64_t> elements{4, 2, 2};
    const auto owners = OwnerOfParameters(elements, self.size);
    const Tensors weights{at::zeros({4}), at::zeros({2}), at::zeros({2})};
    for (size_t i = 0; i < weights.size(); ++i)
      if (owners[i] == self.rank) weights[i].add_(static_cast<double>(i) + 1);
    self.ranks.BroadcastOwned(weights, owners);
    return Numbers(at::cat(weights));
  }
  return Lost(name, self);
}

std::string RunRank(const std::string& name, const RankPlace& place, SumOrder order) {
  const bool waits = name == "stopped" || name == "late";
  const Ranks::Options options{.meeting = milliseconds(name == "missing" ? 400 : 20'000),
                               .timeout = milliseconds(waits ? 800 : 20'000),
                               .order = order,
                               .heartbeat = milliseconds(10)};
  std::thread killer;
  if (name == "killed on the way" && place.rank == 1) killer = KilledAfter(milliseconds(100));
  try {
    Ranks ranks(place, options);
    try {
      return Work(name, {ranks});
    } catch (const DataError& error) {
      ranks.Stop(error.what());
      throw;
    }
  } catch (const std::exception& error) {
    return error.what();
  }
}

SumOrder OrderOf(const std::string& name) {
  return name.starts_with("tree") ? SumOrder::kTree : SumOrder::kRing;
}

TEST(RanksTest, DISABLED_Process) {
  const char* name = std::getenv("OCCVLA_TEST_WORK");
  const char* folder = std::getenv("OCCVLA_TEST_FOLDER");
  ASSERT_TRUE(name != nullptr && folder != nullptr);
  at::set_num_threads(1);
  const auto place = PlaceFromEnvironment();
  const auto order = std::getenv("OCCVLA_TEST_TREE") ? SumOrder::kTree : OrderOf(name);
  const auto text = RunRank(name, place, order);
  std::ofstream(std::string(folder) + "/" + std::to_string(place.rank)) << text;
}

// ---- Starting them.

struct Outcome {
  std::vector<std::string> texts;  // By rank; empty for one that left none.
  std::string output;
};

struct Start {
  int absent = -1;   // This rank never comes.
  int left_be = -1;  // This rank is not waited for, but killed at last.
  bool tree = false;
};

Outcome RunRanks(const std::string& name, int size, const Start& start = {}) {
  const TestFolder folder;
  const auto port = std::to_string(FreePort());
  std::vector<ChildProcess> processes;
  std::vector<int> numbers;
  for (int rank = 0; rank < size; ++rank) {
    if (rank == start.absent) continue;
    std::vector<std::pair<std::string, std::string>> variables{
        {"OCCVLA_TEST_WORK", name},     {"OCCVLA_TEST_FOLDER", folder.path().string()},
        {"RANK", std::to_string(rank)}, {"WORLD_SIZE", std::to_string(size)},
        {"MASTER_ADDR", "127.0.0.1"},   {"MASTER_PORT", port},
        {"OMP_NUM_THREADS", "1"},       {"GTEST_OUTPUT", ""}};
    if (start.tree) variables.emplace_back("OCCVLA_TEST_TREE", "1");
    processes.emplace_back(
        std::vector<std::string>{ThisProgram(), "--gtest_also_run_disabled_tests",
                                 "--gtest_filter=RanksTest.DISABLED_Process"},
        variables, ChildProcess::Output::kCapture);
    numbers.push_back(rank);
  }
  Outcome outcome;
  for (size_t i = 0; i < processes.size(); ++i) {
    if (numbers[i] != start.left_be) processes[i].Wait();
    for (const auto& line : processes[i].ReadLines()) outcome.output += line + "\n";
  }
  for (int rank = 0; rank < size; ++rank) {
    std::ifstream file(folder / std::to_string(rank));
    outcome.texts.emplace_back(std::istreambuf_iterator<char>(file),
                               std::istreambuf_iterator<char>());
  }
  return outcome;
}

std::string RunAlone(const std::string& name) { return RunRank(name, {}, OrderOf(name)); }

const std::string kAdvice =
    " Look at the log of that rank and at its machine, then start all ranks again with --resume.";

// ---- The tests.

TEST(RanksTest, SumsAreRightForEveryKindOfTensor) {
  EXPECT_EQ(RunAlone("sums"), "right");
  for (const bool tree : {false, true}) {
    const auto outcome = RunRanks("sums", 3, {.tree = tree});
    EXPECT_THAT(outcome.texts, Each("right")) << outcome.output;
  }
}

TEST(RanksTest, BroadcastGatherAndMaximumReachAll) {
  EXPECT_EQ(RunAlone("rest"), "|0 0 0 0 0 0 0 0 0 0 0 0 0 0");
  const auto outcome = RunRanks("rest", 3);
  EXPECT_THAT(outcome.texts, Each("|x|xx|2 2 2 2 1 1 1 0 0 0 1 1 1 20")) << outcome.output;
}

TEST(RanksTest, OwnersStepsReachAll) {
  const auto outcome = RunRanks("owned step", 2);
  EXPECT_THAT(outcome.texts, Each("1 1 1 1 2 2 3 3 ")) << outcome.output;
}

TEST(RanksTest, TreeSumsAreTheSameBitsForOneTwoAndFourRanks) {
  const auto alone = RunAlone("tree");
  EXPECT_GT(alone.size(), 10'000u);
  for (const int size : {2, 4}) {
    const auto outcome = RunRanks("tree", size);
    EXPECT_THAT(outcome.texts, Each(alone)) << outcome.output;
  }
}

// The sum of eight float64 terms: other brackets move it by a few units of the last place of the
// largest term.
TEST(RanksTest, RingSumsAreTheSameButForRounding) {
  const auto alone = RunAlone("line");
  const auto outcome = RunRanks("line", 2);
  EXPECT_EQ(outcome.texts[0], outcome.texts[1]);
  std::istringstream expected(alone), found(outcome.texts[0]);
  size_t count = 0;
  for (double a = 0, b = 0; expected >> a && found >> b; ++count) ASSERT_NEAR(a, b, 1e-11);
  EXPECT_EQ(count, 2 * 1644u);
}

TEST(RanksTest, DifferentConfigsEndAllWithTheSameWords) {
  const auto outcome = RunRanks("differ", 3);
  EXPECT_THAT(outcome.texts, Each("ranks have different data fingerprints:\n"
                                  "  - rank 1: \"aa\"\n"
                                  "  - ranks 0 and 2: \"bb\"\n"
                                  "Start all ranks with the same config and the same data."))
      << outcome.output;
}

TEST(RanksTest, ARankKilledInABarrierIsNamed) {
  const auto outcome = RunRanks("killed in barrier 1", 3);
  EXPECT_THAT(outcome.texts,
              ElementsAre("rank 1 vanished: its process ended without a word (noticed by rank 0 of "
                          "3 in operation 1 (maximum))." +
                              kAdvice,
                          "",
                          "rank 1 vanished: its process ended without a word (noticed by rank 2 of "
                          "3 in operation 1 (maximum))." +
                              kAdvice))
      << outcome.output;
}

TEST(RanksTest, ARankKilledInASumIsNamed) {
  for (const int victim : {0, 1}) {
    const auto outcome = RunRanks("killed in sum " + std::to_string(victim), 3);
    const auto named = StartsWith("rank " + std::to_string(victim) +
                                  " vanished: its process ended without a word (noticed by rank ");
    EXPECT_THAT(outcome.texts[static_cast<size_t>(1 - victim)], named) << outcome.output;
    EXPECT_THAT(outcome.texts[2], named) << outcome.output;
  }
}

TEST(RanksTest, ARankKilledWhileRanksMeetIsNamed) {
  // Rank 2 never comes; rank 1 is killed while it waits for it.
  const auto outcome = RunRanks("killed on the way", 3, {.absent = 2});
  EXPECT_THAT(outcome.texts[0],
              "ranks cannot meet: rank 1 vanished: its process ended without a word.")
      << outcome.output;
}

TEST(RanksTest, RanksThatDoNotComeAreNamed) {
  // On a busy machine rank 2 may come when rank 0 has given up.
  const auto outcome = RunRanks("missing", 3, {.absent = 1});
  EXPECT_THAT(outcome.texts[0], AllOf(StartsWith("ranks cannot meet: rank"),
                                      HasSubstr("of 3 did not come to 127.0.0.1 within 0.4 s.")))
      << outcome.output;
  EXPECT_THAT(outcome.texts[2], AnyOf(outcome.texts[0], HasSubstr("rank 0 "))) << outcome.output;
  EXPECT_THAT(RunRanks("missing", 2, {.absent = 0}).texts[1],
              AllOf(StartsWith("rank 0 does not answer at 127.0.0.1:"),
                    HasSubstr("are address and port the same on all ranks")));
}

TEST(RanksTest, AStoppedRankEndsTheOthersAfterTheTimeout) {
  const auto outcome = RunRanks("stopped", 2, {.left_be = 1});
  EXPECT_THAT(
      outcome.texts[0],
      AnyOf(StartsWith("rank 1 was not heard for 0.8 s: it is stopped or cut off"),
            StartsWith("rank 1 did not come to operation 1 (maximum), where others waited")))
      << outcome.output;
}

TEST(RanksTest, ARankThatIsLateEndsAllAfterTheTimeout) {
  const auto outcome = RunRanks("late", 2);
  EXPECT_THAT(outcome.texts,
              Each(StartsWith("rank 1 did not come to operation 1 (maximum), where others waited")))
      << outcome.output;
}

TEST(RanksTest, TheCauseOfARanksErrorReachesTheOthers) {
  auto outcome = RunRanks("error", 2);
  EXPECT_EQ(outcome.texts[1], "cam.jpg is cut off.") << outcome.output;
  EXPECT_THAT(outcome.texts[0], StartsWith("rank 1 stopped: cam.jpg is cut off. (noticed by"))
      << outcome.output;
  outcome = RunRanks("unwinding", 2);
  EXPECT_THAT(outcome.texts[0],
              StartsWith("rank 1 stopped: an error ended it; its log says which (noticed by"))
      << outcome.output;
}

TEST(TreeOrderTest, BitsAreReversed) {
  EXPECT_THAT(TreeOrder(8), ElementsAre(0, 4, 2, 6, 1, 5, 3, 7));
  EXPECT_THAT(TreeOrder(1), ElementsAre(0));
  EXPECT_THAT(TreeOrder(3), ElementsAre(0, 1, 2));
}

TEST(TreeSumTest, ATermOfTheLastSampleCompletesItsSumInTheSameBits) {
  for (size_t count = 1; count <= 9; ++count) {
    TreeSum whole, ahead;
    at::Tensor last;
    for (size_t sample = 0; sample < count; ++sample) {
      const auto term = at::sin(at::arange(50, at::kFloat) * static_cast<double>(sample + 1))
                            .mul(std::pow(10, sample % 5));
      whole.Add({term.clone(), term.clone()});
      if (sample + 1 < count) ahead.Add({term.clone(), term.clone()});
      last = term;
    }
    const auto want = whole.Take();
    EXPECT_TRUE(at::equal(ahead.With(1, last.clone()), want[1])) << count;
    EXPECT_TRUE(at::equal(ahead.With(0, last.clone()), want[0])) << count;
  }
}

}  // namespace
}  // namespace occvla::train
