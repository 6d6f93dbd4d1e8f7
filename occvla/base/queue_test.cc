#include "occvla/base/queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

namespace occvla {
namespace {

using testing::ElementsAre;

TEST(QueueTest, ItemsComeOutInOrder) {
  Queue<int> queue(3);
  EXPECT_TRUE(queue.Push(1));
  EXPECT_TRUE(queue.TryPush(2));
  EXPECT_EQ(queue.size(), 2u);
  EXPECT_EQ(queue.Pop(), 1);
  EXPECT_EQ(queue.Pop(), 2);
}

TEST(QueueTest, AFullQueueRefusesAndLeavesTheItem) {
  Queue<std::unique_ptr<int>> queue(1);
  EXPECT_TRUE(queue.TryPush(std::make_unique<int>(1)));
  auto item = std::make_unique<int>(2);
  EXPECT_FALSE(queue.TryPush(std::move(item)));
  ASSERT_NE(item, nullptr);
  EXPECT_EQ(*item, 2);
}

TEST(QueueTest, AClosedQueueRefusesAndDrains) {
  Queue<int> queue(2);
  EXPECT_TRUE(queue.Push(1));
  queue.Close();
  EXPECT_FALSE(queue.Push(2));
  EXPECT_FALSE(queue.TryPush(2));
  EXPECT_EQ(queue.Pop(), 1);
  EXPECT_EQ(queue.Pop(), std::nullopt);
}

TEST(QueueTest, CloseAndDrainHandsBackWhatIsLeft) {
  Queue<int> queue(3);
  EXPECT_TRUE(queue.Push(1));
  EXPECT_TRUE(queue.Push(2));
  EXPECT_THAT(queue.CloseAndDrain(), ElementsAre(1, 2));
  EXPECT_EQ(queue.Pop(), std::nullopt);
}

TEST(QueueTest, ClosingWakesWhoeverWaits) {
  Queue<int> full(1), empty(1);
  EXPECT_TRUE(full.Push(1));
  std::atomic<int> refused = 0;
  std::thread pusher([&] { refused += full.Push(2) ? 0 : 1; });
  std::thread popper([&] { refused += empty.Pop() ? 0 : 1; });
  full.Close();
  empty.Close();
  pusher.join();
  popper.join();
  EXPECT_EQ(refused, 2);
}

TEST(QueueTest, ManyThreadsPassEveryItemOnce) {
  constexpr int kPushers = 3, kPoppers = 3, kItems = 400;
  Queue<int> queue(4);
  std::atomic<int64_t> sum = 0;
  std::atomic<int> count = 0;
  std::vector<std::thread> pushers, poppers;
  for (int p = 0; p < kPoppers; ++p) {
    poppers.emplace_back([&] {
      while (const auto item = queue.Pop()) {
        sum += *item;
        ++count;
      }
    });
  }
  for (int p = 0; p < kPushers; ++p) {
    pushers.emplace_back([&, p] {
      for (int i = 0; i < kItems; ++i)
        if (!queue.Push(p * kItems + i)) return;
    });
  }
  for (auto& thread : pushers) thread.join();
  queue.Close();
  for (auto& thread : poppers) thread.join();
  constexpr int64_t kAll = kPushers * kItems;
  EXPECT_EQ(count, kAll);
  EXPECT_EQ(sum, kAll * (kAll - 1) / 2);
}

}  // namespace
}  // namespace occvla
