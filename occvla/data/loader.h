#pragma once
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "occvla/base/error.h"

namespace occvla::data {

enum class SampleOrder { kAsGiven, kShuffled };

/// The order in which an epoch visits `count` samples: every index once. Shuffled, it is a function
/// of seed and epoch alone.
std::vector<uint32_t> EpochOrder(size_t count, SampleOrder order, uint64_t seed, uint64_t epoch);

/// What a damaged sample (a DataError) does to the run. Other errors always end it.
enum class OnDamage {
  kStop,  ///< The reader of its position gets the error.
  kSkip,  ///< Its position stays empty; Loader::Damaged lists it.
};

struct LoaderOptions {
  size_t count = 0;  ///< Samples of an epoch; at least 1, at most 2^32 - 1.
  SampleOrder order = SampleOrder::kShuffled;
  uint64_t seed = 0;
  /// Where set, an epoch's indices instead of EpochOrder's: always `count` of them, not necessarily
  /// different or below `count`, a function of the epoch alone. Called from several threads.
  std::function<std::vector<uint32_t>(uint64_t epoch)> order_of = {};
  /// Positions [begin, end) of the endless walk over epochs: position p is sample
  /// EpochOrder(..., p / count)[p % count]. Resuming is giving the position to go on from.
  uint64_t begin = 0;
  uint64_t end = UINT64_MAX;
  /// This rank takes positions begin + rank, begin + rank + ranks, ...
  uint64_t rank = 0, ranks = 1;
  size_t threads = 2;
  size_t ahead = 8;  ///< Samples that may lie made or be in the making beyond the last one taken.
  OnDamage on_damage = OnDamage::kStop;
  std::stop_token interrupt = {};

  /// Throws one ConfigError that names every problem.
  void Validate() const;
};

struct DamagedSample {
  uint32_t index = 0;
  uint64_t times = 0;  ///< Positions that met it.
  std::string reason;
};

/// What the samples' type does not matter for: orders, positions, hand-over between threads.
class LoaderCore {
 public:
  /// A made sample goes where `slot` says; whoever takes ticket t reads slot t % ahead.
  using Make = std::function<void(uint32_t index, uint64_t position, size_t slot)>;

  LoaderCore(LoaderOptions options, Make make);
  ~LoaderCore();  ///< Waits for samples in the making.
  LoaderCore(const LoaderCore&) = delete;
  LoaderCore& operator=(const LoaderCore&) = delete;

  struct Taken {
    uint64_t position = 0;
    uint32_t index = 0;
    std::optional<size_t> slot;  ///< Absent = damaged and skipped.
  };
  /// The next position of this rank; nothing at the end. Its slot stays the caller's until Release.
  std::optional<Taken> Take();
  void Release();
  /// The first global position of which nothing was taken by this rank's turn: resume here.
  uint64_t position() const;
  std::vector<DamagedSample> Damaged() const;

 private:
  struct Slot {
    bool full = false, damaged = false;
    uint32_t index = 0;
    std::string reason;
    std::exception_ptr error;
  };
  using Order = std::shared_ptr<const std::vector<uint32_t>>;

  uint64_t PositionOf(uint64_t ticket) const;
  uint32_t IndexAt(uint64_t position);
  void Work(const std::stop_token& stop);
  void MakeOne(uint64_t ticket, Slot& result);
  void NoteDamage(const Slot& slot);

  const LoaderOptions options_;
  const Make make_;
  const uint64_t tickets_;  // Positions of this rank.
  mutable std::mutex mutex_;
  std::condition_variable_any room_, filled_;
  std::vector<Slot> slots_;
  uint64_t started_ = 0, taken_ = 0;
  uint64_t damaged_in_a_row_ = 0;
  std::map<uint32_t, DamagedSample> damaged_;
  std::mutex orders_mutex_;
  std::map<uint64_t, Order> orders_;   // The epochs in use.
  std::vector<std::jthread> workers_;  // Last: they use all of the above.
};

/// Makes samples on several threads and hands them out in order. What arrives, and in which order,
/// is the same for any number of threads and ranks and for a run that was resumed; memory is
/// bounded by `ahead` samples. One consumer thread.
template <typename Sample>
class Loader {
 public:
  struct Item {
    uint64_t position = 0;
    uint32_t index = 0;
    Sample sample;
  };

  /// `make` is called from all threads at once, for indices of the epoch's order.
  Loader(LoaderOptions options, std::function<Sample(uint32_t index)> make)
      : Loader(std::move(options),
               [make = std::move(make)](uint32_t index, uint64_t) { return make(index); }) {}
  /// The same for samples that also depend on their position: random draws keyed by it.
  Loader(LoaderOptions options, std::function<Sample(uint32_t index, uint64_t position)> make)
      : made_(options.ahead),
        core_(std::move(options),
              [this, make = std::move(make)](uint32_t index, uint64_t position, size_t slot) {
                made_[slot].emplace(make(index, position));
              }) {}

  /// The next sound sample; nothing at the end. Throws what making it threw, and BusyError once an
  /// interruption was asked for.
  std::optional<Item> Next() {
    for (;;) {
      auto taken = core_.Take();
      if (!taken) return std::nullopt;
      if (taken->slot) return Finish(*taken);
      core_.Release();
    }
  }

  /// The samples of this rank's next `positions` positions: fewer where damaged ones are skipped or
  /// the end comes, so that a batch holds the same samples whatever else was damaged.
  std::vector<Item> NextBatch(size_t positions) {
    std::vector<Item> batch;
    for (size_t done = 0; done < positions; ++done) {
      auto taken = core_.Take();
      if (!taken) break;
      if (taken->slot) {
        batch.push_back(Finish(*taken));
      } else {
        core_.Release();
      }
    }
    return batch;
  }

  /// Where to resume: with `begin` = position() and the same ranks, the walk goes on exactly here.
  uint64_t position() const { return core_.position(); }
  /// The damaged samples met so far, by index.
  std::vector<DamagedSample> Damaged() const { return core_.Damaged(); }

 private:
  Item Finish(const LoaderCore::Taken& taken) {
    auto& made = made_[*taken.slot];
    Item item{taken.position, taken.index, std::move(*made)};
    made.reset();
    core_.Release();
    return item;
  }

  std::vector<std::optional<Sample>> made_;  // By slot; a slot has one owner at a time.
  LoaderCore core_;
};

}  // namespace occvla::data
