#include "occvla/label/retry.h"

#include <gtest/gtest.h>

#include <thread>

namespace occvla::label {
namespace {

TEST(BackoffTest, WaitsDoubleUpToTheLongestWithJitterBelow) {
  const Backoff backoff{.first_wait = 1, .longest_wait = 60};
  for (int64_t retry = 1; retry <= 80; ++retry) {
    const double whole = retry < 7 ? static_cast<double>(1 << (retry - 1)) : 60;
    const double wait = backoff.WaitBefore(retry, "a", std::nullopt);
    EXPECT_GE(wait, whole / 2) << retry;
    EXPECT_LE(wait, whole) << retry;
  }
}

TEST(BackoffTest, TheJitterDependsOnKeyAndRetryAlone) {
  const Backoff backoff;
  EXPECT_EQ(backoff.WaitBefore(3, "a", {}), backoff.WaitBefore(3, "a", {}));
  EXPECT_NE(backoff.WaitBefore(3, "a", {}), backoff.WaitBefore(3, "b", {}));
  EXPECT_NE(backoff.WaitBefore(10, "a", {}), backoff.WaitBefore(11, "a", {}));
}

TEST(BackoffTest, AServerThatAsksForMoreGetsIt) {
  const Backoff backoff{.first_wait = 1, .longest_wait = 2};
  EXPECT_EQ(backoff.WaitBefore(1, "a", 30.0), 30);
  EXPECT_GE(backoff.WaitBefore(1, "a", 0.0), 0.5);
}

TEST(RetryAfterTest, SecondsAndDatesAreRead) {
  constexpr double kNow = 784'111'777;  // Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110.
  EXPECT_EQ(ParseRetryAfter("120", kNow), 120);
  EXPECT_EQ(ParseRetryAfter("0", kNow), 0);
  EXPECT_EQ(ParseRetryAfter("Sun, 06 Nov 1994 08:50:07 GMT", kNow), 30);
  EXPECT_EQ(ParseRetryAfter("Sun, 06 Nov 1994 08:49:07 GMT", kNow), 0);
  for (const char* wrong : {"", "-1", "1.5", "soon", "9999999999", "Sun, 06 Nov 1994",
                            "Sun, 06 Nov 1994 08:50:07 GMT and more"})
    EXPECT_EQ(ParseRetryAfter(wrong, kNow), std::nullopt) << wrong;
}

TEST(SystemClockTest, AStopEndsAWait) {
  SystemClock clock;
  std::stop_source stop;
  std::jthread other([&] { stop.request_stop(); });
  EXPECT_FALSE(clock.Wait(3600, stop.get_token()));
  EXPECT_TRUE(clock.Wait(0.001, std::stop_token()));
}

}  // namespace
}  // namespace occvla::label
