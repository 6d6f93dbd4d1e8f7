#include "occvla/data/loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <set>

namespace occvla::data {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Indices = std::vector<uint32_t>;

uint32_t Same(uint32_t index) { return index; }

// The indices that arrive, by rank.
std::vector<Indices> Walk(LoaderOptions options, uint64_t ranks) {
  std::vector<Indices> walks;
  for (uint64_t rank = 0; rank < ranks; ++rank) {
    options.rank = rank;
    options.ranks = ranks;
    Loader<uint32_t> loader(options, Same);
    Indices& walk = walks.emplace_back();
    while (const auto item = loader.Next()) {
      EXPECT_EQ(item->sample, item->index);
      EXPECT_EQ(item->position, options.begin + rank + walk.size() * ranks);
      walk.push_back(item->index);
    }
  }
  return walks;
}

TEST(EpochOrderTest, VisitsEachSampleOnceAndDiffersByEpochAndSeed) {
  const Indices first = EpochOrder(100, SampleOrder::kShuffled, 7, 0);
  EXPECT_EQ(std::set<uint32_t>(first.begin(), first.end()).size(), 100u);
  EXPECT_EQ(*std::max_element(first.begin(), first.end()), 99u);
  EXPECT_EQ(first, EpochOrder(100, SampleOrder::kShuffled, 7, 0));
  EXPECT_NE(first, EpochOrder(100, SampleOrder::kShuffled, 7, 1));
  EXPECT_NE(first, EpochOrder(100, SampleOrder::kShuffled, 8, 0));
  EXPECT_THAT(EpochOrder(3, SampleOrder::kAsGiven, 7, 5), ElementsAre(0, 1, 2));
}

// Each of the six orders of three comes about as often as the others: 6000 draws, 1000 each with a
// deviation of 29; 150 is five of them.
TEST(EpochOrderTest, EveryOrderIsEquallyLikely) {
  std::map<Indices, int> counts;
  for (uint64_t epoch = 0; epoch < 6000; ++epoch)
    ++counts[EpochOrder(3, SampleOrder::kShuffled, 1, epoch)];
  EXPECT_EQ(counts.size(), 6u);
  for (const auto& [order, count] : counts) EXPECT_NEAR(count, 1000, 150);
}

TEST(LoaderTest, RanksShareOneOrderWhateverTheirNumberAndThreads) {
  LoaderOptions options{.count = 10, .seed = 3, .end = 25};
  const Indices whole = Walk(options, 1)[0];
  ASSERT_EQ(whole.size(), 25u);
  const Indices second = EpochOrder(10, SampleOrder::kShuffled, 3, 1);
  EXPECT_EQ(Indices(whole.begin() + 10, whole.begin() + 20), second);
  for (const uint64_t ranks : {1, 2, 4}) {
    for (const size_t threads : {1, 3}) {
      options.threads = threads;
      options.ahead = threads == 1 ? 1 : 5;
      const auto walks = Walk(options, ranks);
      Indices merged;
      for (size_t at = 0; merged.size() < whole.size(); ++at)
        merged.push_back(walks[at % ranks].at(at / ranks));
      EXPECT_EQ(merged, whole) << ranks << " ranks, " << threads << " threads";
    }
  }
}

TEST(LoaderTest, AResumedWalkEqualsAnUninterruptedOne) {
  LoaderOptions options{.count = 7, .seed = 5, .end = 40, .rank = 1, .ranks = 2, .threads = 3};
  Indices whole, parts;
  Loader<uint32_t> uninterrupted(options, Same);
  while (const auto item = uninterrupted.Next()) whole.push_back(item->index);
  while (options.begin < options.end) {
    Loader<uint32_t> loader(options, Same);
    for (int taken = 0; taken < 3; ++taken)
      if (const auto item = loader.Next()) parts.push_back(item->index);
    options.begin = loader.position();
  }
  EXPECT_EQ(parts, whole);
}

TEST(LoaderTest, BatchesTakeThePositionsOfThisRank) {
  const LoaderOptions options{
      .count = 9, .order = SampleOrder::kAsGiven, .end = 9, .rank = 1, .ranks = 2};
  Loader<uint32_t> loader(options, Same);
  std::vector<Indices> batches;
  for (auto batch = loader.NextBatch(3); !batch.empty(); batch = loader.NextBatch(3)) {
    batches.emplace_back();
    for (const auto& item : batch) batches.back().push_back(item.index);
  }
  EXPECT_THAT(batches, ElementsAre(ElementsAre(1, 3, 5), ElementsAre(7)));
  EXPECT_EQ(loader.position(), 8u);  // Rank 0 has position 8 still to take.
}

uint32_t DamagedAtThree(uint32_t index) {
  if (index % 5 == 3) throw DataError("sample " + std::to_string(index) + " is cut");
  return index;
}

TEST(LoaderTest, ADamagedSampleStopsAtItsTurn) {
  const LoaderOptions options{
      .count = 10, .order = SampleOrder::kAsGiven, .threads = 3, .ahead = 8};
  Loader<uint32_t> loader(options, DamagedAtThree);
  for (uint32_t index = 0; index < 3; ++index) EXPECT_EQ(loader.Next()->index, index);
  for (int again = 0; again < 2; ++again) {
    try {
      (void)loader.Next();
      FAIL() << "a damaged sample was passed over";
    } catch (const DataError& error) {
      EXPECT_STREQ(error.what(), "sample 3 is cut");
    }
  }
  EXPECT_EQ(loader.position(), 3u);
}

TEST(LoaderTest, DamagedSamplesAreSkippedAndListed) {
  const LoaderOptions options{.count = 10,
                              .order = SampleOrder::kAsGiven,
                              .end = 20,
                              .threads = 3,
                              .on_damage = OnDamage::kSkip};
  Loader<uint32_t> loader(options, DamagedAtThree);
  const auto indices = [](const auto& batch) {
    Indices list;
    for (const auto& item : batch) list.push_back(item.index);
    return list;
  };
  EXPECT_THAT(indices(loader.NextBatch(4)), ElementsAre(0, 1, 2));  // A hole, not the next one.
  EXPECT_THAT(indices(loader.NextBatch(4)), ElementsAre(4, 5, 6, 7));
  EXPECT_EQ(loader.Next()->index, 9u);
  while (loader.Next()) {
  }
  const auto damaged = loader.Damaged();
  ASSERT_EQ(damaged.size(), 2u);
  EXPECT_EQ(damaged[0].index, 3u);
  EXPECT_EQ(damaged[0].times, 2u);
  EXPECT_EQ(damaged[1].reason, "sample 8 is cut");
}

TEST(LoaderTest, AnAbsentDataSetIsNotSkipped) {
  const LoaderOptions options{.count = 5, .on_damage = OnDamage::kSkip};
  Loader<uint32_t> loader(options, [](uint32_t) -> uint32_t { throw DataError("no file"); });
  try {
    (void)loader.Next();
    FAIL() << "an absent data set was skipped";
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(),
                 "5 samples one after the other cannot be used; skipping is for single ones. The "
                 "last: no file");
  }
}

