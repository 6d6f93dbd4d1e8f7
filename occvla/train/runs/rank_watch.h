#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace occvla::train {

/// Tells every rank of a group why it cannot go on, while the work itself travels elsewhere.
///
/// Each rank holds one connection to rank 0 and says a few bytes over it every `heartbeat`. A rank
/// whose process ends closes its connection, which rank 0 sees at once; one that is stopped or cut
/// off is silent for `silence`. Rank 0 then tells all others, and each finds the same verdict here.
/// A connection of one thread of its own: the caller may compute or block meanwhile.
class RankWatch {
 public:
  struct Options {
    int rank = 0, size = 1;
    std::string address;  ///< Of rank 0.
    int port = 0;         ///< Of rank 0's watch; rank 0 itself takes a free one.
    std::string token;    ///< The same on all ranks; others that knock are turned away.
    std::chrono::milliseconds silence{60'000}, heartbeat{250};
  };

  /// Starts to listen (rank 0) or to connect (others). Throws DeviceError where no socket is to be
  /// had.
  explicit RankWatch(const Options& options);
  /// Says good-bye: that this rank ends is then no news for the others. After a verdict rank 0
  /// stays up to a second, until all have heard it.
  ~RankWatch();
  RankWatch(const RankWatch&) = delete;
  RankWatch& operator=(const RankWatch&) = delete;

  int port() const;

  /// Returns when every rank is connected. Throws DeviceError that names those which did not come
  /// within `timeout`.
  void WaitForAll(std::chrono::milliseconds timeout);

  /// This rank begins the `number`-th common operation; what others say about a rank that is late.
  void Begin(uint64_t number);
  /// This rank gave up waiting in its operation, `what`: the verdict names the ranks which had not
  /// come to it.
  void SayLate(uint64_t number, const std::string& what);
  /// This rank ends, because of `cause`.
  void SayStopped(const std::string& cause);

  /// Why the group cannot go on; empty while all is well. Waits up to `grace` for it.
  std::string Verdict(std::chrono::milliseconds grace = {}) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// "rank 3", "ranks 1, 2 and 5".
std::string RanksText(const std::vector<int>& ranks);

}  // namespace occvla::train
