#pragma once
#include <ATen/core/Tensor.h>

#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "occvla/train/runs/rank_place.h"

namespace occvla::train {

/// In which order sums over ranks are made. Either gives the same bits on every rank, and again in
/// the next run of as many ranks.
enum class SumOrder {
  kRing,  ///< Gloo's: each rank sends about twice the tensors whatever the number of ranks.
  /// Pairs of ranks, pairs of pairs, ...: each rank sends them log2(size) times. Where every rank
  /// has made its own sum by TreeOrder and TreeSum (gradient_buckets.h), 1, 2, 4, ... ranks give
  /// the same bits.
  kTree,
};

/// The processes that train one model together. One rank is a group too: it opens no socket, starts
/// no thread, and what follows costs nothing.
///
/// Every member function but Stop and the readers is *collective*: all ranks call the same ones in
/// the same order. A rank whose process ends, which stops with an error or does not come within the
/// timeout ends all: their next or present call throws a DeviceError that names it. After that only
/// the destructor is left to call.
///
/// Tensors may be of any type and device; what is on another device than the CPU travels through
/// host memory.
class Ranks {
 public:
  struct Options {
    /// For all to come; machines of a cluster start minutes apart.
    std::chrono::milliseconds meeting{600'000};
    /// For each collective call, which waits for the slowest rank's step, and for a rank that is
    /// not heard.
    std::chrono::milliseconds timeout{600'000};
    SumOrder order = SumOrder::kRing;
    std::chrono::milliseconds heartbeat{250};
  };

  /// Meets the others at `place`. Throws DeviceError: who did not come, what port is taken.
  Ranks(const RankPlace& place, const Options& options);
  /// Ends this rank's part. In an exception's flight the others are told that this rank stopped.
  ~Ranks();
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  int rank() const;
  int size() const;

  /// Replaces each tensor by its sum over ranks; same shapes and types on every rank. Types of
  /// 16 bits are summed in float32 and rounded once.
  void Sum(std::vector<at::Tensor> tensors);
  /// The same while the caller goes on; the tensors are in use until the future is ready, which may
  /// yield what Sum throws. Sums are made one after the other in the order in which they were
  /// started, on a thread of their own; any other collective call waits for them.
  [[nodiscard]] std::future<void> StartSum(std::vector<at::Tensor> tensors);
  /// Replaces each tensor by that of rank `root`.
  void Broadcast(std::vector<at::Tensor> tensors, int root);
  /// Replaces each tensor by that of its owner, a rank: ZeRO-1 after a step. `owners` as
  /// OwnerOfParameters (runs/partition.h) gives them.
  void BroadcastOwned(std::vector<at::Tensor> tensors, const std::vector<int>& owners);

  /// Returns when every rank has come here.
  void Barrier();
  /// Every rank's text, by rank; at most 1 MiB each.
  std::vector<std::string> Gather(const std::string& text);
  /// The highest of all ranks' numbers: a status on which all must act at the same step, say. None
  /// may be NaN.
  double Max(double value);
  /// Throws the same ConfigError on every rank where the texts differ; it names the ranks.
  /// `what`: "configs", "data fingerprints".
  void RequireEqual(const std::string& what, const std::string& text);

  /// Tells the others that this rank ends because of `cause`; from any thread, at any time.
  void Stop(const std::string& cause) noexcept;

  /// Bytes that this rank has given to sums so far.
  uint64_t summed_bytes() const;

 private:
  class Group;
  std::unique_ptr<Group> group_;  // Null for one rank.
};

}  // namespace occvla::train
