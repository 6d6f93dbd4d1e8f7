#include "occvla/data/loader.h"

#include <algorithm>
#include <numeric>

#include "occvla/base/rng.h"
#include "occvla/base/text.h"

namespace occvla::data {
namespace {

// So many damaged samples one after the other are no damage but an absent data set.
constexpr uint64_t kMostDamagedInARow = 100;

// Orders kept: the epoch that the consumer is in, and the next ones that the threads may be in.
constexpr size_t kOrdersKept = 3;

}  // namespace

std::vector<uint32_t> EpochOrder(size_t count, SampleOrder order, uint64_t seed, uint64_t epoch) {
  std::vector<uint32_t> indices(count);
  std::iota(indices.begin(), indices.end(), 0);
  if (order == SampleOrder::kAsGiven) return indices;
  // Sorting by a random key for each index needs no random number to depend on another.
  std::vector<std::pair<uint64_t, uint32_t>> keys;
  keys.reserve(count);
  for (const uint32_t index : indices)
    keys.emplace_back(Rng(seed, "sample order", epoch, index).NextU64(), index);
  std::sort(keys.begin(), keys.end());
  for (size_t at = 0; at < count; ++at) indices[at] = keys[at].second;
  return indices;
}

void LoaderOptions::Validate() const {
  std::vector<std::string> bad;
  if (count < 1 || count > UINT32_MAX)
    bad.push_back("the set must have 1 to 4294967295 samples, but has " + std::to_string(count));
  if (end < begin)
    bad.push_back("end (" + std::to_string(end) + ") must not be before begin (" +
                  std::to_string(begin) + ")");
  if (ranks < 1 || rank >= ranks)
    bad.push_back("rank (" + std::to_string(rank) + ") must be below ranks (" +
                  std::to_string(ranks) + ")");
  if (threads < 1 || threads > 256)
    bad.push_back("threads must be 1 to 256, is " + std::to_string(threads));
  if (ahead < 1 || ahead > 65536)
    bad.push_back("ahead must be 1 to 65536, is " + std::to_string(ahead));
  if (!bad.empty()) throw ConfigError("loader:\n  - " + Join(bad, "\n  - "));
}

LoaderCore::LoaderCore(LoaderOptions options, Make make)
    : options_((options.Validate(), std::move(options))),
      make_(std::move(make)),
      tickets_(options_.end - options_.begin <= options_.rank
                   ? 0
                   : (options_.end - options_.begin - options_.rank - 1) / options_.ranks + 1),
      slots_(options_.ahead) {
  for (size_t thread = 0; thread < options_.threads; ++thread)
    workers_.emplace_back([this](const std::stop_token& stop) { Work(stop); });
}

LoaderCore::~LoaderCore() {
  for (std::jthread& worker : workers_) worker.request_stop();
  workers_.clear();  // Joins.
}

uint64_t LoaderCore::PositionOf(uint64_t ticket) const {
  return options_.begin + options_.rank + ticket * options_.ranks;
}

uint64_t LoaderCore::position() const {
  const std::lock_guard lock(mutex_);
  return std::min(options_.end, options_.begin + taken_ * options_.ranks);
}

uint32_t LoaderCore::IndexAt(uint64_t position) {
  const uint64_t epoch = position / options_.count;
  Order order;
  {
    const std::lock_guard lock(orders_mutex_);
    Order& kept = orders_[epoch];
    if (!kept) {
      kept = std::make_shared<const std::vector<uint32_t>>(
          options_.order_of ? options_.order_of(epoch)
                            : EpochOrder(options_.count, options_.order, options_.seed, epoch));
      OCCVLA_DCHECK(kept->size() == options_.count);
    }
    order = kept;
    while (orders_.size() > kOrdersKept) orders_.erase(orders_.begin());
  }
  return (*order)[position % options_.count];
}

void LoaderCore::MakeOne(uint64_t ticket, Slot& result) {
  try {
    const uint64_t position = PositionOf(ticket);
    result.index = IndexAt(position);
    make_(result.index, position, ticket % options_.ahead);
  } catch (const DataError& error) {
    result.damaged = true;
    result.reason = error.what();
    result.error = std::current_exception();
  } catch (...) {
    result.error = std::current_exception();
  }
  if (result.damaged && options_.on_damage == OnDamage::kSkip) result.error = nullptr;
  result.full = true;
}

void LoaderCore::Work(const std::stop_token& stop) {
  for (;;) {
    uint64_t ticket = 0;
    {
      std::unique_lock lock(mutex_);
      const bool go = room_.wait(
          lock, stop, [&] { return started_ == tickets_ || started_ < taken_ + options_.ahead; });
      if (!go || stop.stop_requested() || started_ == tickets_) return;
      ticket = started_++;
    }
    Slot result;
    MakeOne(ticket, result);
    {
      const std::lock_guard lock(mutex_);
      slots_[ticket % options_.ahead] = std::move(result);
    }
    filled_.notify_all();
  }
}

void LoaderCore::NoteDamage(const Slot& slot) {
  DamagedSample& damaged = damaged_[slot.index];
  damaged.index = slot.index;
  damaged.reason = slot.reason;
  ++damaged.times;
  if (++damaged_in_a_row_ < std::min<uint64_t>(kMostDamagedInARow, options_.count)) return;
  throw DataError(std::to_string(damaged_in_a_row_) +
                  " samples one after the other cannot be used; skipping is for single ones. The "
                  "last: " +
                  slot.reason);
}

std::optional<LoaderCore::Taken> LoaderCore::Take() {
  std::unique_lock lock(mutex_);
  if (taken_ == tickets_) return std::nullopt;
  Slot& slot = slots_[taken_ % options_.ahead];
  const bool ready = filled_.wait(lock, options_.interrupt, [&] { return slot.full; });
  if (!ready || options_.interrupt.stop_requested())
    throw BusyError("interrupted at sample position " + std::to_string(PositionOf(taken_)) + ".");
  if (slot.error) std::rethrow_exception(slot.error);
  Taken taken{.position = PositionOf(taken_), .index = slot.index, .slot = std::nullopt};
  if (slot.damaged) {
    NoteDamage(slot);
  } else {
    damaged_in_a_row_ = 0;
    taken.slot = taken_ % options_.ahead;
  }
  return taken;
}

void LoaderCore::Release() {
  {
    const std::lock_guard lock(mutex_);
    slots_[taken_ % options_.ahead] = {};
    ++taken_;
  }
  room_.notify_one();
}

std::vector<DamagedSample> LoaderCore::Damaged() const {
  const std::lock_guard lock(mutex_);
  std::vector<DamagedSample> list;
  for (const auto& [index, damaged] : damaged_) list.push_back(damaged);
  return list;
}

}  // namespace occvla::data