TEST(LoaderTest, SingleDamagedSamplesNeverEndTheRun) {
  const LoaderOptions options{
      .count = 2, .order = SampleOrder::kAsGiven, .end = 20, .on_damage = OnDamage::kSkip};
  Loader<uint32_t> loader(options, [](uint32_t index) {
    if (index == 1) throw DataError("cut");
    return index;
  });
  int arrived = 0;
  while (loader.Next()) ++arrived;
  EXPECT_EQ(arrived, 10);
  EXPECT_EQ(loader.Damaged().at(0).times, 10u);
}

TEST(LoaderTest, OtherErrorsAreNeverSkipped) {
  const LoaderOptions options{.count = 5, .on_damage = OnDamage::kSkip};
  Loader<uint32_t> loader(options, [](uint32_t) -> uint32_t { throw DeviceError("disk full"); });
  EXPECT_THROW((void)loader.Next(), DeviceError);
}

// Every sample that lives counts itself.
struct Counted {
  explicit Counted(std::atomic<int>* alive) : count(alive) {
    const int now = ++*count;
    EXPECT_LE(now, 4 + 1);  // `ahead`, and the one that the test holds.
  }
  Counted(Counted&& other) noexcept : count(std::exchange(other.count, nullptr)) {}
  Counted& operator=(Counted&&) = delete;
  ~Counted() {
    if (count) --*count;
  }
  std::atomic<int>* count;
};

TEST(LoaderTest, HoldsNoMoreSamplesThanItMay) {
  std::atomic<int> alive = 0;
  {
    const LoaderOptions options{.count = 50, .end = 200, .threads = 3, .ahead = 4};
    Loader<Counted> loader(options, [&](uint32_t) { return Counted(&alive); });
    while (const auto item = loader.Next()) {
    }
  }
  EXPECT_EQ(alive, 0);
}

TEST(LoaderTest, AnInterruptionEndsAWait) {
  std::stop_source stop;
  std::atomic<bool> finish = false;
  LoaderOptions options{.count = 5, .order = SampleOrder::kAsGiven, .threads = 1};
  options.interrupt = stop.get_token();
  Loader<uint32_t> loader(options, [&](uint32_t index) {
    while (!finish) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return index;
  });
  std::jthread interrupter([&] { stop.request_stop(); });
  try {
    (void)loader.Next();
    FAIL() << "an interruption was overlooked";
  } catch (const BusyError& error) {
    EXPECT_STREQ(error.what(), "interrupted at sample position 0.");
  }
  finish = true;
}

TEST(LoaderTest, MayBeLeftInTheMiddle) {
  Loader<std::vector<int>> loader({.count = 1000, .threads = 3},
                                  [](uint32_t) { return std::vector<int>(1000); });
  EXPECT_TRUE(loader.Next());
}

TEST(LoaderTest, NamesEveryOptionThatIsWrong) {
  const LoaderOptions options{
      .count = 0, .begin = 5, .end = 4, .rank = 2, .ranks = 2, .threads = 0, .ahead = 0};
  try {
    options.Validate();
    FAIL() << "wrong options were accepted";
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(),
                 "loader:\n"
                 "  - the set must have 1 to 4294967295 samples, but has 0\n"
                 "  - end (4) must not be before begin (5)\n"
                 "  - rank (2) must be below ranks (2)\n"
                 "  - threads must be 1 to 256, is 0\n"
                 "  - ahead must be 1 to 65536, is 0");
  }
  EXPECT_THAT(Walk({.count = 5, .begin = 3, .end = 3}, 2), ElementsAre(IsEmpty(), IsEmpty()));
}

TEST(LoaderTest, TakesAnOrderOfItsOwnAndTellsPositions) {
  LoaderOptions options{.count = 3, .begin = 2, .end = 8, .threads = 2};
  options.order_of = [](uint64_t epoch) {
    return std::vector<uint32_t>{static_cast<uint32_t>(10 * epoch), 7, 7};
  };
  Loader<uint64_t> loader(options,
                          [](uint32_t index, uint64_t position) { return 100 * position + index; });
  std::vector<uint64_t> samples;
  while (const auto item = loader.Next()) samples.push_back(item->sample);
  EXPECT_THAT(samples, ElementsAre(207, 310, 407, 507, 620, 707));
}

}  // namespace
}  // namespace occvla::data
