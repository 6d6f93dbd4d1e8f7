#include "occvla/data/text/merger.h"

#include <algorithm>
#include <bit>
#include <functional>

namespace occvla::data {
namespace {

constexpr uint64_t kNoPair = ~uint64_t{0};

uint64_t PairOf(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

// Spreads the pair over the high bits, of which the table's index is taken.
uint64_t Mix(uint64_t pair) {
  pair ^= pair >> 29;
  pair *= 0xBF58476D1CE4E5B9u;
  pair ^= pair >> 32;
  return pair * 0x94D049BB133111EBu;
}

// Sorts by rank, then from left to right.
uint64_t Candidate(int32_t rank, int32_t position) {
  return static_cast<uint64_t>(rank) << 32 | static_cast<uint64_t>(position);
}

}  // namespace

Merger::Merger(std::span<const Vocabulary::Merge> merges) {
  const size_t size = std::bit_ceil(merges.size() * 2 + 2);
  shift_ = 64 - std::countr_zero(size);
  table_.assign(size, Rule{kNoPair, 0, 0});
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const uint64_t pair = PairOf(merges[rank].left, merges[rank].right);
    size_t slot = Mix(pair) >> shift_;
    while (table_[slot].pair != kNoPair) slot = (slot + 1) & (size - 1);
    table_[slot] = {pair, static_cast<int32_t>(rank), merges[rank].result};
  }
}

const Merger::Rule* Merger::Find(int32_t left, int32_t right) const {
  const uint64_t pair = PairOf(left, right);
  for (size_t slot = Mix(pair) >> shift_;; slot = (slot + 1) & (table_.size() - 1)) {
    if (table_[slot].pair == pair) return &table_[slot];
    if (table_[slot].pair == kNoPair) return nullptr;
  }
}

void Merger::Merge(std::span<const int32_t> ids, Scratch& scratch,
                   std::vector<int64_t>& out) const {
  auto& [symbols, first, later] = scratch;
  symbols.clear();
  first.clear();
  later.clear();
  const auto count = static_cast<int32_t>(ids.size());
  for (int32_t i = 0; i < count; ++i)
    symbols.push_back({ids[static_cast<size_t>(i)], i - 1, i + 1 < count ? i + 1 : -1});
  const auto at = [&symbols = symbols](int32_t position) -> Scratch::Symbol& {
    return symbols[static_cast<size_t>(position)];
  };
  // What can merge at the start is sorted once; only what merging brings about goes through a heap.
  for (int32_t i = 0; i + 1 < count; ++i)
    if (const Rule* rule = Find(at(i).id, at(i + 1).id)) first.push_back(Candidate(rule->rank, i));
  std::sort(first.begin(), first.end());
  const auto consider = [&, &heap = later](int32_t position) {
    const Rule* rule = Find(at(position).id, at(at(position).next).id);
    if (rule == nullptr) return;
    heap.push_back(Candidate(rule->rank, position));
    std::push_heap(heap.begin(), heap.end(), std::greater<>());
  };

  for (size_t next = 0; next < first.size() || !later.empty();) {
    uint64_t best;
    if (later.empty() || (next < first.size() && first[next] < later.front())) {
      best = first[next++];
    } else {
      best = later.front();
      std::pop_heap(later.begin(), later.end(), std::greater<>());
      later.pop_back();
    }
    const auto position = static_cast<int32_t>(best & 0xFFFFFFFF);
    Scratch::Symbol& left = at(position);
    if (left.id < 0 || left.next < 0) continue;
    // A neighbour may have merged since this candidate was found.
    const Rule* rule = Find(left.id, at(left.next).id);
    if (rule == nullptr || static_cast<uint64_t>(rule->rank) != best >> 32) continue;
    Scratch::Symbol& right = at(left.next);
    left.id = rule->result;
    left.next = right.next;
    right.id = -1;
    if (left.next >= 0) {
      at(left.next).previous = position;
      consider(position);
    }
    if (left.previous >= 0) consider(left.previous);
  }
  for (int32_t i = count > 0 ? 0 : -1; i >= 0; i = at(i).next) out.push_back(at(i).id);
}

}  // namespace occvla::data
