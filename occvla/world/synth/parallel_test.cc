#include "occvla/world/synth/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

namespace occvla::world::synth {
namespace {

TEST(ParallelForTest, DoesEachOnce) {
  for (const int threads : {0, 1, 3, 20}) {
    std::vector<std::atomic<int>> done(10);
    ParallelFor(done.size(), threads, [&](size_t i) { ++done[i]; });
    for (const auto& count : done) EXPECT_EQ(count, 1) << threads;
  }
  ParallelFor(0, 4, [](size_t) { FAIL(); });
}

TEST(ParallelForTest, ThrowsWhatFailedAndBeginsNothingMore) {
  std::atomic<int> begun = 0;
  const auto work = [&](size_t i) {
    ++begun;
    if (i == 0) throw std::runtime_error("the first");
  };
  EXPECT_THROW(ParallelFor(1000, 1, work), std::runtime_error);
  EXPECT_EQ(begun, 1);
}

}  // namespace
}  // namespace occvla::world::synth
