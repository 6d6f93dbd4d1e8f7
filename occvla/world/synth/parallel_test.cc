#include "occvla/world/synth/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

namespace occvla::world::synth {
namespace {

TEST(WorkersTest, DoEachOnce) {
  for (const int threads : {0, 1, 3, 20}) {
    Workers workers(threads);
    std::vector<std::atomic<int>> done(10);
    workers.For(done.size(), [&](size_t i) { ++done[i]; });
    for (const auto& count : done) EXPECT_EQ(count, 1) << threads;
    workers.For(0, [](size_t) { FAIL(); });
  }
}

TEST(WorkersTest, ThrowWhatFailedAndBeginNothingMore) {
  std::atomic<int> begun = 0;
  const auto work = [&](size_t i) {
    ++begun;
    if (i == 0) throw std::runtime_error("the first");
  };
  Workers one(1);
  EXPECT_THROW(one.For(1000, work), std::runtime_error);
  EXPECT_EQ(begun, 1);
  Workers three(3);
  EXPECT_THROW(three.For(1000, work), std::runtime_error);
}

TEST(WorkersTest, AreNeverMoreThanWereAskedFor) {
  Workers workers(3);
  std::atomic<int> busy = 0, most = 0;
  workers.For(4, [&](size_t) {
    workers.For(50, [&](size_t) {
      const int now = ++busy;
      int seen = most;
      while (seen < now && !most.compare_exchange_weak(seen, now)) {
      }
      --busy;
    });
  });
  // One more for as long as a loop that waited for others' last items comes back.
  EXPECT_LE(most, 4);
}

TEST(WorkersTest, ALoopTakesThreadsThatAnotherGaveBack) {
  Workers workers(2);
  std::latch both(2);
  std::mutex mutex;
  std::set<std::thread::id> who;
  workers.For(2, [&](size_t outer) {
    both.arrive_and_wait();
    if (outer == 1) return;  // Its thread is spare from here on.
    workers.For(2000, [&](size_t) {
      std::this_thread::sleep_for(std::chrono::microseconds(50));
      const std::lock_guard lock(mutex);
      who.insert(std::this_thread::get_id());
    });
  });
  EXPECT_EQ(who.size(), 2u);
}

}  // namespace
}  // namespace occvla::world::synth
