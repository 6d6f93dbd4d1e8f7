#include "occvla/train/runs/rank_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "occvla/base/error.h"
#include "occvla/train/runs/line_socket.h"

namespace occvla::train {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kLong{20'000};  // What never passes when all is well.

RankWatch::Options Of(int rank, int size, int port = 0) {
  return {.rank = rank,
          .size = size,
          .address = "127.0.0.1",
          .port = port,
          .token = "t",
          .silence = kLong,
          .heartbeat = milliseconds(5)};
}

// A rank of which the test sees the wire.
class RawRank {
 public:
  RawRank(int rank, int port, const std::string& token = "t")
      : socket_(*ConnectTo("127.0.0.1", port, std::chrono::steady_clock::now() + kLong)) {
    socket_.Write("occvla " + token + " " + std::to_string(rank));
  }
  // True when `line` came before the connection ended.
  bool Hears(const std::string& line) {
    while (socket_.open()) {
      for (const auto& heard : socket_.Read())
        if (heard == line) return true;
      std::this_thread::sleep_for(milliseconds(1));
    }
    return false;
  }
  LineSocket& socket() { return socket_; }

 private:
  LineSocket socket_;
};

std::string MeetingError(RankWatch& watch, milliseconds timeout) {
  try {
    watch.WaitForAll(timeout);
  } catch (const DeviceError& error) {
    return error.what();
  }
  return "";
}

TEST(RankWatchTest, ThoseWhoMeetAndLeaveHaveNoVerdict) {
  auto zero = std::make_unique<RankWatch>(Of(0, 3));
  RankWatch one(Of(1, 3, zero->port()));
  auto two = std::make_unique<RankWatch>(Of(2, 3, zero->port()));
  for (auto* watch : {zero.get(), &one, two.get()}) watch->WaitForAll(kLong);
  two.reset();
  EXPECT_EQ(zero->Verdict(milliseconds(30)), "");
  zero.reset();
  EXPECT_EQ(one.Verdict(milliseconds(30)), "");
}

TEST(RankWatchTest, AllHearWhoVanished) {
  RankWatch zero(Of(0, 3));
  RankWatch one(Of(1, 3, zero.port()));
  {
    RawRank two(2, zero.port());
    zero.WaitForAll(kLong);
    one.WaitForAll(kLong);
  }
  const std::string expected = "rank 2 vanished: its process ended without a word";
  EXPECT_EQ(zero.Verdict(kLong), expected);
  EXPECT_EQ(one.Verdict(kLong), expected);
}

TEST(RankWatchTest, RankZeroThatVanishesIsNamed) {
  auto listener = ListenAt("127.0.0.1");
  RankWatch one(Of(1, 2, listener.port));
  std::optional<Descriptor> connection;
  while (!connection) connection = Accept(listener);
  connection.reset();
  EXPECT_EQ(one.Verdict(kLong), "rank 0 vanished: its process ended without a word");
}

TEST(RankWatchTest, AllHearWhyARankStopped) {
  RankWatch zero(Of(0, 3));
  RankWatch one(Of(1, 3, zero.port()));
  RankWatch two(Of(2, 3, zero.port()));
  zero.WaitForAll(kLong);
  one.WaitForAll(kLong);
  two.SayStopped("a.jpg is cut off.\nFetch it again.");
  const std::string expected = "rank 2 stopped: a.jpg is cut off.\nFetch it again.";
  EXPECT_EQ(zero.Verdict(kLong), expected);
  EXPECT_EQ(one.Verdict(kLong), expected);
}

TEST(RankWatchTest, RankZeroStaysUntilItsCauseIsHeard) {
  auto zero = std::make_unique<RankWatch>(Of(0, 2));
  RankWatch one(Of(1, 2, zero->port()));
  zero->WaitForAll(kLong);
  zero->SayStopped("disk full");
  zero.reset();
  EXPECT_EQ(one.Verdict(kLong), "rank 0 stopped: disk full");
}

TEST(RankWatchTest, ASilentRankIsNamed) {
  auto options = Of(0, 2);
  options.silence = milliseconds(100);
  RankWatch zero(options);
  RawRank one(1, zero.port());
  zero.WaitForAll(kLong);
  EXPECT_EQ(zero.Verdict(kLong), "rank 1 was not heard for 0.1 s: it is stopped or cut off");
}

TEST(RankWatchTest, ThoseWhoDidNotComeToAnOperationAreNamed) {
  RankWatch zero(Of(0, 4));
  RankWatch one(Of(1, 4, zero.port())), two(Of(2, 4, zero.port())), three(Of(3, 4, zero.port()));
  for (auto* watch : {&zero, &one, &two, &three}) watch->WaitForAll(kLong);
  zero.Begin(7);
  one.Begin(6);
  two.Begin(6);
  three.Begin(7);
  std::this_thread::sleep_for(milliseconds(50));  // Ten heartbeats.
  three.SayLate(7, "operation 7 (sum)");
  const std::string expected =
      "ranks 1 and 2 did not come to operation 7 (sum), where others waited";
  EXPECT_EQ(one.Verdict(kLong), expected);
  EXPECT_EQ(zero.Verdict(kLong), expected);
}

TEST(RankWatchTest, ThoseWhoDidNotComeAtAllAreNamedOnEveryRank) {
  RankWatch zero(Of(0, 4));
  RankWatch two(Of(2, 4, zero.port()));
  std::string error_of_two;
  std::thread waits([&] { error_of_two = MeetingError(two, kLong); });
  const std::string expected =
      "ranks cannot meet: ranks 1 and 3 of 4 did not come to 127.0.0.1 within 0.1 s.";
  EXPECT_EQ(MeetingError(zero, milliseconds(100)), expected);
  waits.join();
  EXPECT_EQ(error_of_two, expected);
}

TEST(RankWatchTest, StrangersAreTurnedAway) {
  RankWatch zero(Of(0, 2));
  EXPECT_FALSE(RawRank(1, zero.port(), "guess").Hears("all"));
  EXPECT_FALSE(RawRank(0, zero.port()).Hears("all"));
  EXPECT_FALSE(RawRank(2, zero.port()).Hears("all"));
  RawRank flood(1, zero.port(), std::string(100'000, 'x'));
  EXPECT_FALSE(flood.Hears("all"));
  EXPECT_EQ(zero.Verdict(), "");
  RawRank one(1, zero.port());
  EXPECT_TRUE(one.Hears("all"));
}

TEST(RankWatchTest, ARankThatComesTwiceEndsAll) {
  RankWatch zero(Of(0, 3));
  RawRank one(1, zero.port()), again(1, zero.port());
  EXPECT_EQ(zero.Verdict(kLong), "two processes came as rank 1");
  EXPECT_TRUE(again.Hears("verdict two processes came as rank 1"));
}

}  // namespace
}  // namespace occvla::train
