#include "occvla/data/nuscenes/token_index.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>

#include "occvla/data/nuscenes/parallel.h"

namespace occvla::data::nuscenes {

uint64_t OrderOf(Token token) {
  // Both multipliers are odd: each half alone is mixed without loss.
  uint64_t x = token.high * 0x9E3779B97F4A7C15u ^ std::rotl(token.low * 0xC2B2AE3D27D4EB4Fu, 31);
  x = (x ^ (x >> 32)) * 0xD6E8FEB86659FD93u;
  return x ^ (x >> 32);
}

bool TokenIndex::IsBefore(Row a, Row b) const {
  const uint64_t order_a = OrderOf(tokens_[a]), order_b = OrderOf(tokens_[b]);
  if (order_a != order_b) return order_a < order_b;
  return tokens_[a] != tokens_[b] ? tokens_[a] < tokens_[b] : a < b;
}

TokenIndex::TokenIndex(std::vector<Token> tokens, size_t threads) : tokens_(std::move(tokens)) {
  // About one token a prefix, and at least two prefixes, so that the shift stays below 64.
  const int bits = std::clamp<int>(std::bit_width(tokens_.size()), 1, 26);
  shift_ = 64 - bits;
  const size_t prefixes = size_t{1} << bits;
  begins_.assign(prefixes + 1, 0);
  // Each thread takes a share of the prefixes and looks at all tokens: reading them in order costs
  // less than what is done with them at random places.
  const size_t shares = std::min<size_t>(threads, 8);
  const auto for_each_share = [&](const auto& work) {
    ForEachIndex(shares, threads, [&](size_t, size_t share) {
      work(prefixes * share / shares, prefixes * (share + 1) / shares);
    });
  };
  const auto for_each_token = [&](size_t first, size_t last, const auto& work) {
    for (size_t row = 0; row < tokens_.size(); ++row) {
      const size_t prefix = OrderOf(tokens_[row]) >> shift_;
      if (prefix >= first && prefix < last && tokens_[row] != Token{})
        work(prefix, static_cast<Row>(row));
    }
  };
  for_each_share([&](size_t first, size_t last) {
    for_each_token(first, last, [&](size_t prefix, Row) { ++begins_[prefix + 1]; });
  });
  for (size_t prefix = 0; prefix < prefixes; ++prefix) begins_[prefix + 1] += begins_[prefix];
  rows_.resize(begins_[prefixes]);
  std::atomic<bool> has_duplicates = false;
  std::vector<uint32_t> next(begins_.begin(), begins_.end() - 1);
  for_each_share([&](size_t first, size_t last) {
    for_each_token(first, last, [&](size_t prefix, Row row) { rows_[next[prefix]++] = row; });
    for (size_t prefix = first; prefix < last; ++prefix) {
      const auto begin = rows_.begin() + begins_[prefix], end = rows_.begin() + begins_[prefix + 1];
      if (end - begin < 2) continue;
      std::sort(begin, end, [this](Row a, Row b) { return IsBefore(a, b); });
      const auto same = [this](Row a, Row b) { return tokens_[a] == tokens_[b]; };
      if (std::adjacent_find(begin, end, same) != end) has_duplicates = true;
    }
  });
  has_duplicates_ = has_duplicates;
}

Row TokenIndex::Find(Token token) const {
  if (rows_.empty() || token == Token{}) return kNoRow;
  const uint64_t order = OrderOf(token);
  const auto begin = rows_.begin() + begins_[order >> shift_];
  const auto end = rows_.begin() + begins_[(order >> shift_) + 1];
  const auto found = std::lower_bound(begin, end, token, [&](Row row, const Token& wanted) {
    const uint64_t row_order = OrderOf(tokens_[row]);
    return row_order != order ? row_order < order : tokens_[row] < wanted;
  });
  return found != end && tokens_[*found] == token ? *found : kNoRow;
}

void TokenIndex::Find(std::span<const Token> tokens, std::span<Row> rows) const {
  std::fill(rows.begin(), rows.end(), kNoRow);
  if (rows_.empty()) return;
  constexpr size_t kTogether = 16;  // Enough misses in flight to hide most of each.
  std::array<size_t, kTogether> waiting;
  size_t count = 0;
  const auto find_waiting = [&] {
    std::array<size_t, kTogether> begins;
    for (size_t i = 0; i < count; ++i)
      __builtin_prefetch(&begins_[OrderOf(tokens[waiting[i]]) >> shift_]);
    for (size_t i = 0; i < count; ++i) {
      begins[i] =
          std::min<size_t>(begins_[OrderOf(tokens[waiting[i]]) >> shift_], rows_.size() - 1);
      __builtin_prefetch(&rows_[begins[i]]);
    }
    for (size_t i = 0; i < count; ++i) __builtin_prefetch(&tokens_[rows_[begins[i]]]);
    for (size_t i = 0; i < count; ++i) rows[waiting[i]] = Find(tokens[waiting[i]]);
    count = 0;
  };
  Row latest = kNoRow;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] == Token{}) continue;
    // Where two rows share a token the first one counts, as for Find; its table is refused anyway.
    if (latest != kNoRow && tokens_[latest] == tokens[i]) {
      rows[i] = latest;
    } else if (latest + 1 < tokens_.size() && tokens_[latest + 1] == tokens[i]) {
      rows[i] = ++latest;
    } else {
      waiting[count++] = i;
      if (count < kTogether) continue;
      find_waiting();
      if (rows[i] != kNoRow) latest = rows[i];
    }
  }
  find_waiting();
}

std::vector<std::pair<Row, Row>> TokenIndex::Duplicates() const {
  std::vector<std::pair<Row, Row>> pairs;
  if (!has_duplicates_) return pairs;
  size_t first = 0;
  for (size_t i = 1; i < rows_.size(); ++i) {
    if (tokens_[rows_[i]] != tokens_[rows_[first]]) {
      first = i;
    } else {
      pairs.emplace_back(rows_[first], rows_[i]);
    }
  }
  std::sort(pairs.begin(), pairs.end(),
            [](const auto& a, const auto& b) { return a.second < b.second; });
  return pairs;
}

}  // namespace occvla::data::nuscenes
