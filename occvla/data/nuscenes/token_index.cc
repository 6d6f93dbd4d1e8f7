#include "occvla/data/nuscenes/token_index.h"

#include <algorithm>
#include <array>
#include <bit>

#include "occvla/data/nuscenes/parallel.h"

namespace occvla::data::nuscenes {
namespace {

constexpr size_t kShare = 1 << 16;  // Tokens that one thread takes at a time.

}  // namespace

uint64_t OrderOf(Token token) {
  // Both multipliers are odd: each half alone is mixed without loss.
  uint64_t x = token.high * 0x9E3779B97F4A7C15u ^ std::rotl(token.low * 0xC2B2AE3D27D4EB4Fu, 31);
  x = (x ^ (x >> 32)) * 0xD6E8FEB86659FD93u;
  return x ^ (x >> 32);
}

TokenIndex::TokenIndex(std::span<const Token> tokens, size_t threads) {
  // About one entry a prefix, and at least two prefixes, so that the shift stays below 64.
  const int bits = std::clamp<int>(std::bit_width(tokens.size()), 1, 26);
  shift_ = 64 - bits;
  const size_t prefixes = size_t{1} << bits;
  begins_.assign(prefixes + 1, 0);
  for (const Token token : tokens)
    if (token != Token{}) ++begins_[(OrderOf(token) >> shift_) + 1];
  for (size_t prefix = 0; prefix < prefixes; ++prefix) begins_[prefix + 1] += begins_[prefix];
  entries_.resize(begins_[prefixes]);
  std::vector<uint32_t> next(begins_.begin(), begins_.end() - 1);
  for (size_t row = 0; row < tokens.size(); ++row) {
    if (tokens[row] == Token{}) continue;
    entries_[next[OrderOf(tokens[row]) >> shift_]++] = {tokens[row], static_cast<Row>(row)};
  }
  rows_.resize(entries_.size());
  ForEachIndex((prefixes + kShare - 1) / kShare, threads, [&](size_t, size_t share) {
    const size_t end = std::min(prefixes, (share + 1) * kShare);
    for (size_t prefix = share * kShare; prefix < end; ++prefix) {
      const auto first = entries_.begin() + begins_[prefix];
      const auto last = entries_.begin() + begins_[prefix + 1];
      if (last - first > 1) {
        std::sort(first, last, [](const Entry& a, const Entry& b) {
          const uint64_t order_a = OrderOf(a.token), order_b = OrderOf(b.token);
          if (order_a != order_b) return order_a < order_b;
          return a.token != b.token ? a.token < b.token : a.row < b.row;
        });
      }
      for (auto entry = first; entry != last; ++entry)
        rows_[static_cast<size_t>(entry - entries_.begin())] = entry->row;
    }
  });
}

std::pair<uint32_t, uint32_t> TokenIndex::BucketOf(uint64_t order) const {
  const size_t prefix = order >> shift_;
  return {begins_[prefix], begins_[prefix + 1]};
}

Row TokenIndex::Find(Token token) const {
  if (entries_.empty() || token == Token{}) return kNoRow;
  const uint64_t order = OrderOf(token);
  const auto [begin, end] = BucketOf(order);
  const auto first = entries_.begin() + begin, last = entries_.begin() + end;
  const auto found =
      std::lower_bound(first, last, token, [order](const Entry& entry, const Token& wanted) {
        const uint64_t entry_order = OrderOf(entry.token);
        return entry_order != order ? entry_order < order : entry.token < wanted;
      });
  return found != last && found->token == token ? found->row : kNoRow;
}

void TokenIndex::Find(std::span<const Token> tokens, std::span<Row> rows) const {
  if (entries_.empty()) {
    std::fill(rows.begin(), rows.end(), kNoRow);
    return;
  }
  constexpr size_t kTogether = 16;  // Enough misses in flight to hide most of each.
  for (size_t at = 0; at < tokens.size(); at += kTogether) {
    const size_t count = std::min(kTogether, tokens.size() - at);
    std::array<size_t, kTogether> prefix;
    for (size_t i = 0; i < count; ++i) {
      prefix[i] = OrderOf(tokens[at + i]) >> shift_;
      __builtin_prefetch(&begins_[prefix[i]]);
    }
    for (size_t i = 0; i < count; ++i) {
      const uint32_t begin = begins_[prefix[i]];
      if (begin < entries_.size()) __builtin_prefetch(&entries_[begin]);
    }
    for (size_t i = 0; i < count; ++i) rows[at + i] = Find(tokens[at + i]);
  }
}

std::vector<std::pair<Row, Row>> TokenIndex::Duplicates() const {
  std::vector<std::pair<Row, Row>> pairs;
  size_t first = 0;
  for (size_t i = 1; i < entries_.size(); ++i) {
    if (entries_[i].token != entries_[first].token) {
      first = i;
    } else {
      pairs.emplace_back(entries_[first].row, entries_[i].row);
    }
  }
  std::sort(pairs.begin(), pairs.end(),
            [](const auto& a, const auto& b) { return a.second < b.second; });
  return pairs;
}

}  // namespace occvla::data::nuscenes
